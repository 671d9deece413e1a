"""What the homes around did in the same days: in a hot week everybody's use rises, and nobody is to blame."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

Float = npt.NDArray[np.float64]

FEWEST_HOMES: Final = 5  # below, a median is somebody's own use
FEWEST_DAYS: Final = 14  # of a home, before it says anything
LEAST_WH: Final = 300.0  # a day; below, a home stands empty


@dataclass(frozen=True, slots=True)
class Around:
    """How many homes were compared, and their median use over their own usual one; `rise` is never below 1
    where it lifts what is expected."""

    homes: int
    ratio: float

    @property
    def rise(self) -> float:
        return max(1.0, self.ratio)

    @property
    def percent(self) -> int:
        return round(100 * (self.ratio - 1))


@dataclass(frozen=True, slots=True, eq=False)
class Rises:
    """Of m homes, what they used over what they usually use, float64[m]; NaN where either is unknown.
    `expected` bool[m]: their usual use is known, so that a ratio will come."""

    ratio: Float
    expected: npt.NDArray[np.bool_]


def rises(values: Float, judged: slice, before: slice, least_wh: float = LEAST_WH) -> Rises:
    """Of Wh by home and day (m, d; NaN unknown): the mean of the days `judged` over the median of those
    `before`. A home of which a judged day is unknown has none."""
    past, now = values[:, before], values[:, judged]
    known = ~np.isnan(past)
    enough = known.sum(axis=1) >= FEWEST_DAYS
    level = np.full(len(values), np.nan)
    if enough.any():
        level[enough] = np.nanmedian(past[enough], axis=1)
    expected = enough & (np.nan_to_num(level) >= least_wh)
    whole = expected & (now.shape[1] > 0) & ~np.isnan(now).any(axis=1)
    ratio = np.full(len(values), np.nan)
    ratio[whole] = now[whole].mean(axis=1) / level[whole]
    return Rises(ratio, expected)


def around(found: Rises, me: int, homes: npt.NDArray[np.bool_]) -> tuple[Around | None, bool]:
    """How those of `homes` (bool[m]) but `me` did, None where they are too few; and whether more of them are
    about to be known, so that waiting is better than judging."""
    others = homes.copy()
    others[me] = False
    ratios = found.ratio[others]
    ratios = ratios[~np.isnan(ratios)]
    could = int(found.expected[others].sum())
    if could >= FEWEST_HOMES and len(ratios) < max(FEWEST_HOMES, could // 2):
        return None, True
    if len(ratios) < FEWEST_HOMES:
        return None, False
    return Around(len(ratios), float(np.median(ratios))), False
