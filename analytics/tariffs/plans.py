"""The plans that customers may have, by name."""

from __future__ import annotations

from analytics.tariffs.country import country, plan_in
from analytics.tariffs.kinds import Plan, Pricing

__all__ = ["PLANS", "Plan", "Pricing", "plan"]

# those that a customer may be given
PLANS: dict[str, Plan] = {name: plan for name, plan in country("vn").plans.items() if not plan.future}


def plan(name: str) -> Plan:
    """The plan called `name`, of whatever country; `BillingError` lists those there are."""
    return plan_in(name)[1]
