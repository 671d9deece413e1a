"""What moving use from the hours of one rate to those of another is worth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from analytics.billing.rated import Rated
from analytics.billing.rating import rate
from analytics.billing.request import Request
from analytics.errors import BillingError
from model.money import Dong, half_up


@dataclass(frozen=True, slots=True)
class Move:
    """`kwh` of the period, `percent` of what lay in the dear hours, used in cheap hours instead: what is paid
    then, with VAT and reactive surcharge, and what that saves (below zero: it costs more)."""

    percent: int
    kwh: int
    total: Dong
    saved: Dong


def paid(rated: Rated) -> Dong:
    """All that is paid for the period: the bill with VAT, and the invoice of the reactive surcharge."""
    return rated.total + (rated.reactive.total if rated.reactive is not None else 0)


def moved(
    request: Request, percents: Sequence[int], *, dear: str = "CD", cheap: str = "TD"
) -> tuple[Move, ...]:
    """The period rated again with so many per cent of its `dear` kWh (rounded to whole ones) used in `cheap`
    hours. Raises as `rate` does, and `BillingError` for a share that is none."""
    before = paid(rate(request))
    found = []
    for percent in percents:
        if not 0 <= percent <= 100:
            raise BillingError("bad_request", f"{percent} % of the use cannot be moved: give 0 to 100")
        kwh = half_up(Fraction(request.kwh.get(dear, 0) * percent, 100))
        shifted = {**request.kwh}
        shifted[dear] = shifted.get(dear, 0) - kwh
        shifted[cheap] = shifted.get(cheap, 0) + kwh
        after = paid(rate(replace(request, kwh=shifted)))
        found.append(Move(percent, kwh, after, before - after))
    return tuple(found)
