"""A night, from midnight to five, far above a home's own nights: a pump, a heater, something left on."""

from __future__ import annotations

from typing import Final

import numpy as np

from analytics.warnings.around import Around
from analytics.warnings.habit import WEEKS, habit
from analytics.warnings.use import Use
from model.warning import UseWarning, WarningKind

TIMES, SPREADS, MORE_WH = 2.5, 5.0, 1_000  # and above every night of the eight weeks
REST_DAYS: Final = 7
LEAST_NIGHT_WH: Final = 60.0  # of a home that is lived in


def night_use(use: Use, index: int, others: Around | None) -> UseWarning | None:
    """Of the night at the beginning of the day at `index`."""
    if use.exports or not 0 <= index < len(use.night_wh):
        return None
    wh = float(use.night_wh[index])
    before = slice(max(0, index - 7 * WEEKS), index)
    # Whether somebody lives there is told by whole days: in a night nobody uses much.
    usual = habit(use.night_wh[before], LEAST_NIGHT_WH) if habit(use.wh[before]) is not None else None
    rise = 1.0 if others is None else others.rise
    if np.isnan(wh) or usual is None:
        return None
    least = max(TIMES * usual.level, usual.level + SPREADS * usual.spread, usual.highest)
    if wh <= rise * least or wh - rise * usual.level < MORE_WH:
        return None
    day = use.day(index)
    evidence: dict[str, str | int | float | None] = {
        "kwh": round(wh / 1000, 1),
        "usual_kwh": round(usual.level / 1000, 2),
        "times": round(wh / usual.level, 1),
        "nights": usual.days,
    }
    if others is not None:
        evidence |= {"homes": others.homes, "around_percent": others.percent}
    return UseWarning(WarningKind.NIGHT_USE, day, day, day, evidence, rest=REST_DAYS)
