"""Bills to print and what a reader sees of their PDF: text, lines and codes off the picture."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from itertools import combinations

import pypdfium2
import zxingcpp

from analytics.billing import Request, rate
from model.bill import Bill, ReactiveBill, RegisterUse
from model.einvoice import EInvoice
from model.grid import Customer
from model.period import Period, add_months
from model.series import Rate
from model.supplier import BankAccount, Supplier
from operations.bill_print import PrintedBill
from operations.runs.counting import billed
from storage.bill_history import MonthUse

OCTOBER = Period.of_month(2026, 10)
ACCOUNT = BankAccount("970416", "257678859", "Ngân hàng TMCP Á Châu (ACB)", "HTX DIEN BINH MINH")
SUPPLIER = Supplier(
    "Hợp tác xã dịch vụ điện Bình Minh", "1900 1234", "Thôn Đông, tỉnh Hưng Yên", "0100100079", ACCOUNT
)
CUSTOMER = Customer("PB01000123450", "Nguyễn Thị Hương Giang", "Số 12, ngõ 5, thôn Đông", "S01", "0912345678")


def use(serial: str, rate: Rate, previous: str, current: str, kwh: int, **more: object) -> RegisterUse:
    known: dict[str, object] = {"multiplier": Decimal(1)} | more
    return RegisterUse(  # type: ignore[arg-type]
        serial, rate, Decimal(previous), Decimal(current), wh=Decimal(kwh) * 1000, kwh=kwh, **known
    )


def bill(plan: str, kwh: dict[str, int], uses: tuple[RegisterUse, ...], period: Period = OCTOBER) -> Bill:
    """A bill as the rating makes it."""
    start, end = (at.date() for at in (period.start, period.end))
    rated = rate(Request(plan=plan, start=start, end=end, invoice_date=end, kwh=kwh))
    made = billed(rated, "PB01000123450001", CUSTOMER.code, plan, period, end)
    return replace(made, uses=uses)


def year(last: date, *kwh: int) -> tuple[MonthUse, ...]:
    """Months that end with `last`'s."""
    first = add_months(last, 1 - len(kwh))
    return tuple(MonthUse(add_months(first, place), each) for place, each in enumerate(kwh))


def household(kwh: int = 512) -> PrintedBill:
    """All six tiers, and the year before."""
    read = use("26100037", Rate.TOTAL, "10412.5", str(Decimal("10412.5") + kwh), kwh)
    months = (430, 310, 220, 240, 250, 180, 260, 390, 610, 640, 655, 580, kwh)
    return PrintedBill(
        12,
        bill("vn-household", {"KT": kwh}, (read,)),
        CUSTOMER,
        SUPPLIER,
        history=year(date(2026, 10, 1), *months),
    )


def business() -> PrintedBill:
    """Three registers, and the meter changed in the middle."""
    twenty = {"multiplier": Decimal(20)}
    uses = (
        use("25000881", Rate.NORMAL, "99812.4", "120.2", 2000, status="QX", removed=True, **twenty),
        use("25000881", Rate.PEAK, "3120.1", "3150.1", 600, status="X", removed=True, **twenty),
        use("25000881", Rate.OFFPEAK, "2000", "2020", 400, status="X", removed=True, **twenty),
        use("26200417", Rate.NORMAL, "0", "110", 2200, **twenty),
        use("26200417", Rate.PEAK, "0.5", "36", 710, **twenty),
        use("26200417", Rate.OFFPEAK, "0", "29", 580, carried_wh=Decimal(-400), **twenty),
    )
    made = bill("vn-business", {"BT": 4200, "CD": 1310, "TD": 980}, uses)
    return PrintedBill(13, made, CUSTOMER, SUPPLIER, "Trạm Phố Nối 3")


def reactive_buyer() -> PrintedBill:
    """The same with a surcharge for reactive energy, whose invoice is numbered."""
    read = use("26200417", Rate.TOTAL, "1000", "1196.5", 3930, multiplier=Decimal(20))
    sheet = business()
    k = Decimal("4.65")
    subtotal = round(sheet.bill.subtotal * k / 100)
    vat = round(Decimal(subtotal) * 8 / 100)
    sums = (subtotal, vat, subtotal + vat)
    asked = ReactiveBill(6490, 3930, Decimal("0.86"), k, "TT 15/2014/TT-BCT", *sums, uses=(read,))
    made = replace(sheet.bill, reactive=asked, pmax_kw=Decimal("45.2"))
    return replace(sheet, bill=made, reactive_einvoice=EInvoice("C26TDK", 124, date(2026, 11, 1)))


@dataclass(frozen=True, slots=True)
class Seen:
    """A page as a reader has it: its text, the boxes of its lines (left, bottom, right, top, in points),
    and what its code says."""

    text: str
    boxes: tuple[tuple[float, float, float, float], ...]
    code: str


def misplaced(page: Seen) -> list[str]:
    """What is written beyond the margins of A4 or over something else."""
    found = []
    for left, bottom, right, top in page.boxes:
        if not (38 < left < right < 557 and 20 < bottom < top < 815):
            found.append(f"beyond the margins: {left, bottom, right, top}")
    for one, other in combinations(page.boxes, 2):
        apart = one[2] <= other[0] or other[2] <= one[0] or one[3] <= other[1] or other[3] <= one[1]
        deep = min(one[3], other[3]) - max(one[1], other[1])
        if not apart and deep > 1.5:  # a letter's tail may reach into the next line
            found.append(f"one over another: {one} and {other}")
    return found


def seen(document: bytes, *, codes: bool = True) -> list[Seen]:
    """Every page; its code too, unless that is not looked for."""
    opened = pypdfium2.PdfDocument(document)
    pages = []
    for page in opened:
        words = page.get_textpage()
        boxes = tuple(words.get_rect(at) for at in range(words.count_rects()))
        found = zxingcpp.read_barcodes(page.render(scale=3).to_pil()) if codes else []
        said = words.get_text_range().replace("\r\n", "\n")
        pages.append(Seen(said, boxes, found[0].text if found else ""))
    opened.close()
    return pages
