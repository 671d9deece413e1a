"""Totals by day and month, and the load-duration curve; what is missing is counted, never added."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import numpy.typing as npt

from model.quality import Quality

Float = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class MonthTotal:
    """One local month: Wh of the known slots; `missing` and `estimated` are numbers of slots."""

    month: date
    wh: int
    known: int
    missing: int
    estimated: int


def daily_totals(energy: npt.ArrayLike, quality: npt.ArrayLike, largest_gap: float = 0.1) -> Float:
    """Wh a day (d) of `energy` (d, slots), scaled up for at most `largest_gap` of missing slots; else NaN."""
    wh, known = np.asarray(energy, np.float64), np.asarray(quality) != Quality.MISSING
    share = known.mean(axis=1)
    total = np.where(known, wh, 0.0).sum(axis=1)
    enough = (share >= 1 - largest_gap) & (share > 0)
    return np.where(enough, total / np.where(share > 0, share, 1.0), np.nan)


def monthly_totals(energy: npt.ArrayLike, quality: npt.ArrayLike, first: date) -> list[MonthTotal]:
    """Totals of the local months that the days from `first` touch, in order."""
    wh, how = np.asarray(energy, np.int64), np.asarray(quality)
    months = [(first + timedelta(day)).replace(day=1) for day in range(len(wh))]
    totals = []
    for month in sorted(set(months)):
        mine = np.array([one == month for one in months])
        known = how[mine] != Quality.MISSING
        estimated = (how[mine] >= Quality.LINEAR) & (how[mine] <= Quality.UNSCALED)
        totals.append(
            MonthTotal(
                month,
                int(wh[mine][known].sum()),
                int(known.sum()),
                int((~known).sum()),
                int(estimated.sum()),
            )
        )
    return totals


def load_duration(energy: npt.ArrayLike, quality: npt.ArrayLike) -> Float:
    """Mean power in W of every known slot, highest first: value i was reached for i + 1 intervals."""
    wh, how = np.asarray(energy, np.float64), np.asarray(quality)
    power = wh[how != Quality.MISSING] * (wh.shape[-1] / 24)
    return np.asarray(np.sort(power)[::-1])
