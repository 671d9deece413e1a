"""What a month will have been: use so far, and the days to come at the level that foretold best before.

Levels are exponentially weighted means of the days, from two days of half-life to thirty. For each meter they
are weighed by how well each would have foretold as many days at every day of its own past: a home that is
left and come back to is followed quickly, a steady one slowly. How far off they were then makes the interval.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Final

import numpy as np
import numpy.typing as npt

from analytics.errors import AnalyticsError
from model.period import add_months

Float = npt.NDArray[np.float64]

HALF_LIVES: Final = np.array([2.0, 3, 4, 5, 7, 10, 14, 20, 30])  # days
PRIOR_MISSES: Final = np.array([-0.25, -0.12, 0.0, 0.12, 0.25])
LONGEST: Final = 400  # days of history that are looked at
LEAST: Final = 3  # known days without which nothing is foretold


@dataclass(frozen=True, slots=True, eq=False)
class Forecast:
    """Of m meters, the Wh of the period that `until` ends (exclusive): expected, and the limits of four in
    five; NaN where too little is known. `so_far_wh`: what is known of it, `known` of its `over` days that are
    over."""

    until: date
    expected_wh: Float
    low_wh: Float
    high_wh: Float
    so_far_wh: Float
    known: npt.NDArray[np.int64]
    over: int


def to_month_end(daily_wh: npt.ArrayLike, today: date) -> Forecast:
    """`foretold` of the month of `today`."""
    first = today.replace(day=1)
    return foretold(daily_wh, first, today, add_months(first, 1))


def foretold(daily_wh: npt.ArrayLike, first: date, today: date, until: date) -> Forecast:
    """Foretell the period from `first` until `until`, which `today` lies in, from `daily_wh` (m, d): Wh of
    the d days before `today`, NaN unknown.

    Days of the period that are over and unknown are taken at the level of the days to come. Raises
    `AnalyticsError` for another shape, a negative day, or a day that is not of the period.
    """
    from analytics.profiles.forecast_kernel import foretell

    days = np.ascontiguousarray(daily_wh, np.float64)
    if days.ndim != 2:
        raise AnalyticsError("bad_shape", f"days {days.shape} are not meters × days")
    if np.nanmin(days, initial=0.0) < 0:
        raise AnalyticsError("negative_day", "a day has less than 0 Wh: import and export are foretold apart")
    over, ahead = (today - first).days, (until - today).days
    if over < 0 or ahead < 1:
        raise AnalyticsError("bad_day", f"{today} is no day of the period from {first} to {until}")
    month = days[:, max(0, days.shape[1] - over) :] if over else days[:, :0]
    so_far, known = np.nansum(month, axis=1), (~np.isnan(month)).sum(axis=1)
    out = np.full((len(days), 3), np.nan)
    foretell(np.ascontiguousarray(days[:, -LONGEST:]), ahead, HALF_LIVES, PRIOR_MISSES, out)
    out[(~np.isnan(days)).sum(axis=1) < LEAST] = np.nan
    # At the level: the days to come, and those that are over and nobody knows.
    rest = out[:, 0] * (ahead + over - known)
    low, high = np.maximum(out[:, 1], 0.0), np.maximum(out[:, 2], 0.0)
    return Forecast(until, so_far + rest, so_far + rest * low, so_far + rest * high, so_far, known, over)
