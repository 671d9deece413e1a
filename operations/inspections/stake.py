"""What energy that is not counted is worth: đồng at the price that the customer's next kWh costs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final

from psycopg import Connection
from psycopg.rows import TupleRow

from analytics.billing import Request, rate
from analytics.errors import AnalyticsError
from analytics.tariffs import NoVatRate, last_vat_day, vat_percent
from analytics.tariffs.plans import Pricing, plan
from model.grid import Supply
from model.money import Dong
from operations import supplied
from storage import billed_periods

MONTH: Final = 30  # days whose bill the missing energy would have made greater


@dataclass(frozen=True, slots=True)
class Price:
    """`dong` a kWh with VAT; `by`: "next_kwh", what the bill of thirty days would have been greater by, or
    "last_bill", the mean of the customer's last bill."""

    dong: float
    by: str


def price(
    conn: Connection[TupleRow],
    supply: Supply | None,
    point: str,
    counted_wh: float,
    missing_wh: float,
    day: date,
) -> Price | None:
    """Of a kWh that was not counted, where `counted_wh` and `missing_wh` a day were used on the days up to
    `day`; None where no price can be had."""
    found = None if supply is None else _next_kwh(supply, counted_wh, missing_wh, day)
    if found is not None:
        return found
    mean = billed_periods.mean_price(conn, point)
    return None if mean is None else Price(float(mean), "last_bill")


def _next_kwh(supply: Supply, counted_wh: float, missing_wh: float, day: date) -> Price | None:
    """By the bills of a month with and without what was missing."""
    counted = max(0, round(MONTH * counted_wh / 1000))
    missing = max(1, round(MONTH * missing_wh / 1000))
    try:
        less, more = (_total(supply, kwh, day) for kwh in (counted, counted + missing))
    except AnalyticsError:
        return None
    if less is None or more is None or more <= less:
        return None
    return Price((more - less) / missing, "next_kwh")


def _total(supply: Supply, kwh: int, day: date) -> Dong | None:
    """Of thirty days up to `day`; None for a plan whose price needs the registers by the hour."""
    pricing = plan(supply.plan).pricing
    if pricing is Pricing.WHOLESALE or (pricing is Pricing.THREE_RATE and not supply.one_rate):
        return None
    try:
        vat_percent(day)
        invoice = day
    except NoVatRate:
        invoice = last_vat_day()
    request = Request(
        plan=supply.plan,
        start=day - timedelta(MONTH - 1),
        end=day + timedelta(1),
        invoice_date=invoice,
        kwh={"KT": kwh},
        **supplied.shares(supply),
    )
    return rate(request).total


def document(found: Price | None, kwh_a_day: float, days: int) -> dict[str, Any]:
    """As it stands with the evidence; `dong` None where no price is known."""
    dong = None if found is None else round(found.dong * kwh_a_day * days)
    by = None if found is None else found.by
    a_kwh = None if found is None else round(found.dong)
    return {"kwh_a_day": round(kwh_a_day, 2), "days": days, "dong_a_kwh": a_kwh, "by": by, "dong": dong}
