"""Pmax, load factor and typical days of many meters at once."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import numpy as np
import numpy.typing as npt

from analytics.errors import AnalyticsError
from model.period import midnight

Int64 = npt.NDArray[np.int64]
Float = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Figures:
    """Arrays over m meters. `pmax_w` NaN and `pmax_slot` −1 where nothing was measured; slots count from
    the first day.

    `typical_w` (m, 2, slots): mean power by slot on working days and weekends, NaN where no day knows the
    slot.
    """

    pmax_w: Float
    pmax_slot: Int64
    mean_w: Float
    load_factor: Float
    total_wh: Int64
    measured: Int64
    estimated: Int64
    missing: Int64
    typical_w: Float


@dataclass(frozen=True, slots=True, eq=False)
class LoadFigures:
    """One meter; what cannot be told is None. `pmax_at` is the beginning of the peak's interval."""

    pmax_w: float | None
    pmax_at: datetime | None
    mean_w: float | None
    load_factor: float | None
    total_wh: int
    measured: int
    estimated: int
    missing: int
    workday_w: Float
    weekend_w: Float


def figures(energy: npt.ArrayLike, quality: npt.ArrayLike, first: date) -> Figures:
    """Load figures of `energy` (m, d, slots) in Wh with its `quality`, days from `first`.

    The peak is the highest interval mean that was measured (TT 05/2025/TT-BCT: half-hours of the billing
    month), not one that was estimated; mean and load factor go over all that is known. Raises
    `AnalyticsError` for other shapes.
    """
    from analytics.profiles.kernel import load_figures

    wh = np.ascontiguousarray(energy, np.int32)
    how = np.ascontiguousarray(quality, np.uint8)
    if wh.ndim != 3 or wh.shape != how.shape or not wh.shape[2]:
        raise AnalyticsError(
            "bad_shape", f"energies {wh.shape} and qualities {how.shape} are not meters × days × slots"
        )
    m, d, slots = wh.shape
    weekend = np.array([(first + timedelta(day)).weekday() >= 5 for day in range(d)], np.uint8)
    peak, where, total = (np.zeros(m, np.int64) for _ in range(3))
    count = np.zeros((m, 3), np.int64)
    day_sum, day_count = np.zeros((m, 2, slots), np.int64), np.zeros((m, 2, slots), np.int64)
    load_figures(
        wh.copy() if not wh.flags.writeable else wh,
        how.copy() if not how.flags.writeable else how,
        weekend,
        peak,
        where,
        total,
        count,
        day_sum,
        day_count,
    )
    per_hour = slots / 24
    known = count[:, 0] + count[:, 1]
    with np.errstate(invalid="ignore", divide="ignore"):
        pmax = np.where(peak >= 0, peak * per_hour, np.nan)
        mean = np.where(known > 0, total / known * per_hour, np.nan)
        factor = np.where(pmax > 0, mean / pmax, np.nan)
        typical = np.where(day_count > 0, day_sum / day_count * per_hour, np.nan)
    return Figures(pmax, where, mean, factor, total, count[:, 0], count[:, 1], count[:, 2], typical)


def of_meter(energy: npt.ArrayLike, quality: npt.ArrayLike, first: date) -> LoadFigures:
    """Load figures of one meter: `energy` and `quality` (d, slots)."""
    wh, how = np.asarray(energy), np.asarray(quality)
    many = figures(wh[np.newaxis], how[np.newaxis], first)
    slot = int(many.pmax_slot[0])
    slot_s = 86_400 // wh.shape[1]
    at = datetime.fromtimestamp(midnight(first).timestamp() + slot * slot_s, UTC) if slot >= 0 else None
    return LoadFigures(
        pmax_w=_told(many.pmax_w[0]),
        pmax_at=at,
        mean_w=_told(many.mean_w[0]),
        load_factor=_told(many.load_factor[0]),
        total_wh=int(many.total_wh[0]),
        measured=int(many.measured[0]),
        estimated=int(many.estimated[0]),
        missing=int(many.missing[0]),
        workday_w=many.typical_w[0, 0],
        weekend_w=many.typical_w[0, 1],
    )


def _told(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
