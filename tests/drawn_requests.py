"""Random requests of `ami bill explain`, over all that its fields may say together."""

from __future__ import annotations

import random
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

PLANS = ["vn-household"] * 4 + [
    "vn-prepaid",
    "vn-production",
    "vn-business",
    "vn-hospital-school",
    "vn-lighting-admin",
    "vn-wholesale-htx",
    "vn-wholesale-htx",
]
# Months, one over a change of price, a part of one, one over two such changes; days whose VAT nobody knows,
# a month of which not all plans' prices are known, and one before the first decision.
PERIODS = (
    ("2025-06-01", "2025-07-01"),
    ("2025-06-01", "2025-07-01"),
    ("2025-04-12", "2025-05-12"),
    ("2025-04-12", "2025-05-12"),
    ("2025-08-07", "2025-09-01"),
    ("2024-10-01", "2025-06-01"),
    ("2026-09-01", "2026-10-01"),
    ("2023-06-01", "2023-07-01"),
    ("2019-03-01", "2019-04-01"),
)
CHANGE = ("2025-04-12",)
INVOICED = {"2025-08-07": "2025-09-21", "2026-09-01": "2027-01-05"}
REASONS = ("regular", "new_supply", "change_of_party", "termination", "agreed_new_day", "force_majeure")
THREE = ("BT", "CD", "TD")


def drawn(many: int, dice: random.Random) -> Iterator[dict[str, Any]]:
    """So many requests; a few say what no bill is made of."""
    for _ in range(many):
        yield _request(dice)


def _request(dice: random.Random) -> dict[str, Any]:
    plan, (first, end) = dice.choice(PLANS), dice.choice(PERIODS)
    found: dict[str, Any] = {"plan": plan, "from": first, "to": end}
    tiers, priced_by_hour = plan == "vn-household", plan in ("vn-production", "vn-business")
    three = dice.random() < (0.6 if priced_by_hour else 0.1)
    names = THREE if three else ("KT",)
    multiplier = Decimal(dice.choice([1, 1, 1, 40, 120]))
    if multiplier != 1:
        found["multiplier"] = str(multiplier)
    _use(found, names, multiplier, dice)
    if first in CHANGE and "kwh" in found and dice.random() < (0.4 if tiers else 0.9):
        found["readings_at_change"] = {name: dice.randint(0, kwh) for name, kwh in found["kwh"].items()}
    if tiers and dice.random() < 0.2:
        found["households"] = dice.choice(["2", "3", "1.25", "0.5", "17"])
    elif tiers and dice.random() < 0.25:
        found["tenants"] = dice.choice([1, 3, 5, 8, 42, "undeclared", "undeclared"])
    if not tiers and dice.random() < 0.7:
        found["voltage_kv"] = dice.choice(["0.4", "6", "15", "22", "35", "110"])
    if dice.random() < 0.2:
        found["reason"] = dice.choice(REASONS)
    # At one rate a run takes the sum register where there is one; a request's registers stand as given, each
    # rounded for itself.
    summed = any(one["register"] == "SG" for one in found.get("registers", ()))
    if priced_by_hour and dice.random() < 0.25 and not summed:
        found["one_rate"] = True
    if (priced_by_hour and dice.random() < 0.2) or dice.random() < 0.02:
        found["three_rate_refused"] = True
    if plan != "vn-prepaid" and dice.random() < 0.3:
        found |= {"kvarh": dice.randint(0, 3000), "buys_reactive": dice.random() < 0.8}
        if dice.random() < 0.3 and multiplier == 1:
            found["kvarh"] = 0
    if plan == "vn-wholesale-htx" and dice.random() < 0.85:
        found["households_with_use"] = dice.choice([0, 1, 12, 120])
        if dice.random() < 0.7:
            found["retail_other_kwh"] = dice.randint(0, 600)
    if first in INVOICED:
        found["invoice_date"] = INVOICED[first]
    return found


def _use(found: dict[str, Any], names: tuple[str, ...], multiplier: Decimal, dice: random.Random) -> None:
    """What was used: as kWh, or as readings; one that went round, a meter that was changed."""
    if multiplier == 1 and dice.random() < 0.6:
        scale = dice.choice([40, 300, 3000])
        found["kwh"] = {name: dice.randint(0, scale) for name in names}
        return
    if multiplier == 1 and names == ("KT",) and dice.random() < 0.4:
        current = dice.randint(0, 4000)
        found["registers"] = [
            {"register": "KT", "previous": str(99_999 - dice.randint(0, 4000)), "current": str(current),
             "digits": 5, "status": dice.choice(["", "Q"])}
        ]  # fmt: skip
        return
    parts = []
    swapped = found["to"][8:] == "01" and dice.random() < 0.3
    for removed in (True, False) if swapped else (False,):
        for name in names:
            previous = Decimal(dice.randint(0, 90_000_000)) / 1000
            used = Decimal(dice.randint(0, int(400_000 / multiplier))) / 1000
            part = {"register": name, "previous": str(previous), "current": str(previous + used), "digits": 6}
            parts.append(part | ({"removed": True} if removed else {}))
    if names == THREE and not swapped and dice.random() < 0.3:  # the sum register repeats them
        used = sum(Decimal(part["current"]) - Decimal(part["previous"]) for part in parts)
        parts.append({"register": "SG", "previous": "5000", "current": str(5000 + used), "digits": 6})
    found["registers"] = parts
