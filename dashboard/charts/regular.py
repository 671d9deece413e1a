"""A curve on an unbroken grid: what is not stored at all becomes a missing interval, what has not
happened yet is left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np

from analytics.profiles import LoadFigures, of_meter
from model.period import Period, local_day
from model.quality import Quality
from storage.profiles import DayTotal, LoadCurve

HALF_HOUR_S = 1800
DAY_S = 86_400


@dataclass(frozen=True, slots=True, eq=False)
class Curve:
    """n intervals of `interval_s` seconds without a hole: `at` datetime64[s][n] UTC, `wh` float64[n]
    (NaN where missing),
    `quality` and `method` uint8[n]."""

    at: np.ndarray[Any, Any]
    wh: np.ndarray[Any, Any]
    quality: np.ndarray[Any, Any]
    interval_s: int
    method: np.ndarray[Any, Any] | None = None

    def count(self, *kinds: Quality) -> int:
        return int(np.isin(self.quality, kinds).sum())

    @property
    def missing(self) -> int:
        return self.count(Quality.MISSING)

    @property
    def estimated(self) -> int:
        return self.count(*(kind for kind in Quality if kind.is_estimated))


def regular(curve: LoadCurve, period: Period, now: datetime) -> Curve:
    """The whole intervals of `period` that are over by `now`."""
    step = int(curve.interval_s.min()) if len(curve.interval_s) else HALF_HOUR_S
    start, end = int(period.start.timestamp()), int(min(period.end, now).timestamp())
    slots = max(0, (end - start) // step)
    wh, quality, method = np.full(slots, np.nan), np.zeros(slots, np.uint8), np.zeros(slots, np.uint8)
    place = (curve.at.astype(np.int64) - start) // step
    inside = (place >= 0) & (place < slots)
    wh[place[inside]], quality[place[inside]] = curve.wh[inside], curve.quality[inside]
    if curve.method is not None:
        method[place[inside]] = curve.method[inside]
    at = (start + step * np.arange(slots, dtype=np.int64)).astype("datetime64[s]")
    return Curve(at, wh, quality, step, method)


def whole_days(totals: Sequence[DayTotal], first: date, now: datetime) -> list[DayTotal]:
    """Every day from `first` to today: one without any row is all missing; of today, the slots to
    come are not missing.
    """
    known, today = {total.day: total for total in totals}, local_day(now)
    days = []
    for number in range((today - first).days + 1):
        day = first + timedelta(days=number)
        total = known.get(day) or DayTotal(day, 0.0, 48, 48, 0)
        if day == today:
            total = _until(total, now)
        days.append(total)
    return days


def _until(total: DayTotal, now: datetime) -> DayTotal:
    over = int((now - Period.of_day(total.day).start).total_seconds() * total.slots // DAY_S)
    missing = max(0, total.missing - (total.slots - over))
    return DayTotal(total.day, total.wh, over, missing, total.estimated)


def load_figures(curve: Curve, first: date) -> LoadFigures:
    """Peak with its time, mean and load factor of a curve that begins at the midnight of `first`.

    The peak is a measured half-hour, never an estimated one; see `analytics.profiles`.
    """
    slots = DAY_S // curve.interval_s
    days = -(-len(curve.wh) // slots)
    wh, quality = np.zeros(days * slots), np.zeros(days * slots, np.uint8)
    wh[: len(curve.wh)], quality[: len(curve.wh)] = np.nan_to_num(curve.wh), curve.quality
    return of_meter(wh.round().astype(np.int32).reshape(days, slots), quality.reshape(days, slots), first)
