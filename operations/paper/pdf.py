"""The bill as a PDF, drawn to the millimetre: the same bill is the same bytes.

One A4 page a bill. Where its registers are more than fit, their kinds stand on the page and each register
on the pages behind it.
"""

from __future__ import annotations

import io
import threading
from collections.abc import Iterator, Sequence
from datetime import timedelta

from reportlab import rl_config
from reportlab.lib.pagesizes import A4
from reportlab.pdfgen.canvas import Canvas

from model.period import local_day
from operations import bill_surcharge
from operations.bill_print import (
    NO_INVOICE,
    TITLE,
    PrintedBill,
    adjusts,
    customer_facts,
    einvoice_of,
    narrowed,
    number_of,
    remarks,
    supplier_facts,
)
from operations.paper import chart, payment, tables
from operations.paper.page import (
    AMBER,
    BROWN,
    HEIGHT,
    INK,
    LEFT,
    PALE,
    QUIET,
    RIGHT,
    TEAL,
    Page,
    Style,
)
from operations.paper.typeface import STRONG, ready
from operations.vietnamese import day, dong, number

PITCHES = (6.4, 5.8, 5.2, 4.8, 4.4, 4.1, 3.9, 3.7)  # mm of a row, as the table is short or long
FOOT = 278.0  # where the remarks at the page's foot begin
BEHIND, PITCH_BEHIND = 254.0, 4.8  # mm for registers on a page behind the first, and of one
CODE = 34.0  # side of the QR code
LOWER = 62.0  # what chart and code take
FEW = 3  # months, of which no tall bars are made

_ONE_AT_A_TIME = threading.Lock()  # ReportLab cuts a document's letters out of a font all documents share
rl_config.useA85 = 0  # streams as they are, not as letters: a fifth smaller

SMALL = Style(7.6, colour=QUIET)
NAME = Style(8.6, colour=QUIET)
VALUE = Style(9.2)
SECTION = Style(9.6, STRONG, TEAL)


def document(sheets: Sequence[PrintedBill]) -> bytes:
    """A document in which every bill, one at least, begins on a page of its own. Any thread may ask."""
    with _ONE_AT_A_TIME:
        return _document(sheets)


def _document(sheets: Sequence[PrintedBill]) -> bytes:
    first, last = sheets[0], sheets[-1]
    ready()
    written = io.BytesIO()
    canvas = Canvas(written, pagesize=A4, invariant=1, pageCompression=1, lang="vi-VN")
    numbers = number_of(first.number) + (f" – {number_of(last.number)}" if last is not first else "")
    canvas.setTitle(f"{TITLE} {numbers}")
    canvas.setAuthor(first.supplier.name)
    canvas.setCreator("Điện kế")
    for sheet in sheets:
        for _ in _pages(canvas, sheet):
            canvas.showPage()
    canvas.save()
    return written.getvalue()


def _pages(canvas: Canvas, sheet: PrintedBill) -> Iterator[None]:
    page = Page(canvas)
    y = _facts(page, _remarks(page, _head(page, sheet), sheet), sheet)
    bill = sheet.bill
    registers: list[tables.Row] = [tables.register_row(use) for use in bill.uses]
    lines = tables.line_rows(bill)
    apart = list(bill_surcharge.lines(bill, sheet.reactive_einvoice, adjusts=adjusts(sheet)))
    beside = tables.apart_height(page, apart)
    room = FOOT - LOWER - y - beside
    pitch = _pitch(len(registers) + len(lines), room - tables.further(tables.REGISTERS, registers))
    rows = registers if pitch else tables.by_rate(bill.uses)
    pitch = pitch or _pitch(len(rows) + len(lines), room) or PITCHES[-1]
    page.text(LEFT, y + 3.4, "Chỉ số công tơ", SECTION)
    y = tables.draw(page, y + 5.2, tables.REGISTERS, rows, pitch)
    page.text(LEFT, y + 6.6, "Tiền điện", SECTION)
    y = tables.draw(page, y + 8.4, tables.LINES, lines, pitch)
    y = tables.sums(page, y, bill, pitch)
    _lower(page, sheet, tables.apart(page, y, apart) if apart else y)
    _foot(page, sheet)
    yield
    if rows is not registers:
        for some in _behind(registers):
            tables.draw(page, _annex(page, sheet), tables.REGISTERS, some, PITCH_BEHIND)
            yield


def _pitch(rows: int, room: float) -> float:
    """The most generous pitch with which both tables, their heads and the sums fit; 0: none."""
    return next((pitch for pitch in PITCHES if (rows + 4) * pitch + 29 <= room), 0.0)


def _head(page: Page, sheet: PrintedBill) -> float:
    left = page.block(LEFT, 17, 112, sheet.supplier.name, Style(11.5, STRONG), 3)
    address, others = supplier_facts(sheet.supplier)
    for fact in (address, " – ".join(others)):
        if fact:
            left = page.block(LEFT, left, 112, fact, Style(8.4, colour=QUIET), 3)
    page.text(RIGHT, 17.6, TITLE.upper(), Style(15, STRONG, TEAL), "right")
    page.text(RIGHT, 23, f"Số {number_of(sheet.number)}", Style(9.5, STRONG), "right")
    page.text(RIGHT, 27.4, f"Ngày lập {day(sheet.bill.invoice_date)}", Style(9), "right")
    y = max(left - 1.5, 29.5)
    if sheet.einvoice is not None:
        page.text(RIGHT, 31.6, f"Hóa đơn điện tử {einvoice_of(sheet)}", Style(9), "right")
        y = max(y, 33.8)
    page.rule(y, TEAL, 1.6)
    return y


