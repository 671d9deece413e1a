"""E-invoices that were made of bills, as the provider who signed them tells."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from psycopg import Connection, errors
from psycopg.rows import TupleRow

from model.einvoice import EInvoice
from model.period import require_aware
from storage.errors import StorageError, Unknown

_BILLS: Final = "SELECT id FROM bill WHERE id = ANY (%s)"
_RECORD: Final = """
    INSERT INTO einvoice (bill_id, series, number, dated, code, recorded_at, reactive)
    VALUES (%s, %s, %s, %s, %s, %s, %s)"""
_OF: Final = """
    SELECT bill_id, series, number, dated, code FROM einvoice WHERE bill_id = ANY (%s) AND reactive = %s"""


class EInvoiceConflict(StorageError):
    """A bill has another e-invoice already, or an e-invoice is another bill's."""

    def __init__(self, bill: int, told: EInvoice, standing: EInvoice | None) -> None:
        self.bill = bill
        of = f"bill {bill} is e-invoice {standing.series} {standing.number} already" if standing else ""
        another = f"e-invoice {told.series} {told.number} is another bill's already, not bill {bill}'s"
        super().__init__(f"{of or another}: correct the file.")


@dataclass(frozen=True, slots=True)
class EInvoiceCounts:
    new: int = 0
    unchanged: int = 0


def record(
    conn: Connection[TupleRow],
    told: Mapping[int, EInvoice],
    recorded_at: datetime,
    *,
    reactive: bool = False,
) -> EInvoiceCounts:
    """Keep which e-invoice each bill is, or with `reactive` its surcharge. What is known already in the same
    words is left.

    Raises Unknown for a bill that is not there, EInvoiceConflict where it contradicts what stands.
    """
    at = require_aware(recorded_at)
    there = {bill_id for (bill_id,) in conn.execute(_BILLS, [list(told)])}
    standing = of(conn, list(told), reactive=reactive)
    for bill_id, invoice in told.items():
        if bill_id not in there:
            raise Unknown("bill", str(bill_id))
        if standing.get(bill_id, invoice) != invoice:
            raise EInvoiceConflict(bill_id, invoice, standing[bill_id])
    new = [bill_id for bill_id in told if bill_id not in standing]
    for bill_id in new:
        one = told[bill_id]
        try:
            conn.execute(_RECORD, [bill_id, one.series, one.number, one.dated, one.code, at, reactive])
        except errors.UniqueViolation:
            raise EInvoiceConflict(bill_id, one, None) from None
    return EInvoiceCounts(len(new), len(told) - len(new))


def of(conn: Connection[TupleRow], bill_ids: Sequence[int], *, reactive: bool = False) -> dict[int, EInvoice]:
    """The e-invoices of those bills that have one; with `reactive`, those of their surcharges."""
    found = conn.execute(_OF, [list(bill_ids), reactive])
    return {bill_id: EInvoice(*invoice) for bill_id, *invoice in found}
