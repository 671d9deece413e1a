"""A customer's own limits: passed, or about to be."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Final

from model.warning import Evidence, LimitUnit, UsageLimit, UseWarning, WarningKind

NEAR: Final = 0.8  # of the limit


def day_passed(limit: UsageLimit, day: date, used: float) -> UseWarning | None:
    """`used` of the day, in Wh or đồng as the limit is."""
    if day < limit.since or not used > limit.value:
        return None
    evidence = {**_figures(limit, used), "limit": _shown(limit, limit.value)}
    return UseWarning(WarningKind.DAY_LIMIT, day, day, day, evidence, limit.number)


def month_passed(
    limit: UsageLimit, first: date, today: date, until: date, used: float, expected: float | None
) -> UseWarning | None:
    """`used` from `first` to `today` of the period that `until` ends, and what all of it is `expected` to
    come to (None: not known): passed, or at four fifths and foretold to be."""
    evidence: Evidence = {**_figures(limit, used), "limit": _shown(limit, limit.value)}
    if used > limit.value:
        return UseWarning(WarningKind.MONTH_LIMIT, first, first, today, evidence, limit.number)
    if expected is None or used < NEAR * limit.value or not expected > limit.value:
        return None
    evidence |= {
        "percent": int(100 * used / limit.value),
        "forecast": _shown(limit, expected, whole=True),
        "until": (until - timedelta(1)).isoformat(),
    }
    return UseWarning(WarningKind.MONTH_LIMIT_NEAR, first, first, today, evidence, limit.number)


def _figures(limit: UsageLimit, used: float) -> Evidence:
    return {"unit": limit.unit.value, "used": _shown(limit, used)}


def _shown(limit: UsageLimit, amount: float, *, whole: bool = False) -> int | float:
    """kWh to a tenth and đồng, or `whole` kWh and thousands of đồng: nobody foretells more exactly."""
    if limit.unit is LimitUnit.DONG:
        return 1000 * round(amount / 1000) if whole else round(amount)
    return round(amount / 1000) if whole else round(amount / 1000, 1)
