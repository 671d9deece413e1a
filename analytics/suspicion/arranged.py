"""A station's meters side by side: the same slots, what is missing known as such and stood in for."""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from math import gcd
from typing import Final

import numpy as np
import numpy.typing as npt

from analytics.suspicion.seen import StationSeen
from model.quality import Quality

Float = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

NIGHT: Final = (22.0, 5.0)  # hours
NEAR: Final = 10  # days before and after, of which a missing slot takes the mean
SPREAD_BY_MEAN: Final = 1.2533  # a normal spread by the mean absolute deviation: outliers are for Huber
UNKNOWN: Final = (Quality.MISSING, Quality.UNSCALED)  # an estimate that no register holds is no knowledge


@dataclass(frozen=True, slots=True, eq=False)
class Arranged:
    """(m, d, g) Wh `used`, NaN where unknown, and `filled`; `head` (d, g) what went in, NaN where
    unknown, or None; `fed` (d, g) what customers fed back; `unsure` (d, g) variance
    that what stands in brings; `night` (g)."""

    used: Float
    filled: Float
    head: Float | None
    fed: Float
    unsure: Float
    night: Bools


def arranged(station: StationSeen) -> Arranged:
    """All in the coarsest of the intervals: finer ones are added up, unknown where a part is."""
    counts = [one.energy.shape[1] for one in station.meters]
    counts += [one.exported.shape[1] for one in station.meters if one.exported is not None]
    counts += [station.head.shape[1]] if station.head is not None else []
    slots = reduce(gcd, counts)
    used = np.stack([_known(one.energy, one.quality, slots) for one in station.meters])
    filled, unsure = stood_in(used)
    head, fed = None, np.zeros(used.shape[1:])
    if station.head is not None and station.head_quality is not None:
        head = _known(station.head, station.head_quality, slots)
        if back := [
            _coarser(_sound(one.exported), slots) for one in station.meters if one.exported is not None
        ]:
            each, doubt = stood_in(np.stack(back))
            fed, unsure = each.sum(axis=0), unsure + doubt
        if np.isnan(head).all():
            head, fed = None, np.zeros(used.shape[1:])
    hours = (np.arange(slots) + 0.5) * 24 / slots
    return Arranged(used, filled, head, fed, unsure, (hours >= NIGHT[0]) | (hours < NIGHT[1]))


def stood_in(used: Float) -> tuple[Float, Float]:
    """`used` (m, d, g) with what is missing as the meter's mean of that slot in the days near, of the slot on
    all days, or 0; and (d, g) the variance of what stands in."""
    known = ~np.isnan(used)
    values = np.where(known, used, 0.0)
    days = used.shape[1]
    sums, seen = (_running(one) for one in (values, known.astype(np.float64)))
    first, last = np.maximum(np.arange(days) - NEAR, 0), np.minimum(np.arange(days) + NEAR + 1, days)
    near, n_near = sums[:, last] - sums[:, first], seen[:, last] - seen[:, first]
    everywhere = sums[:, -1:] / np.maximum(seen[:, -1:], 1)
    usual = np.where(n_near > 0, near / np.maximum(n_near, 1), everywhere)
    away = np.where(known, np.abs(values - everywhere), 0.0).sum(axis=1) / np.maximum(seen[:, -1], 1)
    variance = (SPREAD_BY_MEAN * away) ** 2
    unsure = np.einsum("mdg,mg->dg", (~known).astype(np.float64), variance)
    return np.where(known, used, usual), unsure


def _running(values: Float) -> Float:
    """(m, d + 1, g) sums of the days before each."""
    return np.concatenate([np.zeros_like(values[:, :1]), np.cumsum(values, axis=1)], axis=1)


def _known(energy: npt.ArrayLike, quality: npt.NDArray[np.uint8], slots: int) -> Float:
    """(d, slots) Wh, NaN where unknown."""
    return _coarser(_sound(np.where(np.isin(quality, UNKNOWN), np.nan, energy)), slots)


def _sound(values: npt.ArrayLike) -> Float:
    """Wh, NaN for what is none."""
    given = np.asarray(values, np.float64)
    return np.where(np.isfinite(given) & (given >= 0), given, np.nan)


def _coarser(values: Float, slots: int) -> Float:
    return np.asarray(values.reshape(len(values), slots, -1).sum(axis=2))
