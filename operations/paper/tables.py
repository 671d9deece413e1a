"""Tables of the bill: the registers of its meters, and how the money comes about."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from reportlab.lib.units import mm

from model.bill import Bill, RegisterUse
from operations.bill_print import RATE_NAMES, named_lines, use_name
from operations.paper.page import LEFT, PALE, QUIET, RIGHT, TEAL, Align, Page, Style
from operations.paper.typeface import STRONG, wrapped
from operations.vietnamese import dong, in_words, number

TEXT = Style(9)
HEAD = Style(8.2, STRONG, TEAL)
PAD = 1.6  # mm between a table's edge and its first and last column

Row = Sequence[str]


@dataclass(frozen=True, slots=True)
class Column:
    """Text stands at `at` mm, to the left of it or to the right; what is wider than `room` mm, where that
    is told, goes on below.
    """

    name: str
    at: float
    align: Align = "left"
    room: float = 0.0


REGISTERS = (
    Column("Công tơ", LEFT + PAD),
    Column("Bộ", 48),
    Column("Loại", 57, room=52),
    Column("Chỉ số cũ", 133, "right"),
    Column("Chỉ số mới", 155, "right"),
    Column("HSN", 173, "right"),
    Column("kWh", RIGHT - PAD, "right"),
)
LINES = (
    Column("Bậc thang / bộ", LEFT + PAD),
    Column("Sản lượng (kWh)", 105, "right"),
    Column("Đơn giá (₫/kWh)", 150, "right"),
    Column("Thành tiền (₫)", RIGHT - PAD, "right"),
)


def draw(page: Page, y: float, columns: Sequence[Column], rows: Sequence[Row], pitch: float) -> float:
    """Head and rows, `pitch` mm each, from `y` on; where it ends."""
    page.box(LEFT, y, RIGHT - LEFT, pitch, PALE)
    for column in columns:
        page.text(column.at, y + pitch * 0.7, column.name, HEAD, column.align)
    y += pitch
    for row in rows:
        for column, said in zip(columns, row, strict=True):
            for down, line in enumerate(_lines(column, said)):
                page.text(column.at, y + pitch * 0.7 + down * TEXT.leading, line, TEXT, column.align)
        y += pitch + _further(columns, row)
        page.rule(y, x=LEFT, to=RIGHT)
    return y


def _lines(column: Column, said: str) -> list[str]:
    return wrapped(said, TEXT.cut, TEXT.size, column.room * mm) if column.room else [said]


def _further(columns: Sequence[Column], row: Row) -> float:
    """What a row takes beyond one line, in mm."""
    most = max(len(_lines(column, said)) for column, said in zip(columns, row, strict=True))
    return (most - 1) * TEXT.leading


def further(columns: Sequence[Column], rows: Sequence[Row]) -> float:
    """What the rows take beyond one line each, in mm."""
    return sum(_further(columns, row) for row in rows)


def register_row(use: RegisterUse) -> Row:
    name = use_name(use)
    if use.carried_wh:
        sign = "+" if use.carried_wh > 0 else "−"
        name = f"{name} (lẻ kỳ trước {sign}{number(abs(use.carried_wh) / 1000)} kWh)"
    indices = (number(use.previous), number(use.current), number(use.multiplier))
    return (use.serial, use.rate.code, name, *indices, number(use.kwh))


def by_rate(uses: Sequence[RegisterUse]) -> list[Row]:
    """Where there are too many registers for a page: the kWh of each kind, and of how many meters."""
    rows: list[Row] = []
    for rate in dict.fromkeys(use.rate for use in uses):
        of = [use for use in uses if use.rate is rate]
        meters = f"{len({use.serial for use in of})} công tơ"
        rows.append((meters, rate.code, f"{RATE_NAMES[rate.code]}, xem trang sau", "", "", "", _kwh(of)))
    return rows


def _kwh(uses: Sequence[RegisterUse]) -> str:
    return number(sum(use.kwh for use in uses))


def line_rows(bill: Bill) -> list[Row]:
    return [
        (name, number(line.kwh), number(line.price), number(line.amount)) for name, line in named_lines(bill)
    ]


def sums(page: Page, y: float, bill: Bill, pitch: float) -> float:
    """Subtotal, VAT and total in figures and in words; where it ends."""
    vat = f"Thuế GTGT {number(Decimal(bill.vat_percent))} %"
    kwh, last = LINES[1].at, LINES[-1].at
    page.text(LEFT + PAD, y + pitch * 0.75, "Cộng tiền điện", TEXT)
    page.text(kwh, y + pitch * 0.75, number(bill.kwh), TEXT, "right")
    page.text(last, y + pitch * 0.75, number(bill.subtotal), TEXT, "right")
    y += pitch
    page.text(LEFT + PAD, y + pitch * 0.75, vat, TEXT)
    page.text(last, y + pitch * 0.75, number(bill.vat), TEXT, "right")
    y += pitch + 0.8
    page.rule(y, TEAL, 1.2)
    big = Style(12, STRONG, TEAL)
    page.text(LEFT + PAD, y + 5.4, "Tổng cộng tiền thanh toán", big)
    page.text(last, y + 5.4, dong(bill.total), big, "right")
    words = f"Bằng chữ: {in_words(bill.total)}."
    return page.block(LEFT + PAD, y + 10.4, RIGHT - LEFT - 2 * PAD, words, Style(9, colour=QUIET), 2)


APART = Style(8.2, colour=QUIET)


def apart_height(page: Page, lines: Sequence[str]) -> float:
    """What the surcharge takes below the sums, in mm."""
    if not lines:
        return 0.0
    rows = sum(len(page.lines(RIGHT - LEFT - 2 * PAD, line, APART)) for line in lines[1:])
    return rows * APART.leading + 8.5


def apart(page: Page, y: float, lines: Sequence[str]) -> float:
    """The surcharge for reactive energy, which is invoiced by itself: a heading and its lines; where it
    ends."""
    heading, *others = lines
    page.text(LEFT, y + 4.4, heading.rstrip(":"), Style(9.6, STRONG, TEAL))
    y += 8.5
    for line in others:
        y = page.block(LEFT + PAD, y, RIGHT - LEFT - 2 * PAD, line.strip(), APART)
    return y
