"""Whose use the unexplained loss of a station follows: least squares, robust, with every customer beside the
others.

A meter that counts a part of what is used leaves a loss in step with what it counts; one by-passed at night
leaves a loss at night, and counts less then than it did, and than its neighbours do. The first is a
regression of the residue on what customers were counted; of the second the residue says that it is so, and
the meters themselves who it may be.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from analytics.errors import AnalyticsError

Float = npt.NDArray[np.float64]

NIGHT: Final = (22.0, 5.0)  # hours
FEWEST_DAYS: Final = 7  # of which a loss is said to follow anybody
NIGHTLY: Final = 10.0  # t of the loss at night, from which on it is one of nights
ROUNDS: Final = 3  # of weighing outliers less (Huber's weights)
OUTLIER: Final = 2.0  # standard deviations
RIDGE: Final = 1e-4  # of a column's own square: customers alike are told apart no better than they can be
NIGHT_T: Final = 4.0  # a t at night counts as much as one deviation among neighbours in so many
SHARE_FLOOR: Final = 0.02  # of a day's use: less at night makes nobody stand out more
SMALL_WH: Final = 5.0  # a slot


@dataclass(frozen=True, slots=True)
class Suspect:
    """Customer number `at`. `score` in standard deviations; `share`: Wh of loss that go with a Wh it was
    counted; `wh`: loss of the days looked at in step with its use; `at_night`: told by its nights."""

    at: int
    score: float
    share: float
    wh: float
    at_night: bool


def suspects(
    residue: npt.ArrayLike, head: npt.ArrayLike, sold: npt.ArrayLike, before: npt.ArrayLike
) -> list[Suspect]:
    """All m customers, the likeliest first.

    Looked at are all of the days, or their last half or quarter where the loss follows somebody more clearly
    in it. `residue`, `head` (d, slots) in Wh, NaN where unknown; what technical loss it still holds is fitted
    along. `sold` (m, d, slots) in Wh, NaN where missing (taken as that customer's usual slot); `before` (m,
    b, slots) likewise, days of each customer before these (b may be 0). Other shapes raise `AnalyticsError`.
    """
    lost, into, counted = (np.asarray(one, np.float64) for one in (residue, head, sold))
    past = np.asarray(before, np.float64)
    if counted.ndim != 3 or lost.shape != counted.shape[1:] or into.shape != lost.shape:
        raise AnalyticsError(
            "bad_shape", f"a residue of {lost.shape} and customers of {counted.shape} do not fit"
        )
    if not len(counted):
        return []
    use, past = _filled(counted), _filled(past)
    first = max(_windows(len(lost)), key=lambda one: _followed(use[:, one:], lost[one:], into[one:]))
    earlier = np.concatenate([past, use[:, :first]], axis=1)
    return _ranked(use[:, first:], lost[first:], into[first:], earlier)


def _windows(days: int) -> list[int]:
    """First days of what is looked at: a theft that began within the days is in step with the last ones
    alone, and a robust fit of all of them would leave it out."""
    return [0, *(first for first in (days // 2, 3 * days // 4) if days - first >= FEWEST_DAYS)]


def _followed(use: Float, lost: Float, into: Float) -> float:
    """How clearly the loss of these days follows anybody's use, or the nights."""
    _, t = _regressed(use, lost, into, np.ones(lost.shape[1], bool))
    return max(float(t.max()), _nights_t(lost, into, _night(lost.shape[1])))


def _ranked(use: Float, lost: Float, into: Float, past: Float) -> list[Suspect]:
    night = _night(lost.shape[1])
    share, t = _regressed(use, lost, into, np.ones(len(night), bool))
    total = share * np.nansum(use, axis=(1, 2))
    if _nights_t(lost, into, night) <= NIGHTLY:
        scores, at_night = t, False
    else:
        nights, t = _regressed(use, lost, into, night)
        stands_out = np.maximum(_less_at_night(use, night), _fewer_than_before(use, past, night))
        scores, at_night = np.maximum(t / NIGHT_T, stands_out), True
        share, total = nights, nights * use[:, :, night].sum(axis=(1, 2))
    order = np.argsort(-scores, kind="stable").tolist()
    return [
        Suspect(at, float(scores[at]), float(max(share[at], 0.0)), float(max(total[at], 0.0)), at_night)
        for at in order
    ]


