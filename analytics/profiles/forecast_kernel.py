"""Levels of use, how well each of them foretold the past, and how far off they were."""

from __future__ import annotations

import math
from typing import Final

import numpy as np
import numpy.typing as npt

from analytics.kernels import kernel

Float = npt.NDArray[np.float64]

WARM: Final = 20  # days before a level is held against what followed
RECENT: Final = 120  # days whose mean says how large a miss is
KNOWN: Final = 0.8  # share of the days ahead that must be known, for a miss to be told
SOFT: Final = 0.02  # a level that missed by so much more counts 1/e as much
AS_IF: Final = 30  # days of history that the usual misses stand for
USUAL_MISS: Final = 0.25
USUAL_LIFE: Final = 6.0  # days; the further a half-life from it, the more it misses, until history says
PER_E: Final = 0.02
PRIOR: Final = 5  # how many ready-made misses there are: `forecast.PRIOR_MISSES`
FEWEST: Final = 40  # misses that an interval rests on; where history has fewer, ready-made ones fill up
FLOOR: Final = 0.05  # of the recent mean: a miss is never told against less


@kernel("float64(float64[::1], float64)")
def _at(ordered: Float, share: float) -> float:
    """The quantile of values in order, between two of them on the line."""
    place = share * (len(ordered) - 1)
    below = int(place)
    above = min(below + 1, len(ordered) - 1)
    return float(ordered[below] + (place - below) * (ordered[above] - ordered[below]))


@kernel("void(float64[:, ::1], int64, float64[::1], float64[::1], float64[:, ::1])")
def foretell(days: Float, ahead: int, lives: Float, prior: Float, out: Float) -> None:
    """By meter, from `days` (m × d, Wh, NaN unknown): Wh a day to expect of the next `ahead` days, and the
    limits of four in five, as factors of it (`out` m × 3; NaN where no day is known).

    `lives`: half-lives in days of the levels; `prior`: `PRIOR` relative misses that fill history up.
    """
    meters, n = days.shape
    kinds = len(lives)
    level = np.empty((n, kinds))
    sums, known = np.empty(n + 1), np.empty(n + 1)
    misses = np.empty(n + FEWEST + PRIOR)
    weight = np.empty(kinds)
    for m in range(meters):
        sums[0], known[0] = 0.0, 0.0
        for t in range(n):
            there = not math.isnan(days[m, t])
            sums[t + 1] = sums[t] + (days[m, t] if there else 0.0)
            known[t + 1] = known[t] + (1.0 if there else 0.0)
        if known[n] == 0.0:
            out[m, :] = np.nan
            continue
        for k in range(kinds):
            fade, above, below = 0.5 ** (1.0 / lives[k]), 0.0, 0.0
            for t in range(n):
                above, below = above * fade, below * fade
                if not math.isnan(days[m, t]):
                    above, below = above + days[m, t], below + 1.0
                level[t, k] = above / below if below > 0.0 else np.nan
        begin = max(0, n - RECENT)
        recent = known[n] - known[begin]
        usual = (sums[n] - sums[begin]) / recent if recent > 0.0 else sums[n] / known[n]
        scale = max(usual, 1.0)
        counted = 0
        weight[:] = 0.0
        for t in range(WARM, n - ahead):
            seen = known[t + ahead + 1] - known[t + 1]
            if seen >= KNOWN * ahead and known[t + 1] > 0.0:
                came = (sums[t + ahead + 1] - sums[t + 1]) / seen
                for k in range(kinds):
                    weight[k] += abs(level[t, k] - came)
                counted += 1
        best = np.inf
        for k in range(kinds):
            before = USUAL_MISS + PER_E * abs(math.log(lives[k] / USUAL_LIFE))
            weight[k] = (weight[k] / scale + AS_IF * before) / (counted + AS_IF)
            best = min(best, weight[k])
        total = 0.0
        for k in range(kinds):
            weight[k] = math.exp(-(weight[k] - best) / SOFT)
            total += weight[k]
        expected = 0.0
        for k in range(kinds):
            weight[k] /= total
            expected += weight[k] * level[n - 1, k]
        held = 0
        for t in range(WARM, n - ahead):
            seen = known[t + ahead + 1] - known[t + 1]
            if seen >= KNOWN * ahead and known[t + 1] > 0.0:
                came, said = (sums[t + ahead + 1] - sums[t + 1]) / seen, 0.0
                for k in range(kinds):
                    said += weight[k] * level[t, k]
                misses[held] = (came - said) / max(said, FLOOR * scale)
                held += 1
        fill = max(1, -((held - FEWEST) // PRIOR))
        for _ in range(fill):
            for one in prior:
                if held < len(misses):
                    misses[held] = one
                    held += 1
        # Misses of overlapping stretches are no more than one in `ahead` of their own; few of them want a
        # wider interval (a quantile of n observations lies at (n + 1) q of them).
        tail = max(0.02, 0.1 - 0.9 * ahead / held)
        ordered = np.sort(misses[:held])
        out[m, 0] = expected
        out[m, 1] = 1.0 + _at(ordered, tail)
        out[m, 2] = 1.0 + _at(ordered, 1.0 - tail)
