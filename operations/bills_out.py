"""Bills as tables and documents for other programs, under the names of the billing trade."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any, Final

from psycopg import Connection
from psycopg.rows import TupleRow

from model.jsonform import to_json
from model.period import LOCAL, local_day
from model.viewer import Viewer
from operations.vietnamese import day
from storage import bills
from storage.bills import BillSheet

_HEAD: Final = (
    "SO_HDON", "MA_KHANG", "TEN_KHANG", "MA_QUYEN", "MA_DDO", "SERY_CTO", "CHUOI_GIA", "LOAI_HDON", "KY",
    "THANG", "NAM", "NGAY_DKY", "NGAY_CKY", "NGAY_HDON",
)  # fmt: skip
COLUMNS: Final = (*_HEAD, "DIEN_TTHU", "SO_TIEN", "THUE_SUAT", "TIEN_GTGT", "TONG_TIEN", "QUYET_DINH")
LINE_COLUMNS: Final = (*_HEAD, "DONG", "BAC", "DIEN_TTHU", "DON_GIA", "SO_TIEN")
_ALL: Final = 10_000_000
_ACTIVE: Final = "TD"  # LOAI_HDON: active energy


def sheets(conn: Connection[TupleRow], viewer: Viewer, month: date) -> list[BillSheet]:
    """The bills whose period ends with the month of the day, whole, by their numbers."""
    rows = bills.bills(conn, viewer, month=month, limit=_ALL)
    found = (bills.bill(conn, viewer, number) for number in sorted(row.id for row in rows))
    return [sheet for sheet in found if sheet is not None]


def _head(sheet: BillSheet) -> tuple[object, ...]:
    bill, customer = sheet.bill, sheet.customer
    last = local_day(bill.period.end) - timedelta(days=1)
    serials = ", ".join(dict.fromkeys(use.serial for use in bill.uses))
    return (
        sheet.id, bill.customer, customer.name, customer.book, bill.point, serials, bill.plan, _ACTIVE,
        1, last.month, last.year, day(bill.period.start.astimezone(LOCAL)), day(last), day(bill.invoice_date),
    )  # fmt: skip


def table(found: Sequence[BillSheet]) -> tuple[tuple[str, ...], list[tuple[object, ...]]]:
    """A row a bill: kWh, đồng before VAT, the rate in percent, VAT, total, the decisions."""
    rows = []
    for sheet in found:
        bill = sheet.bill
        money = (bill.kwh, bill.subtotal, bill.vat_percent, bill.vat, bill.total, ", ".join(bill.decisions))
        rows.append((*_head(sheet), *money))
    return COLUMNS, rows


def lines(found: Sequence[BillSheet]) -> tuple[tuple[str, ...], list[tuple[object, ...]]]:
    """A row a line: its number, tier or register, kWh, đồng per kWh and đồng, before VAT."""
    rows = []
    for sheet in found:
        for number, line in enumerate(sheet.bill.lines, 1):
            rows.append((*_head(sheet), number, line.label, line.kwh, line.price, line.amount))
    return LINE_COLUMNS, rows


def document(sheet: BillSheet) -> dict[str, Any]:
    """The bill with its lines, registers and customer."""
    return {"number": sheet.id, "customer_name": sheet.customer.name, **to_json(sheet.bill)}