def _night(slots: int) -> npt.NDArray[np.bool_]:
    hours = np.arange(slots) * 24 / slots
    return np.asarray((hours >= NIGHT[0]) | (hours < NIGHT[1]))


def _filled(counted: Float) -> Float:
    """Missing slots as the customer's mean of that slot, or 0 where it has none."""
    known = ~np.isnan(counted)
    sums, seen = np.where(known, counted, 0.0).sum(axis=1), known.sum(axis=1)
    usual = sums / np.maximum(seen, 1)
    return np.asarray(np.where(known, counted, usual[:, None, :]))


def _regressed(use: Float, lost: Float, into: Float, chosen: npt.NDArray[np.bool_]) -> tuple[Float, Float]:
    """(share, t) of each customer over the chosen slots of the day."""
    rows = use[:, :, chosen].reshape(len(use), -1)
    return _fitted(rows, lost[:, chosen].ravel(), into[:, chosen].ravel())


def _nights_t(lost: Float, into: Float, night: npt.NDArray[np.bool_]) -> float:
    """How clearly the loss is one of nights."""
    if np.isnan(into).all():
        return 0.0
    column = np.broadcast_to(night, lost.shape).astype(float).reshape(1, -1) * np.nanmean(into)
    return float(_fitted(column, lost.ravel(), into.ravel())[1][0])


def _fitted(rows: Float, lost: Float, into: Float) -> tuple[Float, Float]:
    """(coefficient, t) of each row beside the technical loss (constant, linear and quadratic in the load)."""
    there = ~(np.isnan(lost) | np.isnan(into))
    n, load = len(rows), into[there]
    nothing = np.zeros(n), np.zeros(n)
    if there.sum() <= n + 3 or load.mean() <= 0:
        return nothing
    technical = np.stack([np.ones_like(load), load, load**2 / load.mean()])
    # The noise of a load goes with its root.
    weight = 1 / np.sqrt(np.maximum(load, 1.0))
    table, wanted = np.concatenate([rows[:, there], technical]) * weight, lost[there] * weight
    missed: Float = wanted
    huber: Float = np.ones_like(wanted)
    for _ in range(1 + ROUNDS):
        square: Float = (table * huber) @ table.T
        size = np.diag(square)
        used = size > 1e-12 * max(size.max(), 1e-300)
        square[~used] = square[:, ~used] = 0.0
        square[np.diag_indices_from(square)] = np.where(used, size * (1 + RIDGE), 1.0)
        inverse: Float = np.asarray(np.linalg.inv(square), np.float64)
        coefficients: Float = np.asarray(inverse @ np.where(used, (table * huber) @ wanted, 0.0), np.float64)
        missed = np.asarray(wanted - coefficients @ table, np.float64)
        spread = 1.4826 * float(np.median(np.abs(missed)))
        if spread <= 0:
            break
        huber = np.asarray(np.minimum(1.0, OUTLIER * spread / np.maximum(np.abs(missed), 1e-12)), float)
    error = 1.4826 * float(np.median(np.abs(missed))) * np.sqrt(np.maximum(np.diag(inverse), 0.0))
    t = np.divide(coefficients, error, out=np.zeros_like(coefficients), where=(error > 0) & used)
    return coefficients[:n], t[:n]


def _less_at_night(use: Float, night: npt.NDArray[np.bool_]) -> Float:
    """How far below its neighbours' a customer's use at night is, of its use by day."""
    by_night, by_day = use[:, :, night].mean(axis=(1, 2)), use[:, :, ~night].mean(axis=(1, 2))
    return _deviations(-np.log(by_night / np.maximum(by_day, 1.0) + SHARE_FLOOR))


def _fewer_than_before(use: Float, before: Float, night: npt.NDArray[np.bool_]) -> Float:
    """How much more the nights fell than the days since `before`, beside the neighbours'; 0 without it."""
    if not before.shape[1]:
        return np.zeros(len(use))

    def fell(chosen: npt.NDArray[np.bool_]) -> Float:
        was, is_now = (part[:, :, chosen].mean(axis=(1, 2)) for part in (before, use))
        return np.asarray(np.log((was + SMALL_WH) / (is_now + SMALL_WH)))

    return _deviations(fell(night) - fell(~night))


def _deviations(values: Float) -> Float:
    """Robust z: from the median, in standard deviations by the median deviation."""
    away = values - np.median(values)
    spread = 1.4826 * np.median(np.abs(away))
    return np.asarray(away / spread) if spread > 0 else np.zeros_like(values)
