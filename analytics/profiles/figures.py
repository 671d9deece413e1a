"""Pmax, load factor, typical days and coincidence of many meters at once."""

from __future__ import annotations

import itertools
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Final

import numpy as np
import numpy.typing as npt

from analytics.errors import AnalyticsError
from analytics.profiles.typical import Typical, typical_days
from model.period import midnight

Int64 = npt.NDArray[np.int64]
Float = npt.NDArray[np.float64]

SLIDING_MINUTES: Final = 60


@dataclass(frozen=True, slots=True, eq=False)
class Figures:
    """Arrays over m meters. Powers in W, NaN where nothing was measured; slots count from the first day,
    −1 where there is none.

    `sliding_w`: the highest mean of any hour (or `sliding_minutes`) of measured slots, from `sliding_slot`
    on. `typical_w` (m, kinds, slots): mean power by slot on each `Typical` kind of day, NaN where no day
    knows the slot. `together_wh` (d, slots): the sum over the meters of what is known, of `together_known`.
    """

    pmax_w: Float
    pmax_slot: Int64
    sliding_w: Float
    sliding_slot: Int64
    mean_w: Float
    load_factor: Float
    total_wh: Int64
    measured: Int64
    estimated: Int64
    missing: Int64
    typical_w: npt.NDArray[np.float32]
    together_wh: Int64
    together_known: npt.NDArray[np.int32]


@dataclass(frozen=True, slots=True, eq=False)
class LoadFigures:
    """One meter; what cannot be told is None. `…_at` is the beginning of the peak's interval."""

    pmax_w: float | None
    pmax_at: datetime | None
    sliding_w: float | None
    sliding_at: datetime | None
    mean_w: float | None
    load_factor: float | None
    total_wh: int
    measured: int
    estimated: int
    missing: int
    typical_w: npt.NDArray[np.float32]  # (kinds, slots)


def figures(
    energy: npt.ArrayLike,
    quality: npt.ArrayLike,
    first: date,
    *,
    sliding_minutes: int = SLIDING_MINUTES,
    threads: int = 1,
) -> Figures:
    """Load figures of `energy` (m, d, slots) in Wh with its `quality`, days from `first`.

    The peak is the highest interval mean that was measured (TT 05/2025/TT-BCT: half-hours of the billing
    month), not one that was estimated; mean and load factor go over all that is known. Raises
    `AnalyticsError` for other shapes, and where no whole number of slots makes `sliding_minutes`.
    """
    wh, how = _arrays(energy, quality)
    m, d, slots = wh.shape
    width, rest = divmod(sliding_minutes * slots, 24 * 60)
    if rest or width < 1:
        raise AnalyticsError(
            "bad_window", f"{sliding_minutes} minutes are no whole number of {24 * 60 / slots:g}-minute slots"
        )
    kinds = typical_days(first, d)
    sums, windows = np.zeros((m, 5), np.int64), np.zeros((m, 2), np.int64)
    typical = np.empty((m, len(Typical), slots), np.float32)
    edges = np.linspace(0, m, max(1, threads) + 1).astype(int).tolist()

    def part(start: int, end: int) -> tuple[Int64, npt.NDArray[np.int32]]:
        from analytics.profiles.kernel import studied

        all_wh, all_known = np.zeros(d * slots, np.int64), np.zeros(d * slots, np.int32)
        mine = slice(start, end)
        given = wh[mine], how[mine], kinds, width
        studied(*given, sums[mine], windows[mine], typical[mine], all_wh, all_known)
        return all_wh, all_known

    parts = list(itertools.pairwise(edges))
    if len(parts) == 1:
        together = [part(0, m)]
    else:
        with ThreadPoolExecutor(len(parts)) as pool:
            together = list(pool.map(part, *zip(*parts, strict=True)))
    pmax, mean, factor = _powers(sums, slots / 24)
    sliding = np.where(windows[:, 0] >= 0, windows[:, 0] * (60 / sliding_minutes), np.nan)
    typical *= slots / 24
    return Figures(
        pmax, sums[:, 1], sliding, windows[:, 1], mean, factor, sums[:, 2], sums[:, 3],
        sums[:, 4] - sums[:, 3], d * slots - sums[:, 4], typical,
        np.sum([all_wh for all_wh, _ in together], axis=0).reshape(d, slots),
        np.sum([known for _, known in together], axis=0, dtype=np.int32).reshape(d, slots),
    )  # fmt: skip


def peaks(energy: npt.ArrayLike, quality: npt.ArrayLike) -> tuple[Float, Int64, Float]:
    """Pmax in W, its slot and the load factor of each of m meters, as `figures` tells them."""
    from analytics.profiles.kernel import peaks as told

    wh, how = _arrays(energy, quality)
    sums = np.zeros((len(wh), 5), np.int64)
    told(wh, how, sums)
    pmax, _, factor = _powers(sums, wh.shape[2] / 24)
    return pmax, sums[:, 1], factor


def _arrays(
    energy: npt.ArrayLike, quality: npt.ArrayLike
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.uint8]]:
    wh = np.ascontiguousarray(energy, np.int32)
    how = np.ascontiguousarray(quality, np.uint8)
    if wh.ndim != 3 or wh.shape != how.shape or not wh.shape[2]:
        raise AnalyticsError(
            "bad_shape", f"energies {wh.shape} and qualities {how.shape} are not meters × days × slots"
        )
    # A kernel takes nothing that may not be written to, though it does not write.
    return wh if wh.flags.writeable else wh.copy(), how if how.flags.writeable else how.copy()


def _powers(sums: Int64, per_hour: float) -> tuple[Float, Float, Float]:
    """Pmax, mean and load factor of what `kernel.summed` gave."""
    peak, total, known = sums[:, 0], sums[:, 2], sums[:, 4]
    with np.errstate(invalid="ignore", divide="ignore"):
        pmax = np.where(peak >= 0, peak * per_hour, np.nan)
        mean = np.where(known > 0, total / known * per_hour, np.nan)
        return pmax, mean, np.where(pmax > 0, mean / pmax, np.nan)


def of_meter(energy: npt.ArrayLike, quality: npt.ArrayLike, first: date) -> LoadFigures:
    """Load figures of one meter: `energy` and `quality` (d, slots)."""
    wh, how = np.asarray(energy), np.asarray(quality)
    many = figures(wh[np.newaxis], how[np.newaxis], first, sliding_minutes=max(60, 1440 // wh.shape[1]))
    slot_s = 86_400 // wh.shape[1]

    def at(slot: int) -> datetime | None:
        return datetime.fromtimestamp(midnight(first).timestamp() + slot * slot_s, UTC) if slot >= 0 else None

    return LoadFigures(
        pmax_w=_told(many.pmax_w[0]),
        pmax_at=at(int(many.pmax_slot[0])),
        sliding_w=_told(many.sliding_w[0]),
        sliding_at=at(int(many.sliding_slot[0])),
        mean_w=_told(many.mean_w[0]),
        load_factor=_told(many.load_factor[0]),
        total_wh=int(many.total_wh[0]),
        measured=int(many.measured[0]),
        estimated=int(many.estimated[0]),
        missing=int(many.missing[0]),
        typical_w=many.typical_w[0],
    )


def _told(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
