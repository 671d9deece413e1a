"""Whether daily use fell from one level to another, and when."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Float = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Step:
    """Two levels (Wh a day) with the change before day `day`.

    `distinct` is the difference in standard errors; `sharper` says that two levels describe the days better
    than a line; `lasting` that the last week stayed nearer to the new level.
    """

    day: int
    before: float
    after: float
    distinct: float
    sharper: bool
    lasting: bool

    @property
    def fall(self) -> float:
        """Share of the old level that is gone; negative for a rise."""
        return 1 - self.after / self.before if self.before > 0 else 0.0


def find_step(daily_wh: Float, weekday: int, least_before: int = 14, least_after: int = 7) -> Step | None:
    """The best cut of `daily_wh` (d, NaN unknown) into two levels, weekdays evened out; None with too few
    days.

    `weekday` of the first day, Monday 0. A weekday that hardly uses anything (closed on Sundays) is left out.
    """
    known = ~np.isnan(daily_wh)
    if not known.any():
        return None
    # Weekdays are evened out against the mean first, then against the two levels found with it.
    level = np.full(len(daily_wh), float(np.mean(daily_wh[known])))
    step = _cut(_evened(daily_wh, level, weekday), least_before, least_after)
    if step is None:
        return None
    level = np.where(np.arange(len(daily_wh)) < step.day, step.before, step.after)
    return _cut(_evened(daily_wh, level, weekday), least_before, least_after)


def _cut(even: Float, least_before: int, least_after: int) -> Step | None:
    days = np.flatnonzero(~np.isnan(even))
    use = even[days]
    if len(use) < least_before + least_after:
        return None
    sums, squares = np.cumsum(use), np.cumsum(use * use)
    n = np.arange(1, len(use) + 1)
    left = squares - sums**2 / n
    rest = n[-1] - n[:-1]
    right = (squares[-1] - squares[:-1]) - (sums[-1] - sums[:-1]) ** 2 / rest
    cost = left[:-1] + right
    cut = least_before - 1 + int(np.argmin(cost[least_before - 1 : len(use) - least_after]))
    earlier, later = use[: cut + 1], use[cut + 1 :]
    before, after = float(np.median(earlier)), float(np.median(later))
    spread = 1.4826 * float(np.median(np.abs(np.concatenate((earlier - before, later - after)))))
    error = max(spread, 0.01 * before, 1.0) * np.sqrt(1 / len(earlier) + 1 / len(later))
    slope, base = np.polyfit(days.astype(np.float64), use, 1)
    line = float(((use - base - slope * days) ** 2).sum())
    last = float(np.median(later[-7:]))
    return Step(
        day=int(days[cut + 1]),
        before=before,
        after=after,
        distinct=float((before - after) / error),
        sharper=float(cost[cut]) < line,
        lasting=abs(last - after) < abs(last - before),
    )


def _evened(daily_wh: Float, level: Float, weekday: int) -> Float:
    """Each day over what its weekday usually is of `level`."""
    ratio = np.full(len(daily_wh), np.nan)
    np.divide(daily_wh, level, out=ratio, where=level > 0)
    even = daily_wh.copy()
    of_week = (weekday + np.arange(len(daily_wh))) % 7
    for one in range(7):
        mine = of_week == one
        told = ratio[mine & ~np.isnan(ratio)]
        if not len(told):
            continue
        share = float(np.mean(told))
        even[mine] = np.nan if share < 0.05 else daily_wh[mine] / share
    return even
