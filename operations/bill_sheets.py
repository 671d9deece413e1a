"""Bills out of the store as they are printed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from psycopg import Connection
from psycopg.rows import TupleRow

from model.einvoice import EInvoice
from model.supplier import Supplier
from model.viewer import Viewer
from operations.bill_print import Corrected, PrintedBill
from storage import bill_acceptances, bill_history, einvoices, point_stations
from storage.bills import BillSheet


def printed(
    conn: Connection[TupleRow], viewer: Viewer, sheets: Sequence[BillSheet], supplier: Supplier
) -> list[PrintedBill]:
    """What stands on each sheet, the months before included as far as the viewer may see them."""
    numbers = [sheet.id for sheet in sheets]
    history = bill_history.before(conn, viewer, numbers)
    known = einvoices.of(conn, [*numbers, *(s.corrects.number for s in sheets if s.corrects is not None)])
    accepted = bill_acceptances.of(conn, numbers)
    stations = point_stations.names(conn, [sheet.bill.point for sheet in sheets])
    return [
        PrintedBill(
            sheet.id,
            sheet.bill,
            sheet.customer,
            supplier,
            stations.get(sheet.bill.point, ""),
            households=sheet.households,
            history=history.get(sheet.id, ()),
            einvoice=known.get(sheet.id),
            corrects=_corrects(sheet, known),
            accepted=accepted.get(sheet.id, ()),
        )
        for sheet in sheets
    ]


def _corrects(sheet: BillSheet, known: Mapping[int, EInvoice]) -> Corrected | None:
    of = sheet.corrects
    if of is None:
        return None
    return Corrected(of.replaces, of.number, of.invoice_date, of.reason, known.get(of.number))
