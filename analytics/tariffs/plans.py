"""How a customer may be billed: the plan's name and where its prices stand."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from analytics.errors import BillingError


class Pricing(StrEnum):
    """Where in a tariff file the prices stand."""

    TIERS = "tiers"
    PREPAID = "prepaid"
    THREE_RATE = "three_rate"
    FLAT = "flat"
    WHOLESALE = "wholesale"


@dataclass(frozen=True, slots=True)
class Plan:
    """`household`: a change of price in mid-period may be interpolated (TT 60/2025/TT-BCT, 12.8)."""

    name: str
    pricing: Pricing
    table: str
    household: bool


PLANS: dict[str, Plan] = {
    plan.name: plan
    for plan in (
        Plan("vn-household", Pricing.TIERS, "household", True),
        Plan("vn-prepaid", Pricing.PREPAID, "prepaid", True),
        Plan("vn-production", Pricing.THREE_RATE, "production", False),
        Plan("vn-business", Pricing.THREE_RATE, "business", False),
        Plan("vn-hospital-school", Pricing.FLAT, "hospital_school", False),
        Plan("vn-lighting-admin", Pricing.FLAT, "lighting_admin", False),
        Plan("vn-wholesale-htx", Pricing.WHOLESALE, "rural_retailer", False),
    )
}


def plan(name: str) -> Plan:
    """The plan called `name`; `BillingError` lists those there are."""
    try:
        return PLANS[name]
    except KeyError:
        raise BillingError(
            "unknown_plan", f"no plan is called {name!r}: use one of {', '.join(PLANS)}"
        ) from None
