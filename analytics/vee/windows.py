"""Compiled loops: windows of the same meter that may stand for a gap, and what they say of its slots.

A gap is compared with windows of the same meter: the same slots of other days, three slots earlier to
three slots later. A window counts the more, the nearer and the more alike its day is, the closer its edges
are to the gap's own edges and its sum to what the register counted. Where the gap is longer than a day its
edges say little of the days within, and for its shape a window counts the more, the more its day is like
those on either side of the gap: a week of night shifts is told by the days around it.

Energies are int64 Wh, flags uint8. The constants were chosen on four households; the tests judge them on
others.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from analytics.kernels import kernel

Int64 = npt.NDArray[np.int64]
Flags = npt.NDArray[np.uint8]
Float = npt.NDArray[np.float64]

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
WINDOWS = 64  # as many of the likest as are weighed; at most 256
EDGE = 3  # slots on either side that are compared

DAYS_AWAY = 40.0  # e-folding of a window's weight: by days
DAYS_AWAY_LEVEL = 5.0  # by days, for the level of a gap that no register holds
SLOTS_AWAY = 2.0  # by slots shifted
EDGE_AWAY = 0.2  # by difference of the edges, in square roots of the usual slot, × √length
EDGE_FADE = 0.6  # what the next slot of an edge counts for
SUM_AWAY = 0.3  # by difference of the sums, in square roots of the usual slot
BLOCKS = 12  # parts of a day by which days on either side of a long gap are compared
UNLIKE_AWAY = 0.6  # by their difference, in square roots of the usual slot
OTHER_KIND = np.log(0.25)  # a day of another kind, for the shape
OTHER_KIND_LEVEL = np.log(0.5)  # for the level
BENT = 0.6  # how much of the difference at an edge a window takes over,
FADING = 0.5  # and what is left of it a slot further in


@kernel("void(float64[::1], float64[::1], int64, int64[::1], float64[::1])")
def quantiles(values: Float, weights: Float, n: int, order: Int64, table: Float) -> None:
    """Weighted quantiles of n values (0 or more) at `PROBABILITY` into `table`, lines between the midpoints
    of weights.

    Weights are positive. `order` is room for n numbers; values closer than 1/256 stand as they came.
    """
    total = 0.0
    for i in range(n):
        total += weights[i]
        order[i] = (np.int64(values[i] * 256) << 8) | i  # value and place in one number: half the moves
    for gap in (23, 10, 4, 1):
        for i in range(gap, n):
            key, j = order[i], i - gap
            while j >= 0 and order[j] > key:
                order[j + gap] = order[j]
                j -= gap
            order[j + gap] = key
    i, place = 0, order[0] & 255
    below, before = 0.0, -1.0  # weight ahead of value i; midpoint of the value before it
    value, earlier = values[place], 0.0
    midpoint = weights[place] / 2
    for g in range(GRID):
        target = PROBABILITY[g] * total
        while i < n and midpoint < target:
            below += weights[place]
            before, earlier = midpoint, value
            i += 1
            if i < n:
                place = order[i] & 255
                value = max(values[place], earlier)
                midpoint = below + weights[place] / 2
        if i == 0 or i == n:
            table[g] = value
        else:
            table[g] = earlier + (value - earlier) * (target - before) / (midpoint - before)


@kernel("float64[::1](int64[::1], int64[::1], int64, float64)")
def coarse(sums: Int64, whole: Int64, slots: int, usual: float) -> Float:
    """√(energy / usual) a slot of each part of each day, `BLOCKS` a day where so many are; −1 where a slot of
    it is not usable."""
    wide = max(slots // BLOCKS, 1)
    each = slots // wide
    found = np.empty((sums.shape[0] - 1) // slots * each)
    for i in range(found.shape[0]):
        a = i // each * slots + i % each * wide
        b = a + wide
        found[i] = np.sqrt((sums[b] - sums[a]) / (wide * usual)) if whole[b] - whole[a] == wide else -1.0
    return found


@kernel("float64(float64[::1], int64, int64, int64)")
def unlike(blocks: Float, each: int, one: int, other: int) -> float:
    """Mean difference of the parts known of both days; −1 where there are none."""
    apart, known = 0.0, 0
    if one == other or min(one, other) < 0 or (max(one, other) + 1) * each > blocks.shape[0]:
        return -1.0
    for i in range(each):
        a, b = blocks[one * each + i], blocks[other * each + i]
        if a >= 0 and b >= 0:
            apart += abs(a - b)
            known += 1
    return apart / known if known else -1.0


@kernel(
    "int64(float64[::1], float64[::1], int64[::1], int64[::1], uint8[::1], int64, int64, int64, int64, int64,"
    " float64, float64, boolean, float64[::1], int64[::1])"
)
def weigh(
    root: Float,
    blocks: Float,
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

    `root`: √(energy / usual slot), −1 where unusable; `blocks` the same by parts of days; `sums`, `whole`:
    running energy and count of usable slots; `usual`: Wh of the usual slot; `wanted`: Wh a slot by the
    register, negative when unknown. `score` is the logarithm of the weight, `offset` by how many slots the
    window lies off.
    """
    n = root.shape[0]
    day, length = a // slots, b - a
    reach = EDGE_AWAY * np.sqrt(float(length))
    each = slots // max(slots // BLOCKS, 1)
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
        if end - start > slots and not for_level:
            before = unlike(blocks, each, start // slots - 1, other)
            after = unlike(blocks, each, (end - 1) // slots + 1, other)
            if before >= 0 and after >= 0:
                of_day -= (before + after) / 2 / UNLIKE_AWAY
            elif max(before, after) >= 0:
                of_day -= max(before, after) / UNLIKE_AWAY
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


@kernel("float64(float64[::1], int64, int64)")
def largest(values: Float, n: int, rank: int) -> float:
    """The value of a rank (0 the largest) among the first n, by halving around a pivot; reorders them."""
    low, high = 0, n - 1
    while low < high:
        pivot, i, j = values[(low + high) // 2], low, high
        while i <= j:
            while values[i] > pivot:
                i += 1
            while values[j] < pivot:
                j -= 1
            if i <= j:
                values[i], values[j] = values[j], values[i]
                i, j = i + 1, j - 1
        if rank <= j:
            high = j
        elif rank >= i:
            low = i
        else:
            break
    return float(values[rank])


@kernel("int64(float64[::1], int64[::1], int64, float64[::1])")
def likest(score: Float, offset: Int64, n: int, spare: Float) -> int:
    """Keep the `WINDOWS` best of n, in their order, and turn their scores into weights; how many are left."""
    best = -np.inf
    for i in range(n):
        spare[i] = score[i]
        best = max(best, score[i])
    bar = best - 30.0  # what weighs less than e⁻³⁰ of the best weighs nothing
    if n > WINDOWS:
        bar = max(bar, largest(spare, n, WINDOWS - 1))
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
