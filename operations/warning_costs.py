"""What use costs while a customer is warned by it: the bill's own rules, a day's share of them."""

from __future__ import annotations

from datetime import date
from math import floor

from analytics.errors import AnalyticsError
from model.grid import Supply
from operations.so_far import so_far


def cost(supply: Supply | None, first: date, last: date, wh: float) -> float | None:
    """Đồng of the period from `first` to `last`, `wh` used, VAT in it where a rate is known. A bill counts
    whole kWh; between two of them the cost rises evenly. None where no price is known, or by the hour."""
    if supply is None or not wh >= 0:
        return None
    whole = floor(wh / 1000)
    try:
        below, above = (so_far(supply, first, last, 1000.0 * kwh) for kwh in (whole, whole + 1))
    except AnalyticsError:  # a plan or a day that no file has prices for
        return None
    if below is None or above is None:
        return None
    return below.amount + (wh / 1000 - whole) * (above.amount - below.amount)


def cost_of_day(supply: Supply | None, first: date, day: date, before_wh: float, wh: float) -> float | None:
    """Đồng that the day adds to the period begun on `first`, in which `before_wh` were used before."""
    until, earlier = cost(supply, first, day, before_wh + wh), cost(supply, first, day, before_wh)
    return None if until is None or earlier is None else until - earlier
