"""Compiled loops of estimation: what a missing slot may hold, told by the hours most like it.

A gap is compared with windows of the same meter: the same slots of other days, three slots earlier to
three slots later. A window counts the more, the nearer and the more alike its day is, the closer its edges
are to the gap's own edges and its sum to what the register counted. The weighted windows give each slot a
distribution rather than a figure; a sum is shared by taking the same quantile in every slot. Under a given
sum that choice has the least mean absolute error, which a median curve stretched to the sum has not.

Energies are int64 Wh, flags uint8, levels float64 Wh. The constants were chosen on four households; the
tests judge them on others.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from analytics.kernels import kernel

Int64 = npt.NDArray[np.int64]
Flags = npt.NDArray[np.uint8]
Float = npt.NDArray[np.float64]

NONE, LINEAR, ONE_SIDED, LIKE_DAY, CLASS, AVERAGE, LEVEL = range(7)  # bases of `expect`

GRID = 21  # quantiles kept for each slot, at normal deviates −3 … 3
MEDIAN = GRID // 2
PROBABILITY = np.array(
    [
        0.0013498980, 0.0034669738, 0.0081975359, 0.0178644206, 0.0359303191, 0.0668072013, 0.1150696702,
        0.1840601253, 0.2742531178, 0.3820885778, 0.5, 0.6179114222, 0.7257468822, 0.8159398747,
        0.8849303298, 0.9331927987, 0.9640696809, 0.9821355794, 0.9918024641, 0.9965330262, 0.9986501020,
    ]
)  # fmt: skip

REACH = 90  # days, back and on, that windows are taken from
SHIFT = 3  # slots that a window may lie earlier or later
WINDOWS = 96  # as many of the likest as are weighed
EDGE = 3  # slots on either side that are compared
ENOUGH = 3  # days: the fewest that estimate a long gap which no register holds
SHORT = 6  # slots: where no whole window is left, a gap is taken in pieces of this length, then singly

DAYS_AWAY = 40.0  # e-folding of a window's weight: by days
DAYS_AWAY_LEVEL = 5.0  # by days, for the level of a gap that no register holds
SLOTS_AWAY = 2.0  # by slots shifted
EDGE_AWAY = 0.2  # by difference of the edges, in square roots of the usual slot, × √length
EDGE_FADE = 0.6  # what the next slot of an edge counts for
SUM_AWAY = 0.3  # by difference of the sums, in square roots of the usual slot
OTHER_KIND = np.log(0.25)  # a day of another kind, for the shape
OTHER_KIND_LEVEL = np.log(0.5)  # for the level
BENT = 0.6  # how much of the difference at an edge a window takes over,
FADING = 0.5  # and what is left of it a slot further in


@kernel("void(float64[::1], float64[::1], int64, float64[::1])")
def quantiles(values: Float, weights: Float, n: int, table: Float) -> None:
    """Weighted quantiles of n values at `PROBABILITY` into `table`, lines between the midpoints of weights.

    Sorts both arrays. Weights are positive.
    """
    total = 0.0
    for i in range(n):
        total += weights[i]
        value, weight, j = values[i], weights[i], i - 1
        while j >= 0 and values[j] > value:
            values[j + 1], weights[j + 1] = values[j], weights[j]
            j -= 1
        values[j + 1], weights[j + 1] = value, weight
    i, below = 0, 0.0  # `below`: weight ahead of value i
    before = -1.0  # midpoint of value i − 1
    midpoint = weights[0] / 2 / total
    for g in range(GRID):
        while i < n and midpoint < PROBABILITY[g]:
            below += weights[i]
            before = midpoint
            i += 1
            if i < n:
                midpoint = (below + weights[i] / 2) / total
        if i == 0:
            table[g] = values[0]
        elif i == n:
            table[g] = values[n - 1]
        else:
            table[g] = values[i - 1] + (values[i] - values[i - 1]) * (PROBABILITY[g] - before) / (
                midpoint - before
            )


@kernel(
    "int64(float64[::1], int64[::1], int64[::1], uint8[::1], int64, int64, int64, int64, int64, float64,"
    " float64, boolean, float64[::1], int64[::1])"
)
def weigh(
    root: Float,
    sums: Int64,
    whole: Int64,
    kind: Flags,
    slots: int,
    a: int,
    b: int,
    start: int,
    end: int,
    usual: float,
    wanted: float,
    for_level: bool,
    score: Float,
    offset: Int64,
) -> int:
    """Score the windows that may stand for slots a … b of the gap start … end; how many there are.

    `root`: √(energy / usual slot), −1 where unusable; `sums`, `whole`: running energy and count of usable
    slots; `usual`: Wh of the usual slot; `wanted`: Wh a slot by the register, negative when unknown.
    `score` is the logarithm of the weight, `offset` by how many slots the window lies off.
    """
    n = root.shape[0]
    day, length = a // slots, b - a
    reach = EDGE_AWAY * np.sqrt(float(length))
    found = 0
    for distance in range(-REACH, REACH + 1):
        other = day + distance
        if distance == 0 or other < 0 or other >= kind.shape[0]:
            continue
        away = abs(distance)
        if for_level:
            of_day = -away / DAYS_AWAY_LEVEL + (0.0 if kind[other] == kind[day] else OTHER_KIND_LEVEL)
        else:
            of_day = -away / DAYS_AWAY + (0.0 if kind[other] == kind[day] else OTHER_KIND)
        for shift in range(-SHIFT, SHIFT + 1):
            by = distance * slots + shift
            low, high = a + by, b + by
            if low < 0 or high > n or (low < end and high > start) or whole[high] - whole[low] < length:
                continue
            apart, worth = 0.0, 1.0
            for i in range(EDGE):
                if a == start:
                    k = a - 1 - i
                    if k >= 0 and k + by >= 0 and root[k] >= 0 and root[k + by] >= 0:
                        apart += worth * abs(root[k] - root[k + by])
                    else:
                        apart += worth * 0.5
                if b == end:
                    k = b + i
                    if k < n and k + by < n and root[k] >= 0 and root[k + by] >= 0:
                        apart += worth * abs(root[k] - root[k + by])
                    else:
                        apart += worth * 0.5
                worth *= EDGE_FADE
            points = of_day - abs(shift) / SLOTS_AWAY - apart / reach
            if wanted >= 0:
                held = np.sqrt((sums[high] - sums[low]) / (length * usual))
                points -= abs(held - np.sqrt(wanted / usual)) / SUM_AWAY
            score[found] = points
            offset[found] = by
            found += 1
    return found


@kernel("int64(float64[::1], int64[::1], int64)")
def likest(score: Float, offset: Int64, n: int) -> int:
    """Keep the `WINDOWS` best of n, in their order, and turn their scores into weights; how many are left."""
    if n == 0:
        return 0
    best = score[:n].max()
    bar = best - 30.0  # what weighs less than e⁻³⁰ of the best weighs nothing
    if n > WINDOWS:
        bar = max(bar, np.partition(score[:n], n - WINDOWS)[n - WINDOWS])
    kept = 0
    for i in range(n):
        if score[i] >= bar and kept < WINDOWS:
            score[kept], offset[kept] = np.exp(score[i] - best), offset[i]
            kept += 1
    return kept


@kernel("void(int64[::1], float64[::1], int64, int64, int64, int64, int64[::1], int64, float64[:, ::1])")
def lay(
    energy: Int64, root: Float, a: int, b: int, start: int, end: int, offset: Int64, n: int, windows: Float
) -> None:
    """What the n windows put into slots a … b (rows of `windows`), bent to the edges of the gap."""
    length, last = b - a, energy.shape[0]
    for i in range(n):
        by = offset[i]
        left, right = 0.0, 0.0
        if a == start and a > 0 and a + by > 0 and root[a - 1] >= 0 and root[a - 1 + by] >= 0:
            left = BENT * (energy[a - 1] - energy[a - 1 + by])
        if b == end and b < last and b + by < last and root[b] >= 0 and root[b + by] >= 0:
            right = BENT * (energy[b] - energy[b + by])
        for j in range(length):
            windows[i, j] = energy[a + by + j]
        for j in range(length):
            left *= FADING
            windows[i, j] += left
        for j in range(length - 1, -1, -1):
            right *= FADING
            windows[i, j] += right
        for j in range(length):
            windows[i, j] = max(windows[i, j], 0.0)


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
    score, offset = np.empty(most), np.empty(most, np.int64)
    windows = np.empty((WINDOWS, slots))
    values, weights = np.empty(WINDOWS), np.empty(WINDOWS)
    root, one, lines, middle = np.empty(n), np.ones(slots), np.empty(slots), np.empty(GRID)
    usual, row, k = -1.0, 0, 0
    while k < n:
        if want[k] != 1:
            basis[k], level[k] = NONE, 0.0
            if want[k]:
                table[row, :] = 0.0
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
                root, sums, whole, kind, slots, k, stop, start, end, usual, mean, False, score, offset
            )
            seen = 0
            for i in range(found):
                if i == 0 or (offset[i] + SHIFT) // slots != (offset[i - 1] + SHIFT) // slots:
                    seen += 1
            if seen < ENOUGH and length > 1:
                piece = SHORT if length > SHORT else 1
                continue
            kept = likest(score, offset, found)
            lay(energy, root, k, stop, start, end, offset, kept, windows)
            drawn = how != LIKE_DAY
            if drawn:
                held = draw(energy, start, end, k, stop, left, right, lines)
                if mean >= 0 and held > 0:
                    lines[:length] *= mean * length / held
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
                    table[row + j, :] = line
                else:
                    for w in range(kept):
                        values[w], weights[w] = windows[w, j], score[w]
                    quantiles(values, weights, kept, middle)
                    for g in range(GRID):
                        table[row + j, g] = (line + middle[g]) / 2 if drawn else middle[g]
                    basis[i] = how
                level[i] = table[row + j, MEDIAN]
                days[i] = min(seen, 255)
            if kept and mean < 0 and not drawn:
                found = weigh(
                    root, sums, whole, kind, slots, k, stop, start, end, usual, mean, True, score, offset
                )
                kept = likest(score, offset, found)
                lay(energy, root, k, stop, start, end, offset, kept, windows)
                for w in range(kept):
                    values[w] = 0.0
                    for j in range(length):
                        values[w] += windows[w, j]
                    weights[w] = score[w]
                quantiles(values, weights, kept, middle)
                fit(table, row, length, one, middle[MEDIAN], level[k:stop])
            row += length
            k = stop
            if k % slots == 0:
                piece = slots
