"""What is known of a customer's days when the rules look at them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import numpy.typing as npt

Float = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Use:
    """A point's d local days from `first`, the last of which, `today`, still goes on.

    `wh` float64[d]: Wh of days every interval of which was measured, else NaN; `measured_wh` float64[d]:
    what was measured of each, 0 where nothing was; `night_wh` float64[d]: Wh from 00:00 to 05:00 of nights
    measured from end to end, else NaN. `exports`: something was fed in, so that what is drawn goes by the
    sun.
    """

    first: date
    wh: Float
    measured_wh: Float
    night_wh: Float
    exports: bool = False

    @property
    def today(self) -> date:
        return self.day(len(self.wh) - 1)

    def day(self, index: int) -> date:
        return self.first + timedelta(index)

    def index(self, day: date) -> int:
        """Where a day lies; below 0 before the first."""
        return (day - self.first).days

    def measured(self, first: date, last: date) -> float:
        """Wh measured from `first` to `last`, both included."""
        return float(self.measured_wh[max(0, self.index(first)) : max(0, self.index(last) + 1)].sum())
