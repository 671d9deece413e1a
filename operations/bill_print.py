"""The bill on paper: one HTML page in Vietnamese, A5 or A4, that needs nothing but itself to be printed.

It is a notice of what is to be paid: the invoice of the tax law (NĐ 123/2020) is the signed electronic one.
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from html import escape

from analytics.errors import AnalyticsError
from analytics.tariffs import PLANS, Pricing, tariff
from model.bill import Bill, BillLine, RegisterUse
from model.einvoice import EInvoice
from model.grid import Customer, PeriodFacts
from model.money import half_up
from model.period import local_day
from model.supplier import Supplier
from operations import bill_reasons, bill_surcharge, bill_words, wording
from operations.price_standing import unconfirmed
from operations.vietnamese import day, dong, in_words, number
from storage.bill_acceptances import Acceptance
from storage.bill_history import MonthUse

RATE_NAMES = {"KT": "Không theo giờ", "BT": "Bình thường", "CD": "Cao điểm", "TD": "Thấp điểm"}
STATUS_NAMES = {"Q": "qua vòng", "X": "thay công tơ", "~": "chỉ số tạm tính"}

TITLE = "Giấy báo tiền điện"
NO_INVOICE = "Giấy báo này không thay thế hóa đơn điện tử."

_CSS = """
@page { size: %(paper)s; margin: 9mm }
* { box-sizing: border-box }
body { font: 9.5pt/1.35 "Noto Sans", "DejaVu Sans", "Segoe UI", Arial, sans-serif; color: #15211f;
  background: #fff; margin: 0 auto; max-width: %(width)s; padding: 4mm }
header { display: flex; justify-content: space-between; gap: 6mm; padding-bottom: 2mm;
  border-bottom: 2px solid #0b655c }
h1 { font-size: 13pt; margin: 0; color: #0b655c; letter-spacing: .02em }
h2 { font-size: 9.5pt; margin: 4mm 0 1mm; color: #0b655c }
.quiet { color: #56635f }
td { vertical-align: top }
.why { font-size: 8pt; max-width: 60mm }
.right { text-align: right }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .4mm 4mm; margin: 2mm 0 }
dt { color: #56635f }
dd { margin: 0 }
table { border-collapse: collapse; width: 100%%; font-variant-numeric: tabular-nums }
thead { display: table-header-group }
tr { break-inside: avoid }
th { font-weight: 600; color: #56635f }
th, td { padding: .7mm 1.2mm; text-align: right; border-bottom: 1px solid #dfdacb }
th:first-child, td:first-child, .left { text-align: left }
tfoot td { border-bottom: 0 }
.total td { font-size: 12pt; font-weight: 700; color: #0b655c; border-top: 2px solid #0b655c }
.words { font-style: italic; margin: 1mm 0 3mm }
.remark { margin: 2mm 0 0; padding: 1.2mm 2mm; background: #fff4d9; color: #6d4a00 }
article + article { break-before: page; padding-top: 8mm }
footer { margin-top: 4mm; font-size: 8pt; color: #56635f }
"""


@dataclass(frozen=True, slots=True)
class Corrected:
    """The bill that this one is instead of (`replaces`), or whose amount it changes."""

    replaces: bool
    number: int
    invoice_date: date
    reason: str = ""
    einvoice: EInvoice | None = None
    surcharge: bool = False  # it asked for reactive energy as well
    reactive_einvoice: EInvoice | None = None


@dataclass(frozen=True, slots=True)
class PrintedBill:
    """What stands on the sheet: the bill, whom it goes to and comes from, where the point is, how many share
    its tiers, what was billed of the months before, which bill it corrects, for what it was held until
    somebody said why it is right, and what somebody said of its period.
    """

    number: int
    bill: Bill
    customer: Customer
    supplier: Supplier
    station: str = ""
    households: Decimal = Decimal(1)
    history: tuple[MonthUse, ...] = ()
    corrects: Corrected | None = None
    einvoice: EInvoice | None = None
    accepted: tuple[Acceptance, ...] = ()
    reactive_einvoice: EInvoice | None = None
    tenants: int | None = None
    said: PeriodFacts | None = None


def number_of(number: int) -> str:
    """A bill's number as it stands on paper, and so everywhere else: 0000001."""
    return f"{number:07d}"


def use_name(use: RegisterUse) -> str:
    """A register in words, with what is to be said of its indices."""
    notes = [name for letter, name in STATUS_NAMES.items() if letter in use.status]
    if use.removed:
        notes = [note for note in notes if note != STATUS_NAMES["X"]] + ["công tơ đã tháo"]
    return RATE_NAMES[use.rate.code] + (f" ({', '.join(notes)})" if notes else "")


def _use_row(use: RegisterUse) -> str:
    name = use_name(use)
    cells = (number(use.previous), number(use.current), number(use.multiplier), number(use.kwh))
    return (
        f"<tr><td>{escape(use.serial)}</td>"
        f'<td class="left">{escape(use.rate.code)}</td><td class="left">{escape(name)}</td>'
        + "".join(f"<td>{cell}</td>" for cell in cells)
        + "</tr>"
    )


def einvoice_of(sheet: PrintedBill) -> str:
    """The bill's electronic invoice as one writes it, with the form's digit before the series; empty where
    none is known."""
    own = sheet.einvoice
    return f"1{own.series} số {own.number:08d}" if own else ""


def line_name(plan: str, line: BillLine) -> str:
    """A tier or a register as the customer reads it: `Bậc 1`, `Cao điểm` …"""
    if line.label == "KT":  # the price of normal hours, of those who have others
        by_hours = plan in PLANS and PLANS[plan].pricing is Pricing.THREE_RATE
        return "Giờ bình thường (một giá)" if by_hours else "Một giá"
    name = RATE_NAMES.get(line.label, line.label)
    return name[:1].upper() + name[1:]


def named_lines(bill: Bill) -> list[tuple[str, BillLine]]:
    """The lines with their names; where the price changed within the period, and the same tiers or
    registers come once for each decision, with the decision they are counted by."""
    runs: list[list[BillLine]] = []
    for line in bill.lines:
        if not runs or line.label in {one.label for one in runs[-1]}:
            runs.append([])
        runs[-1].append(line)
    if len(runs) != len(bill.decisions) or len(runs) < 2:
        return [(line_name(bill.plan, line), line) for line in bill.lines]
    return [
        (f"{line_name(bill.plan, line)} ({decision})", line)
        for decision, run in zip(bill.decisions, runs, strict=True)
        for line in run
    ]


def narrowed(sheet: PrintedBill) -> str:
    """By how many days of how many the tiers are narrower than a month's (TT 60/2025/TT-BCT, 12.11), in a
    sentence; empty where they are as wide, or nobody can tell."""
    bill = sheet.bill
    if bill.plan != "vn-household" or len(bill.decisions) != 1 or len(bill.lines) < 2:
        return ""  # within one tier its width does not show
    try:
        width = tariff(bill.decisions[0]).household.widths[0] * sheet.households
    except AnalyticsError:
        return ""
    first, end = local_day(bill.period.start), local_day(bill.period.end)
    days, month = (end - first).days, monthrange(first.year, first.month)[1]
    filled = bill.lines[0].kwh
    if filled == half_up(width) or filled != half_up(Fraction(width) * days / month):
        return ""
    return f"Định mức mỗi bậc tính theo {days}/{month} ngày của tháng. "


def _line_rows(sheet: PrintedBill) -> str:
    """Each line, and why it is as it is where the bill says so."""
    reasons = bill_reasons.told(sheet.bill, sheet.households, "vi", sheet.said)
    rows = zip(named_lines(sheet.bill), reasons, strict=True)
    return "".join(_line_row(name, line, why) for (name, line), why in rows)


def _line_row(name: str, line: BillLine, why: str) -> str:
    below = f'<div class="quiet why">{escape(why)}</div>' if why else ""
    return (
        f"<tr><td>{escape(name)}{below}</td><td>{number(line.kwh)}</td>"
        f"<td>{number(line.price)}</td><td>{number(line.amount)}</td></tr>"
    )


def shared(sheet: PrintedBill) -> str:
    """How many households the tiers were widened for; nothing where it is one, or there are no tiers."""
    if sheet.households == 1 or sheet.bill.plan != "vn-household":
        return ""
    count = number(sheet.households)
    people = f"{sheet.tenants} người thuê; " if sheet.tenants is not None else ""
    return f"{count} ({people}định mức mỗi bậc × {count})"


def _behind_bulk_meter(sheet: PrintedBill) -> str:
    """What a cooperative's bill stands upon besides its meter."""
    said = sheet.said
    if said is None or said.households_with_use is None or said.retail_other_kwh is None:
        return ""
    return f"{number(said.households_with_use)}; bán lẻ mục đích khác {number(said.retail_other_kwh)} kWh"


def remarks(sheet: PrintedBill) -> list[str]:
    """What the customer has to know before the figures: what the bill corrects, for what it was held, and
    prices that may yet change it."""
    said = []
    if sheet.corrects is not None:
        way = "Thay thế" if sheet.corrects.replaces else "Điều chỉnh"
        of = f"giấy báo số {number_of(sheet.corrects.number)} ngày {day(sheet.corrects.invoice_date)}"
        reason = f" Lý do: {sheet.corrects.reason.strip().rstrip('.')}." if sheet.corrects.reason else ""
        said.append(f"{way} {of}.{reason}")
    if reviewed := reviews(sheet):
        said.append(f"Đã xem lại trước khi phát hành: {reviewed}.")
    if decisions := unconfirmed(sheet.bill):
        said.append(
            f"Giá tạm tính: đơn giá theo {', '.join(decisions)} chưa được đối chiếu với phụ lục ban hành; "
            f"số tiền có thể được điều chỉnh."
        )
    return said


def reviews(sheet: PrintedBill) -> str:
    """For what the bill was held before it went out, and why it is right; empty where it was not."""
    return "; ".join(wording.held_for(one.kind, one.why) for one in sheet.accepted)


def supplier_facts(supplier: Supplier) -> tuple[str, list[str]]:
    """The address, and tax code and telephone as far as they are known."""
    facts = [f"MST {supplier.tax_code}"] if supplier.tax_code else []
    facts += [f"ĐT {supplier.hotline}"] if supplier.hotline else []
    return supplier.address, facts


def _supplier(supplier: Supplier) -> str:
    address, others = supplier_facts(supplier)
    below = " – ".join(escape(fact) for fact in (address, *others) if fact)
    return f"<b>{escape(supplier.name)}</b>" + (f"<div class=quiet>{below}</div>" if below else "")


def customer_facts(sheet: PrintedBill) -> list[tuple[str, str]]:
    """Who is billed, and for what: names and values, those there are."""
    bill, customer = sheet.bill, sheet.customer
    facts = [
        ("Khách hàng", customer.name),
        ("Mã khách hàng", customer.code),
        ("Địa chỉ", customer.address),
        ("Số định danh" if len(customer.tax_code) == 12 else "Mã số thuế", customer.tax_code),
        ("Điện thoại", customer.phone),
        ("Điểm đo", bill.point + (f" – {sheet.station}" if sheet.station else "")),
        ("Sổ ghi chỉ số", customer.book),
        ("Mục đích sử dụng", bill_words.plan(bill.plan, "vi")),
        ("Số hộ dùng chung", shared(sheet)),
        ("Số hộ có dùng điện", _behind_bulk_meter(sheet)),
        ("Công suất cực đại", f"{number(bill.pmax_kw)} kW" if bill.pmax_kw is not None else ""),
    ]
    return [(name, value) for name, value in facts if value]


def _head(sheet: PrintedBill) -> str:
    bill = sheet.bill
    listed = "".join(
        f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in customer_facts(sheet)
    )
    first, last = day(bill.period.start), day(bill.period.end - timedelta(days=1))
    einvoice = f"<br>Hóa đơn điện tử {einvoice_of(sheet)}" if sheet.einvoice else ""
    return (
        f"<header><div><h1>{TITLE.upper()}</h1>{_supplier(sheet.supplier)}</div>"
        f"<div class=right>Số: <b>{number_of(sheet.number)}</b><br>Ngày lập: {day(bill.invoice_date)}<br>"
        f"Kỳ: {first} – {last}{einvoice}</div></header>"
        + "".join(f"<p class=remark>{escape(remark)}</p>" for remark in remarks(sheet))
        + f"<dl>{listed}</dl>"
    )


def html(sheet: PrintedBill, paper: str = "A5") -> str:
    """One self-contained page; `paper` is `A5` or `A4`."""
    return pages([sheet], paper)


def pages(sheets: Sequence[PrintedBill], paper: str = "A5") -> str:
    """A self-contained document in which every bill, one at least, begins on a page of its own."""
    if paper not in ("A5", "A4"):
        raise ValueError(f"a bill is printed on A5 or A4, not on {paper!r}")
    first, *others = sheets
    titled = f"{TITLE} {number_of(first.number)} – {escape(first.customer.name)}"
    if others:
        titled = f"{TITLE} {number_of(first.number)} – {number_of(others[-1].number)}"
    css = _CSS % {"paper": paper, "width": "148mm" if paper == "A5" else "210mm"}
    return f"""<!DOCTYPE html>
<html lang="vi"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{titled}</title><style>{css}</style></head><body>
{"".join(_article(sheet) for sheet in sheets)}
</body></html>
"""


def _article(sheet: PrintedBill) -> str:
    bill = sheet.bill
    decisions = ", ".join(bill.decisions)
    return f"""<article>{_head(sheet)}
<h2>Chỉ số công tơ</h2>
<table><thead><tr><th>Công tơ</th><th class="left">Bộ</th><th class="left">Loại</th>
<th>Chỉ số cũ</th><th>Chỉ số mới</th><th>HSN</th><th>kWh</th></tr></thead>
<tbody>{"".join(_use_row(use) for use in bill.uses)}</tbody></table>
<h2>Tiền điện</h2>
<table><thead><tr><th>Bậc thang / bộ</th><th>kWh</th><th>Đơn giá (₫/kWh)</th>
<th>Thành tiền (₫)</th></tr></thead>
<tbody>{_line_rows(sheet)}</tbody>
<tfoot><tr><td>Cộng tiền điện</td><td>{number(bill.kwh)}</td><td></td><td>{number(bill.subtotal)}</td></tr>
<tr><td>Thuế GTGT {number(bill.vat_percent)} %</td><td></td><td></td><td>{number(bill.vat)}</td></tr>
<tr class="total"><td>Tổng cộng</td><td></td><td></td><td>{dong(bill.total)}</td></tr></tfoot></table>
<p class="words">Bằng chữ: {in_words(bill.total)}.</p>
{bill_surcharge.html(bill, sheet.reactive_einvoice, adjusts=adjusts(sheet))}
<footer>{narrowed(sheet)}Giá điện theo {escape(decisions)}. Sản lượng = (chỉ số mới − chỉ số cũ) × hệ số nhân;
phần lẻ dưới 1 kWh được chuyển sang kỳ sau.<br>{NO_INVOICE}</footer>
</article>
"""


def adjusts(sheet: PrintedBill) -> bool:
    """Whether the bill says by how much another one changes."""
    return sheet.corrects is not None and not sheet.corrects.replaces


def text(sheet: PrintedBill) -> str:
    """The bill in plain lines, for a terminal."""
    bill = sheet.bill
    last = day(bill.period.end - timedelta(days=1))
    lines = [
        f"{sheet.supplier.name}: {TITLE.lower()} số {number_of(sheet.number)} – {day(bill.invoice_date)}",
        f"{sheet.customer.name} ({sheet.customer.code}), {bill.point}, kỳ {day(bill.period.start)} – {last}",
    ]
    lines += remarks(sheet)
    if shares := shared(sheet):
        lines.append(f"  Số hộ dùng chung: {shares}")
    lines += [
        f"  {use.serial} {use.rate.code}: {number(use.previous)} → {number(use.current)}"
        f" × {number(use.multiplier)} = {number(use.kwh)} kWh{' ' + use.status if use.status else ''}"
        for use in bill.uses
    ]
    lines += [
        f"  {name}: {number(line.kwh)} kWh × {number(line.price)} = {dong(line.amount)}"
        for name, line in named_lines(bill)
    ]
    lines += [
        f"Cộng {dong(bill.subtotal)}, thuế GTGT {number(bill.vat_percent)} % {dong(bill.vat)}",
        f"Tổng cộng {dong(bill.total)} ({in_words(bill.total)})",
        *bill_surcharge.lines(bill, sheet.reactive_einvoice, adjusts=adjusts(sheet)),
        NO_INVOICE,
    ]
    return "\n".join(lines) + "\n"
