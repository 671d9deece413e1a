"""Compiled loops of estimation: what a missing slot may hold, told by the hours most like it.

The weighted windows (`windows`) give each slot a distribution rather than a figure; a sum is shared by
taking the same quantile in every slot. Under a given sum that choice has the least mean absolute error,
which a median curve stretched to the sum has not.

Energies are int64 Wh, flags uint8, levels float64 Wh.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from analytics.kernels import kernel
from analytics.vee.windows import GRID, MEDIAN, REACH, SHIFT, WINDOWS, coarse, lay, likest, quantiles, weigh

Int64 = npt.NDArray[np.int64]
Flags = npt.NDArray[np.uint8]
Float = npt.NDArray[np.float64]

NONE, LINEAR, ONE_SIDED, LIKE_DAY, CLASS, AVERAGE, LEVEL = range(7)  # bases of `expect`
ENOUGH = 3  # days: the fewest that estimate a long gap which no register holds
SHORT = 6  # slots: where no whole window is left, a gap is taken in pieces of this length, then singly


@kernel("float64(float64[:, ::1], int64, int64, float64[::1], float64, float64[::1])")
def sum_at(table: Float, first: int, length: int, share: Float, at: float, level: Float) -> float:
    """Sum of the levels at one place of the grid (0 … 1) in rows from `first`, each times its `share` of a
    slot."""
    g = min(int(at * (GRID - 1)), GRID - 2)
    part = at * (GRID - 1) - g
    total = 0.0
    for j in range(length):
        level[j] = share[j] * (table[first + j, g] * (1 - part) + table[first + j, g + 1] * part)
        total += level[j]
    return total


@kernel("boolean(float64[:, ::1], int64, int64, float64[::1], float64, float64[::1])")
def fit(table: Float, first: int, length: int, share: Float, total: float, level: Float) -> bool:
    """Levels that add up to `total`: the same quantile in every slot, the rest in proportion.

    False when the levels are nought everywhere: then the total is shared evenly.
    """
    low, high, at = 0.0, 1.0, 0.5
    for _ in range(24):
        at = (low + high) / 2
        if sum_at(table, first, length, share, at, level) < total:
            low = at
        else:
            high = at
    if sum_at(table, first, length, share, 1.0, level) > 0:
        held = sum_at(table, first, length, share, high, level)
        for j in range(length):
            level[j] *= total / held if held > 0 else 0.0
        return True
    wide = 0.0
    for j in range(length):
        wide += share[j]
    for j in range(length):
        level[j] = total * share[j] / wide
    return False


@kernel("float64(int64[::1], int64, int64, int64, int64, boolean, boolean, float64[::1])")
def draw(energy: Int64, start: int, end: int, a: int, b: int, left: bool, right: bool, line: Float) -> float:
    """The line over slots a … b of the gap start … end between its neighbours, level where it has but one;
    its sum."""
    total = 0.0
    for k in range(a, b):
        if left and right:
            step = (energy[end] - energy[start - 1]) / (end - start + 1)
            line[k - a] = energy[start - 1] + step * (k - start + 1)
        else:
            line[k - a] = energy[start - 1] if left else energy[end]
        total += line[k - a]
    return total


@kernel("float64(int64[::1], uint8[::1], int64, int64)")
def usual_at(energy: Int64, usable: Flags, k: int, slots: int) -> float:
    """Mean of that time of day over all usable days; −1 when there is none."""
    total, count = 0, 0
    for i in range(k % slots, energy.shape[0], slots):
        if usable[i]:
            total += energy[i]
            count += 1
    return total / count if count else -1.0


@kernel(
    "void(int64[::1], uint8[::1], uint8[::1], uint8[::1], float64[::1], float64[::1], int64, int64,"
    " float64[:, ::1], float64[::1], uint8[::1], uint8[::1])"
)
def expect(
    energy: Int64,
    want: Flags,
    usable: Flags,
    kind: Flags,
    wanted: Float,
    profile: Float,
    slots: int,
    line_slots: int,
    table: Float,
    level: Float,
    basis: Flags,
    days: Flags,
) -> None:
    """What each wanted slot may hold: `table` a row of quantiles for each, in order; `level` the one figure.

    `want` 1: to be estimated; 2: without power, holds nothing; `usable` 1: measured, in no outage. `kind`
    says which days are alike; `wanted` Wh a slot by the register, negative when unknown; `profile` (slots,
    mean 1) the class's curve, or empty. `basis` per slot: LINEAR between two usable neighbours when the gap
    has at most `line_slots`, ONE_SIDED when one neighbour is usable and the other stands in an outage or is
    doubted (either weighed equally with what the windows say, where there are `ENOUGH` days of them),
    LIKE_DAY by windows; where there is none, CLASS by the profile × the meter's mean, AVERAGE by that time
    of all its days, LEVEL by its mean or 1. `days`: how many days the windows came from.
    """
    n = energy.shape[0]
    sums, whole = np.zeros(n + 1, np.int64), np.zeros(n + 1, np.int64)
    for k in range(n):
        sums[k + 1] = sums[k] + (energy[k] if usable[k] else 0)
        whole[k + 1] = whole[k] + usable[k]
    most = (2 * REACH + 1) * (2 * SHIFT + 1)
    score, spare, offset = np.empty(most), np.empty(most), np.empty(most, np.int64)
    windows = np.empty((WINDOWS, slots))
    values, weights, order = np.empty(WINDOWS), np.empty(WINDOWS), np.empty(WINDOWS, np.int64)
    blocks = np.empty(0)
    root, one, lines, middle = np.empty(n), np.ones(slots), np.empty(slots), np.empty(GRID)
    usual, row, k = -1.0, 0, 0
    while k < n:
        if want[k] != 1:
            basis[k], level[k] = NONE, 0.0
            if want[k]:
                for g in range(GRID):
                    table[row, g] = 0.0
                row += 1
            k += 1
            continue
        start, end = k, k
        while end < n and want[end] == 1:
            end += 1
        if usual < 0:
            usual = max(sums[n] / max(whole[n], 1), 1.0)
            for i in range(n):
                root[i] = np.sqrt(energy[i] / usual) if usable[i] else -1.0
            blocks = coarse(sums, whole, slots, usual)
        left = start > 0 and usable[start - 1] == 1
        right = end < n and usable[end] == 1
        how = LIKE_DAY
        if end - start <= line_slots and start > 0 and end < n and (left or right):
            how = LINEAR if left and right else ONE_SIDED
        piece = slots
        while k < end:
            stop = min(end, (k // slots + 1) * slots, k + piece)
            length = stop - k
            mean = 0.0
            for i in range(k, stop):
                mean = -1.0 if wanted[i] < 0 or mean < 0 else mean + wanted[i] / length
            found = weigh(
                root, blocks, sums, whole, kind, slots, k, stop, start, end, usual, mean, False, score, offset
            )
            seen = 0
            for i in range(found):
                if i == 0 or (offset[i] + SHIFT) // slots != (offset[i - 1] + SHIFT) // slots:
                    seen += 1
            if seen < ENOUGH and length > 1:
                piece = SHORT if length > SHORT else 1
                continue
            kept = likest(score, offset, found, spare)
            lay(energy, root, k, stop, start, end, offset, kept, windows)
            drawn = how != LIKE_DAY
            if drawn:
                held = draw(energy, start, end, k, stop, left, right, lines)
                if mean >= 0 and held > 0:
                    for j in range(length):
                        lines[j] *= mean * length / held
            for j in range(length):
                i = k + j
                line = lines[j] if drawn else 0.0
                if kept == 0 or (drawn and seen < ENOUGH):
                    basis[i] = how
                    if not drawn:
                        line = usual_at(energy, usable, i, slots)
                        basis[i] = AVERAGE if line >= 0 else LEVEL
                        if profile.shape[0]:
                            line, basis[i] = float(profile[i % slots]), CLASS
                        if basis[i] != AVERAGE:
                            line = max(line, 1.0) if basis[i] == LEVEL else line
                            line *= sums[n] / whole[n] if sums[n] else 1.0
                    for g in range(GRID):
                        table[row + j, g] = line
                else:
                    for w in range(kept):
                        values[w], weights[w] = windows[w, j], score[w]
                    quantiles(values, weights, kept, order, middle)
                    for g in range(GRID):
                        table[row + j, g] = (line + middle[g]) / 2 if drawn else middle[g]
                    basis[i] = how
                level[i] = table[row + j, MEDIAN]
                days[i] = min(seen, 255)
            if kept and mean < 0 and not drawn:
                found = weigh(
                    root,
                    blocks,
                    sums,
                    whole,
                    kind,
                    slots,
                    k,
                    stop,
                    start,
                    end,
                    usual,
                    mean,
                    True,
                    score,
                    offset,
                )
                kept = likest(score, offset, found, spare)
                lay(energy, root, k, stop, start, end, offset, kept, windows)
                for w in range(kept):
                    values[w] = 0.0
                    for j in range(length):
                        values[w] += windows[w, j]
                    weights[w] = score[w]
                quantiles(values, weights, kept, order, middle)
                fit(table, row, length, one, middle[MEDIAN], level[k:stop])
            row += length
            k = stop
            if k % slots == 0:
                piece = slots
