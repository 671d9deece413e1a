"""Whole days of one meter."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from analytics.errors import AnalyticsError

SLOTS = 48
FEWEST_DAYS = 28  # of a household's own, to say what is usual


@dataclass(frozen=True, slots=True, eq=False)
class Household:
    """`wh` float64 (n, 48): half-hours of the days in order, all of them known; `rest` int64 (n): 1 on
    weekends and holidays. Raises `AnalyticsError` where shapes do not fit or a value is negative or
    no number."""

    name: str
    wh: npt.NDArray[np.float64]
    rest: npt.NDArray[np.int64]

    def __post_init__(self) -> None:
        if self.wh.ndim != 2 or self.wh.shape[1] != SLOTS or self.rest.shape != self.wh.shape[:1]:
            raise AnalyticsError(
                "bad_shape", f"{self.name}: half-hours {self.wh.shape} and days {self.rest.shape} do not fit"
            )
        if not np.isfinite(self.wh).all() or (self.wh < 0).any():
            raise AnalyticsError(
                "bad_value", f"{self.name}: a half-hour is negative or missing: hand over whole days only"
            )

    def __len__(self) -> int:
        return len(self.wh)

    def of(self, chosen: slice | npt.NDArray[np.bool_]) -> Household:
        """Some of the days."""
        return Household(self.name, np.ascontiguousarray(self.wh[chosen]), self.rest[chosen].copy())

    def with_wh(self, wh: npt.NDArray[np.float64]) -> Household:
        """The same days with other values."""
        return Household(self.name, np.ascontiguousarray(wh), self.rest)

    def halves(self) -> tuple[Household, Household]:
        """The days before the middle one (history), and the others."""
        middle = len(self) // 2
        return self.of(slice(middle)), self.of(slice(middle, None))