def _remarks(page: Page, y: float, sheet: PrintedBill) -> float:
    style = Style(8.8, colour=BROWN)
    for remark in remarks(sheet):
        lines = page.lines(RIGHT - LEFT - 6, remark, style)
        page.box(LEFT, y + 1.6, RIGHT - LEFT, len(lines) * style.leading + 2.2, AMBER, 0.8)
        y = page.block(LEFT + 3, y + 5.2, RIGHT - LEFT - 6, remark, style) - 2.2
    return y


def _facts(page: Page, y: float, sheet: PrintedBill) -> float:
    """The customer on the left, what is to be paid on the right; where both end."""
    bill = sheet.bill
    side, wide = 132.0, RIGHT - 132.0
    page.box(side, y + 3, wide, 27, PALE, 1.2)
    first, last = local_day(bill.period.start), local_day(bill.period.end) - timedelta(days=1)
    middle = side + wide / 2
    named = "Số tiền thanh toán" if bill.total >= 0 else "Số tiền được giảm"
    page.text(middle, y + 8.4, named, NAME, "centre")
    page.text(middle, y + 16, dong(bill.total), Style(18, STRONG, TEAL), "centre")
    page.text(middle, y + 21.8, f"{number(bill.kwh)} kWh", Style(9.6, STRONG), "centre")
    page.text(middle, y + 26.4, f"Kỳ {day(first)} – {day(last)}", NAME, "centre")
    left = y + 7.2
    for name, value in customer_facts(sheet):
        page.text(LEFT, left, name, NAME)
        left = page.block(46, left, side - 50, value, VALUE, 4) + 0.5
    return max(left - 1, y + 34)


def _lower(page: Page, sheet: PrintedBill, above: float) -> None:
    """The months before on the left, the code on the right, both above the foot; where a bill is short
    they begin higher up, and the bars are taller."""
    bill, account = sheet.bill, sheet.supplier.account
    shown = chart.months(sheet.history, bill.period.last_day, bill.kwh)
    room = above < FOOT - LOWER - 6 and sum(kwh is not None for _, kwh in shown) > FEW
    top = max(above + 9, FOOT - LOWER - 22) if room else FOOT - LOWER + 4
    bars = FOOT - top - 17
    page.text(LEFT, top + 3, "Điện năng 13 tháng (kWh)", SECTION)
    chart.draw(page, LEFT, top + 5, 124, bars, shown)
    page.text(LEFT, top + bars + 9.4, chart.compared(shown), Style(8.2, colour=QUIET))
    middle = RIGHT - 26
    reference = f"TD {number_of(sheet.number)} {bill.customer}"
    if account is not None and bill.total > 0:
        content = payment.transfer(account, bill.total, reference)
        title = "Quét mã để chuyển khoản"
        below = [
            account.bank,
            f"TK {account.number}",
            account.holder,
            f"Nội dung: {payment.purpose(reference)}",
        ]
    else:
        content = f"{reference} {bill.total} VND"
        title = "Mã tra cứu"
        below = [f"Mã khách hàng {bill.customer}", f"Số {number_of(sheet.number)}"]
    page.text(middle, top + 3, title, SECTION, "centre")
    payment.draw(page, middle - CODE / 2, top + 4, CODE, content)
    y = top + CODE + 6.4
    for line in below:
        if line:
            y = page.block(middle, y, 54, line, Style(8, colour=INK), 2, "centre")


def _foot(page: Page, sheet: PrintedBill) -> None:
    page.rule(FOOT)
    decisions = ", ".join(sheet.bill.decisions)
    said = (
        f"{narrowed(sheet)}Giá điện theo {decisions}. Sản lượng = (chỉ số mới − chỉ số cũ) × hệ số nhân "
        f"(HSN); phần lẻ dưới 1 kWh được chuyển sang kỳ sau. {NO_INVOICE}"
    )
    page.block(LEFT, FOOT + 4.2, RIGHT - LEFT, said, SMALL, 3)


def _behind(registers: list[tables.Row]) -> Iterator[list[tables.Row]]:
    """As many registers as fit on each page behind the first."""
    some: list[tables.Row] = []
    taken = 0.0
    for row in registers:
        high = PITCH_BEHIND + tables.further(tables.REGISTERS, [row])
        if taken + high > BEHIND:
            yield some
            some, taken = [], 0.0
        some.append(row)
        taken += high
    yield some


def _annex(page: Page, sheet: PrintedBill) -> float:
    title = f"{TITLE} số {number_of(sheet.number)} – chỉ số công tơ"
    page.text(LEFT, 17, title, Style(11.5, STRONG, TEAL))
    (whose,) = page.lines(RIGHT - LEFT, sheet.customer.name, SMALL, 1)
    page.text(RIGHT, HEIGHT - 12, whose, SMALL, "right")
    return 21.0
