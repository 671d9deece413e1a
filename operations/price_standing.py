"""Whether the prices a bill was made from are confirmed: each table of a tariff file says how sure it is."""

from __future__ import annotations

from analytics.errors import AnalyticsError
from analytics.tariffs import Tariff, tariff
from analytics.tariffs.plans import Plan, Pricing, plan
from model.bill import Bill

UNCONFIRMED = "C"


def unconfirmed(bill: Bill) -> tuple[str, ...]:
    """The decisions of a bill whose prices for its plan were not checked against the decision's annex.

    A decision or a plan that no file knows any more is none that could be confirmed.
    """
    return tuple(decision for decision in bill.decisions if _confidence(decision, bill.plan) == UNCONFIRMED)


def _confidence(decision: str, name: str) -> str:
    try:
        return _of_plan(tariff(decision), plan(name))
    except (AnalyticsError, KeyError):
        return UNCONFIRMED


def _of_plan(prices: Tariff, billed: Plan) -> str:
    if billed.pricing is Pricing.TIERS:
        return prices.household.confidence
    if billed.pricing is Pricing.PREPAID:
        return prices.prepaid_price().confidence
    if billed.pricing is Pricing.WHOLESALE:
        return prices.wholesale_of(billed.table)[0].confidence
    rows = prices.three_rate if billed.pricing is Pricing.THREE_RATE else prices.flat
    return max(row.confidence for row in rows[billed.table])
