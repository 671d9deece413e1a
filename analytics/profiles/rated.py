"""A load against what its transformer is made for."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Final

import numpy as np
import numpy.typing as npt

from analytics.errors import AnalyticsError
from model.period import midnight

Float = npt.NDArray[np.float64]

LEVELS: Final = (0.8, 1.0, 1.1, 1.3)  # of the rated power
USUAL_COS_PHI: Final = 0.9  # where no reactive energy is measured


@dataclass(frozen=True, slots=True)
class Above:
    """How long a load was above `level` times the rated power: hours in all, their share of the hours that
    are known, and the longest stretch without a gap or a fall, from `since` on (None: there was none)."""

    level: float
    hours: float
    share: float
    longest_hours: float
    since: datetime | None


@dataclass(frozen=True, slots=True, eq=False)
class RatedLoad:
    """`va` (d, slots): apparent power, NaN where unknown. Peaks are of measured intervals; what cannot be
    told is None. `pmax_w` at `pmax_at` (beginnings of intervals); `smax_va` at `smax_at`, by the rated power
    of that day `smax_share`; `mean_share`: over all that is known.

    `above` is empty without a rated power. `known`: share of the intervals; `reactive_known`: of these, the
    share whose reactive energy was measured and not taken as at `USUAL_COS_PHI`.
    """

    va: Float
    pmax_w: float | None
    pmax_at: datetime | None
    smax_va: float | None
    smax_at: datetime | None
    smax_share: float | None
    mean_share: float | None
    above: tuple[Above, ...]
    known: float
    reactive_known: float


def against(
    w: npt.ArrayLike, var: npt.ArrayLike, measured: npt.ArrayLike, rated_va: npt.ArrayLike, first: date
) -> RatedLoad:
    """`w`, `var` (d, slots): mean active and reactive power, NaN where unknown; `measured` (d, slots) bool:
    what may make a peak; `rated_va` (d): of each day from `first`, NaN where nobody said. A load that feeds
    back counts as one. Raises `AnalyticsError` for shapes that do not fit."""
    active, reactive = np.asarray(w, np.float64), np.asarray(var, np.float64)
    told, rated = np.asarray(measured, bool), np.asarray(rated_va, np.float64)
    if active.ndim != 2 or not active.shape == reactive.shape == told.shape or len(rated) != len(active):
        raise AnalyticsError(
            "bad_shape", f"powers of {active.shape}, {reactive.shape} do not fit {len(rated)}"
        )
    known = ~np.isnan(active)
    by_meter = known & ~np.isnan(reactive)
    usual = np.abs(active) / USUAL_COS_PHI
    va = np.where(by_meter, np.hypot(active, reactive), usual)
    share = va / np.where(rated > 0, rated, np.nan)[:, None]
    hours = 24 / max(1, active.shape[1])
    pmax, smax = (_highest(np.where(told, one, np.nan)) for one in (active, va))
    rated_known = ~np.isnan(share)
    at = None if smax is None else share.flat[smax]
    return RatedLoad(
        va=va,
        pmax_w=None if pmax is None else float(active.flat[pmax]),
        pmax_at=_instant(first, pmax, hours),
        smax_va=None if smax is None else float(va.flat[smax]),
        smax_at=_instant(first, smax, hours),
        smax_share=None if at is None or np.isnan(at) else float(at),
        mean_share=float(share[rated_known].mean()) if rated_known.any() else None,
        above=tuple(_above(share, level, hours, first) for level in LEVELS) if rated_known.any() else (),
        known=float(known.mean()) if known.size else 0.0,
        reactive_known=float(by_meter.sum() / known.sum()) if known.any() else 0.0,
    )


def _above(share: Float, level: float, hours: float, first: date) -> Above:
    with np.errstate(invalid="ignore"):
        high = (share > level).ravel()
    begin, length = longest_run(high)
    return Above(
        level,
        hours=float(high.sum() * hours),
        share=float(high.sum() / (~np.isnan(share)).sum()),
        longest_hours=length * hours,
        since=_instant(first, begin if length else None, hours),
    )


def longest_run(marks: npt.NDArray[np.bool_]) -> tuple[int, int]:
    """(where it begins, how long it is) of the first longest run of marks; (0, 0) without any."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], marks.astype(np.int8), [0]])))
    if not len(edges):
        return 0, 0
    lengths = edges[1::2] - edges[::2]
    place = int(np.argmax(lengths))
    return int(edges[2 * place]), int(lengths[place])


def _highest(values: Float) -> int | None:
    return int(np.nanargmax(values)) if (~np.isnan(values)).any() else None


def _instant(first: date, slot: int | None, hours: float) -> datetime | None:
    if slot is None:
        return None
    return datetime.fromtimestamp(midnight(first).timestamp() + slot * hours * 3600, UTC)
