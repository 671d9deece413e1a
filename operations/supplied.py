"""What a point's supply means for its bill: who shares the tiers, who buys reactive energy."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from analytics.billing.given import UNDECLARED
from analytics.errors import AnalyticsError
from analytics.tariffs import country, plan, reactive_table
from model.grid import Supply
from model.series import Channel, Rate

UNDECLARED_TENANTS, REFUSED = "chưa khai báo", "từ chối ba giá"
"""How customer file and route call tenants whom nobody declared, and a three-rate meter that was refused."""

REACTIVE = (Channel.REACTIVE_IMPORT, Rate.TOTAL)
"""The register that tells what is bought of it."""


def households(supply: Supply) -> Decimal:
    """How many households the tiers are widened for: tenants are a share of one each (four: one)."""
    return sharing(supply.households, supply.tenants)


def sharing(registered: Decimal, tenants: int | None) -> Decimal:
    """The same of the two figures; where both are registered, as if tenants were not (no bill is made so)."""
    people = country("vn").rules.people
    return registered if tenants is None or people is None else Decimal(tenants) / people


def shares(supply: Supply) -> dict[str, Any]:
    """The fields of a request that say who shares the meter and by which prices."""
    tenants = UNDECLARED if supply.undeclared else supply.tenants
    return {
        "households": supply.households,
        "tenants": tenants,
        "voltage_kv": supply.voltage_kv,
        "one_rate": supply.one_rate,
        "three_rate_refused": supply.three_rate_refused,
    }


def buys_reactive(supply: Supply) -> bool:
    """Whether the surcharge is asked for: as registered, else as the law says of contract power and
    transformer. Households buy none."""
    try:
        if plan(supply.plan).household:
            return False
    except AnalyticsError:
        return False
    if supply.buys_reactive is not None:
        return supply.buys_reactive
    return reactive_table().bought_by(supply.contract_kw, supply.transformer_kva)


def special(supply: Supply) -> str:
    """What besides plan, households and voltage decides the price of a kWh, as the route says it; empty:
    nothing does."""
    if supply.undeclared:
        return UNDECLARED_TENANTS
    return REFUSED if supply.three_rate_refused else ""
