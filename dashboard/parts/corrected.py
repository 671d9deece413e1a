"""What a list of bills says of one that corrects another, or was corrected."""

from __future__ import annotations

from dashboard.visit import Visit
from operations.bill_print import number_of
from storage.bills import BillRow


def corrected(visit: Visit, row: BillRow) -> str:
    """Which bill this one adjusts or replaces, or which one holds instead of it; empty where neither."""
    if row.replaced_by is not None:
        return str(visit.say("bill.corrected_by", n=number_of(row.replaced_by)))
    return str(visit.say(f"bill.{row.correction}", n=number_of(row.corrects))) if row.corrects else ""
