"""How a customer may be billed: the plan's name and where its prices stand."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from analytics.tariffs.files import unusable


class Pricing(StrEnum):
    """Where in a tariff file the prices of the kWh stand."""

    TIERS = "tiers"
    PREPAID = "prepaid"
    THREE_RATE = "three_rate"
    FLAT = "flat"
    WHOLESALE = "wholesale"


@dataclass(frozen=True, slots=True)
class Plan:
    """`household`: a change of price in mid-period may be interpolated (TT 60/2025/TT-BCT, 12.8).

    `demand`, `standing`: a charge a kW, or a month, that the decisions must have prices for; without the
    flag it is charged where a decision has them. `future`: only a structure not in force has its prices, so
    that it is worked out as a what-if alone, and no customer is given it.
    """

    name: str
    pricing: Pricing
    table: str
    household: bool
    demand: bool = False
    standing: bool = False
    future: bool = False


def plans_of(document: dict[str, Any], path: Path) -> dict[str, Plan]:
    """The plans of a country's file, in its order."""
    try:
        found = [
            Plan(
                row["name"],
                Pricing(row["pricing"]),
                row["table"],
                row.get("interpolated", False),
                row.get("demand", False),
                row.get("standing", False),
                row.get("future", False),
            )
            for row in document["plan"]
        ]
    except (KeyError, TypeError, ValueError) as error:
        raise unusable(path, error) from error
    return {plan.name: plan for plan in found}
