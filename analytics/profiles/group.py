"""The load of meters together: what they reach at one instant, and what each alone."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Final

import numpy as np
import numpy.typing as npt

from analytics.profiles.figures import Figures, figures
from analytics.profiles.typical import Typical, typical_days
from model.period import midnight
from model.quality import Quality

Float = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

WHOLE: Final = 0.95  # of the meters that hang there: with fewer known, an interval is not told
BANDS: Final = (0.1, 0.5, 0.9)
DURATION: Final = (0.0, 0.01, 0.1, 0.5, 0.9, 1.0)  # shares of the time


@dataclass(frozen=True, slots=True, eq=False)
class GroupLoad:
    """`mean_w` (d, slots): mean power of all together, NaN where fewer than `WHOLE` of the meters that hang
    are known; what few are missing stand at the mean of the others. `pmax_w` is the highest (coincident Pmax)
    of those intervals in which as many are measured, estimated ones standing at the mean, and `pmax_at` the
    beginning of its interval. What cannot be told is None.

    `sum_of_pmax_w`: each meter's own Pmax, added up. Factors as IEC 60050-691-10 has them: `diversity` is
    that sum by the coincident Pmax, `coincidence` the inverse, `load_factor` mean by Pmax. `use_hours`: the
    energy by Pmax (Tmax). `bands` (kinds, `BANDS`, slots): quantiles over the days of a kind. `duration`: W
    reached for at least the shares `DURATION` of the time. `known`: share of the meters' intervals that is;
    `estimated` (d, slots): the share of the meters that hang whose interval is an estimate; `expected` (d,
    slots): how many hang. `sliding_w`: the highest hour of all together, slot by slot, from `sliding_at` on.
    """

    each: Figures
    mean_w: Float
    estimated: Float
    expected: Ints
    wh: int
    known: float
    pmax_w: float | None
    pmax_at: datetime | None
    sliding_w: float | None
    sliding_at: datetime | None
    sum_of_pmax_w: float
    diversity: float | None
    coincidence: float | None
    load_factor: float | None
    use_hours: float | None
    bands: Float
    duration: Float


def together(
    energy: npt.ArrayLike, quality: npt.ArrayLike, first: date, hung: npt.ArrayLike | None = None
) -> GroupLoad:
    """`energy` (m, d, slots) Wh with `quality`, days from `first`; `hung` (m, d, slots) bool: whether the
    meter hung at its point, else it neither counts nor is missed. Raises `AnalyticsError` as `figures`."""
    there = np.ones(np.shape(energy), bool) if hung is None else np.asarray(hung, bool)
    wh = np.where(there, energy, 0).astype(np.int32, copy=False)
    how = np.where(there, quality, 0).astype(np.uint8, copy=False)
    slots = wh.shape[-1]
    each = figures(wh, how, first, sliding_minutes=max(60, 1440 // slots))
    expected, seen = there.sum(axis=0), each.together_known
    mean_w = mean_power(each.together_wh, seen, expected)
    guessed = _estimated(how)
    estimated = guessed.sum(axis=0)
    # An estimate makes no peak, not among many meters either.
    measured_wh = each.together_wh - np.sum(wh, axis=0, where=guessed, dtype=np.int64)
    measured_w = mean_power(measured_wh, seen - estimated, expected)
    pmax, at = highest(measured_w, first)
    hours, begins = highest(_hours(measured_w), first)
    alone = float(np.nansum(each.pmax_w))
    mean = float(np.nanmean(mean_w)) if pmax is not None else 0.0
    total = int(each.total_wh.sum())
    return GroupLoad(
        each=each,
        mean_w=mean_w,
        estimated=estimated / np.maximum(expected, 1),
        expected=expected,
        wh=total,
        known=float(seen.sum() / expected.sum()) if expected.any() else 0.0,
        pmax_w=pmax,
        pmax_at=at,
        sliding_w=hours,
        sliding_at=begins,
        sum_of_pmax_w=alone,
        # By a Pmax of 0 W, or by none, nothing can be divided. Who stands in at the mean may pass the sum.
        diversity=max(1.0, alone / pmax) if pmax and alone else None,
        coincidence=min(1.0, pmax / alone) if pmax and alone else None,
        load_factor=mean / pmax if pmax else None,
        use_hours=total / pmax if pmax else None,
        bands=_bands(mean_w, first),
        duration=_duration(mean_w),
    )


def mean_power(
    wh: npt.ArrayLike, seen: npt.ArrayLike, expected: npt.ArrayLike, whole: float = WHOLE
) -> Float:
    """W by interval of meters that used `wh` (d, slots) together, `seen` of `expected` of them known, the
    others at the mean of these; NaN where fewer than the share `whole` are."""
    energy, known, all_ = np.asarray(wh, np.float64), np.asarray(seen), np.asarray(expected)
    told = (all_ > 0) & (known >= whole * all_) & (known > 0)
    per_hour = energy.shape[-1] / 24
    return np.where(told, energy * (all_ / np.maximum(known, 1)) * per_hour, np.nan)


def highest(mean_w: Float, first: date) -> tuple[float | None, datetime | None]:
    """The highest power of (d, slots) and the beginning of its slot; None where none is known."""
    if not mean_w.size or np.isnan(mean_w).all():
        return None, None
    place = int(np.nanargmax(mean_w))
    at = midnight(first).timestamp() + place * (86_400 // mean_w.shape[-1])
    return float(mean_w.flat[place]), datetime.fromtimestamp(at, UTC)


def _hours(mean_w: Float) -> Float:
    """(d, slots): the mean of the hour that begins with each slot, NaN where a part of it is."""
    width, flat = max(1, mean_w.shape[-1] // 24), mean_w.reshape(-1)
    found = np.full(flat.shape, np.nan)
    if len(flat) >= width:
        found[: len(flat) - width + 1] = np.lib.stride_tricks.sliding_window_view(flat, width).mean(axis=1)
    return found.reshape(mean_w.shape)


def duration_curve(mean_w: npt.ArrayLike, points: int = 501) -> tuple[Float, Float]:
    """(share, W): the power reached for at least each share of the known time, from its highest to its lowest
    at no more than `points` places, both ends among them; empty where nothing is known."""
    power = np.asarray(mean_w, np.float64)
    highest_first = np.sort(power[~np.isnan(power)])[::-1]
    known = len(highest_first)
    places = (
        np.unique(np.linspace(0, known - 1, min(points, known)).astype(int)) if known else np.zeros(0, int)
    )
    return (places + 1) / max(known, 1), highest_first[places]


def _estimated(how: npt.NDArray[np.uint8]) -> npt.NDArray[np.bool_]:
    return (how >= Quality.LINEAR) & (how <= Quality.UNSCALED)


def _bands(mean_w: Float, first: date) -> Float:
    days, slots = mean_w.shape
    kinds = typical_days(first, days)
    found = np.full((len(Typical), len(BANDS), slots), np.nan)
    for kind in Typical:
        of_kind = mean_w[kinds == kind]
        some = ~np.isnan(of_kind).all(axis=0) if len(of_kind) else np.zeros(slots, bool)
        if some.any():
            found[kind][:, some] = np.nanquantile(of_kind[:, some], BANDS, axis=0)
    return found


def _duration(mean_w: Float) -> Float:
    known = np.sort(mean_w[~np.isnan(mean_w)])[::-1]
    if not len(known):
        return np.full(len(DURATION), np.nan)
    reached = np.ceil(np.array(DURATION) * len(known) - 1e-9).astype(np.int64)
    return np.asarray(known[np.maximum(reached, 1) - 1])
