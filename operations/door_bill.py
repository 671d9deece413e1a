"""What a reading comes to at the door: a provisional bill of one point, from the route's own figures."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any, Final

from analytics.billing import Request, rate
from analytics.billing.given import UNDECLARED
from analytics.errors import AnalyticsError
from operations.formats.values import IndexPair
from operations.supplied import REFUSED, UNDECLARED_TENANTS

_BILLED: Final = ("KT", "BT", "CD", "TD")
_HOUSEHOLD: Final = "household"


def of_points(pairs: Sequence[IndexPair]) -> dict[str, dict[str, Any]]:
    """By measurement point: subtotal, VAT and total in đồng, or why there is no bill.

    Provisional: the run that issues bills knows of changes of price, meter and party that the route does not,
    and carries fractions of a kWh. Reactive energy is no part of it (it is invoiced by itself).
    """
    by_point: dict[str, list[IndexPair]] = defaultdict(list)
    for pair in pairs:
        if pair.channel in _BILLED:
            by_point[pair.told["point"] or pair.meter].append(pair)
    return {point: _bill(registers) for point, registers in by_point.items()}


def _bill(registers: Sequence[IndexPair]) -> dict[str, Any]:
    first = registers[0]
    plan = first.told["plan"]
    if not plan:
        return {"provisional": True, "why": "the route does not name the plan (CHUOI_GIA)"}
    kwh: dict[str, int] = defaultdict(int)
    for pair in registers:
        kwh[pair.channel] += int(pair.quantity)
    document: dict[str, Any] = {
        "plan": plan,
        "from": first.start.date().isoformat(),
        "to": first.end.date().isoformat(),
        "kwh": dict(kwh),
    }
    if first.told["households"]:
        document["households"] = first.told["households"].replace(",", ".")
    if first.told["voltage_kv"]:
        document["voltage_kv"] = first.told["voltage_kv"].replace(",", ".")
    if first.told["special"] == UNDECLARED_TENANTS:
        document["tenants"] = UNDECLARED
    if first.told["special"] == REFUSED:
        document["three_rate_refused"] = True
    if set(kwh) == {"KT"} and _HOUSEHOLD not in plan:
        document["one_rate"] = True
    try:
        rated = rate(Request.from_document(document))
    except AnalyticsError as error:
        return {"provisional": True, "why": error.sentence}
    return {
        "provisional": True,
        "kwh": rated.kwh,
        "subtotal": rated.subtotal,
        "vat_percent": str(rated.vat_percent),
        "vat": rated.vat,
        "total": rated.total,
    }
