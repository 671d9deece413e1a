"""Use while a meter counted nothing: stuck, burnt or gone, by the rule in force on the day it is settled."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from functools import cache
from pathlib import Path

from analytics.errors import AnalyticsError

FILE = Path(__file__).parent / "vn" / "damage.toml"
STATE_OF_STATUS = {"C": "burnt", "K": "stuck", "M": "lost"}  # status codes of a reading


@dataclass(frozen=True, slots=True)
class DamageRule:
    """Mean day of so many billing periods before, from a day on."""

    effective: date
    decision: str
    periods: int
    states: frozenset[str]
    confidence: str


@dataclass(frozen=True, slots=True)
class BilledPeriod:
    """A billing period before the damage: whole kWh of one register, days."""

    kwh: int
    days: int


@dataclass(frozen=True, slots=True)
class DamagedUse:
    """What is billed for the days without a count, and why: `kwh` = half_up(mean × `days`)."""

    kwh: int
    days: int
    mean_kwh_per_day: Fraction
    periods: int
    decision: str
    confidence: str


@cache
def rules() -> tuple[DamageRule, ...]:
    """The dated rules, the earliest first; two of one day are refused."""
    try:
        found = sorted(
            (
                DamageRule(
                    row["effective"],
                    row["decision"],
                    row["periods"],
                    frozenset(row["states"]),
                    row["confidence"],
                )
                for row in tomllib.loads(FILE.read_text(encoding="utf-8"))["rule"]
            ),
            key=lambda rule: rule.effective,
        )
    except (KeyError, TypeError) as reason:
        raise AnalyticsError("bad_damage_file", f"{FILE.name}: complete the rule with {reason}") from reason
    if len({rule.effective for rule in found}) != len(found):
        raise AnalyticsError("bad_damage_file", f"{FILE.name}: each rule needs an `effective` day of its own")
    return tuple(found)


def rule_on(day: date) -> DamageRule:
    """The rule in force on a day; `AnalyticsError` before the first."""
    held = [rule for rule in rules() if rule.effective <= day]
    if not held:
        raise AnalyticsError(
            "no_damage_rule", f"no rule for damaged meters is known for {day}: complete {FILE.name}"
        )
    return held[-1]


def damaged_use(
    state: str,
    before: Sequence[BilledPeriod],
    *,
    mended: date,
    last_read: date,
    stopped: date | None = None,
) -> DamagedUse:
    """kWh of one register for the days in which the meter stood (`stuck`, `burnt`) or was `lost`.

    `before`: billing periods before the damage, the latest first. Days are counted from the day it is known
    to have `stopped` (the record of the work), else from the `last_read`, up to the day it was `mended`. A
    point with fewer periods is reckoned by those it has; one with none is refused.
    """
    rule = rule_on(mended)
    if state not in rule.states:
        known = ", ".join(sorted(rule.states))
        raise AnalyticsError("bad_state", f"a meter that is {state!r} has no rule of its own: give {known}")
    start = last_read if stopped is None else stopped
    if not last_read <= start <= mended:
        raise AnalyticsError(
            "bad_days",
            f"a meter read on {last_read} cannot have stopped on {start} and been mended on {mended}",
        )
    used = before[: rule.periods]
    days_before = sum(one.days for one in used)
    if not days_before:
        raise AnalyticsError(
            "no_history", "no billing period is known before the damage: agree the kWh with the customer"
        )
    mean = Fraction(sum(one.kwh for one in used), days_before)
    days = (mended - start).days
    kwh = int((2 * mean * days + 1) // 2)
    return DamagedUse(kwh, days, mean, len(used), rule.decision, rule.confidence)
