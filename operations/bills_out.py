"""Bills as tables and documents for other programs, under the names of the billing trade."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final

from psycopg import Connection
from psycopg.rows import TupleRow

from model.jsonform import to_json
from model.period import LOCAL, local_day
from model.series import REACTIVE_CODE
from model.viewer import Viewer
from operations.vietnamese import day
from storage import bills
from storage.bills import BillRow, BillSheet

_HEAD: Final = (
    "SO_HDON", "MA_KHANG", "TEN_KHANG", "MA_QUYEN", "MA_DDO", "SERY_CTO", "CHUOI_GIA", "LOAI_HDON", "KY",
    "THANG", "NAM", "NGAY_DKY", "NGAY_CKY", "NGAY_HDON",
)  # fmt: skip
COLUMNS: Final = (
    *_HEAD, "DIEN_TTHU", "SO_TIEN", "THUE_SUAT", "TIEN_GTGT", "TONG_TIEN", "QUYET_DINH", "HDON_GOC",
    "TINH_CHAT", "THAY_BOI",
)  # fmt: skip
_CORRECTION: Final = {"adjusts": "điều chỉnh", "replaces": "thay thế"}
LINE_COLUMNS: Final = (*_HEAD, "DONG", "BAC", "DIEN_TTHU", "DON_GIA", "SO_TIEN")
_ALL: Final = 10_000_000
_ACTIVE: Final = "TD"  # LOAI_HDON: active energy
_REACTIVE: Final = REACTIVE_CODE  # … and the surcharge for reactive energy


@dataclass(frozen=True, slots=True)
class Out:
    """A bill whole, and how it stands among its corrections."""

    sheet: BillSheet
    row: BillRow


def month(conn: Connection[TupleRow], viewer: Viewer, day_: date) -> list[Out]:
    """The bills whose period ends with the month of the day, by their numbers."""
    rows = sorted(bills.bills(conn, viewer, month=day_, limit=_ALL), key=lambda row: row.id)
    found = ((bills.bill(conn, viewer, row.id), row) for row in rows)
    return [Out(sheet, row) for sheet, row in found if sheet is not None]


def _head(sheet: BillSheet, kind: str = _ACTIVE) -> tuple[object, ...]:
    bill, customer = sheet.bill, sheet.customer
    last = local_day(bill.period.end) - timedelta(days=1)
    serials = ", ".join(dict.fromkeys(use.serial for use in bill.uses))
    return (
        sheet.id, bill.customer, customer.name, customer.book, bill.point, serials, bill.plan, kind,
        1, last.month, last.year, day(bill.period.start.astimezone(LOCAL)), day(last), day(bill.invoice_date),
    )  # fmt: skip


def table(found: Sequence[Out]) -> tuple[tuple[str, ...], list[tuple[object, ...]]]:
    """A row a bill: kWh, đồng before VAT, the rate in percent, VAT, total, the decisions; which bill it
    corrects and how, and which holds instead of it. Its surcharge for reactive energy is a row of its own,
    in kvarh."""
    rows = []
    for one in found:
        bill, row = one.sheet.bill, one.row
        money = (bill.kwh, bill.subtotal, bill.vat_percent, bill.vat, bill.total, ", ".join(bill.decisions))
        rows.append(
            (*_head(one.sheet), *money, row.corrects, _CORRECTION.get(row.correction), row.replaced_by)
        )
        if bill.reactive is not None and bill.reactive.total:
            rows.append((*_head(one.sheet, _REACTIVE), *_surcharge(one)))
    return COLUMNS, rows


def _surcharge(one: Out) -> tuple[object, ...]:
    bill, row = one.sheet.bill, one.row
    asked = bill.reactive
    assert asked is not None  # the caller looks
    money = (asked.kvarh, asked.subtotal, bill.vat_percent, asked.vat, asked.total, asked.decision)
    return (*money, row.corrects, _CORRECTION.get(row.correction), row.replaced_by)


def lines(found: Sequence[Out]) -> tuple[tuple[str, ...], list[tuple[object, ...]]]:
    """A row a line: its number, tier or register, kWh, đồng per kWh and đồng, before VAT."""
    rows = []
    for one in found:
        for number, line in enumerate(one.sheet.bill.lines, 1):
            rows.append((*_head(one.sheet), number, line.label, line.kwh, line.price, line.amount))
    return LINE_COLUMNS, rows


def document(one: Out) -> dict[str, Any]:
    """The bill with its lines, registers, customer and corrections."""
    row = one.row
    standing = {"corrects": row.corrects, "correction": row.correction, "replaced_by": row.replaced_by}
    names = {"number": row.id, "customer_name": one.sheet.customer.name}
    return {**names, **to_json(one.sheet.bill), **standing}
