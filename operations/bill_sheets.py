"""Bills out of the store as they are printed."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from psycopg import Connection
from psycopg.rows import TupleRow

from model.einvoice import EInvoice
from model.supplier import Supplier
from model.viewer import Viewer
from operations.bill_print import Corrected, PrintedBill
from operations.supplied import sharing
from storage import bill_acceptances, bill_history, bill_reactive, einvoices, point_stations
from storage.bills import BillSheet


def printed(
    conn: Connection[TupleRow], viewer: Viewer, sheets: Sequence[BillSheet], supplier: Supplier
) -> list[PrintedBill]:
    """What stands on each sheet, the months before included as far as the viewer may see them."""
    numbers = [sheet.id for sheet in sheets]
    history = bill_history.before(conn, viewer, numbers)
    originals = [sheet.corrects.number for sheet in sheets if sheet.corrects is not None]
    known = einvoices.of(conn, [*numbers, *originals])
    apart = einvoices.of(conn, [*numbers, *originals], reactive=True)
    asked = bill_reactive.asked(conn, originals)
    accepted = bill_acceptances.of(conn, numbers)
    stations = point_stations.names(conn, [sheet.bill.point for sheet in sheets])
    return [
        PrintedBill(
            sheet.id,
            sheet.bill,
            sheet.customer,
            supplier,
            stations.get(sheet.bill.point, ""),
            households=sharing(sheet.households, sheet.tenants),
            history=history.get(sheet.id, ()),
            einvoice=known.get(sheet.id),
            corrects=_corrects(sheet, known, apart, asked),
            accepted=accepted.get(sheet.id, ()),
            reactive_einvoice=apart.get(sheet.id),
            tenants=sheet.tenants,
            said=sheet.said,
        )
        for sheet in sheets
    ]


def _corrects(
    sheet: BillSheet, known: Mapping[int, EInvoice], apart: Mapping[int, EInvoice], asked: Collection[int]
) -> Corrected | None:
    of = sheet.corrects
    if of is None:
        return None
    return Corrected(
        of.replaces,
        of.number,
        of.invoice_date,
        of.reason,
        known.get(of.number),
        surcharge=of.number in asked,
        reactive_einvoice=apart.get(of.number),
    )
