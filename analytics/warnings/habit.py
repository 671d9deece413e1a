"""What a home usually uses: of the days on which somebody lived there, in the weeks before."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

Float = npt.NDArray[np.float64]

WEEKS: Final = 8  # looked back on
FEWEST: Final = 21  # days lived there, without which nothing is called unusual
FEWEST_LATE: Final = 7  # of them within the last four weeks
EMPTY: Final = 0.25  # of the upper quartile: below, nobody was at home
LIVED_IN_WH: Final = 1_500.0  # a day: below, a fridge and a router keep house alone
LEAST_SPREAD: Final = 0.1  # of the level: nobody lives by the clock


@dataclass(frozen=True, slots=True)
class Habit:
    """Wh: the median of `days`, how far days stray from it (a normal deviation), and the highest of them."""

    level: float
    spread: float
    highest: float
    days: int


def habit(before: npt.ArrayLike, least_wh: float = LIVED_IN_WH) -> Habit | None:
    """Of the Wh of the days before (d, NaN unknown; the last eight weeks count): None where too few of them
    are known or lived in, or the median lies below `least_wh`. Days of an empty house are no habit: whoever
    comes home uses what they used."""
    values = np.asarray(before, np.float64)[-7 * WEEKS :]
    known = values[~np.isnan(values)]
    if len(known) < FEWEST:
        return None
    floor = max(EMPTY * float(np.quantile(known, 0.75)), 1.0)
    lived = known[known >= floor]
    late = values[-28:]
    if len(lived) < FEWEST or int((late[~np.isnan(late)] >= floor).sum()) < FEWEST_LATE:
        return None
    level = float(np.median(lived))
    if level < least_wh:
        return None
    spread = 1.4826 * float(np.median(np.abs(lived - level)))
    return Habit(level, max(spread, LEAST_SPREAD * level), float(lived.max()), len(lived))
