"""The estimate of one meter's gaps written with numpy: what the compiled kernel is measured against."""

from __future__ import annotations

from datetime import date

import numpy as np
import numpy.typing as npt

from analytics.vee.day_kinds import day_kinds
from analytics.vee.windows import (
    BENT,
    DAYS_AWAY,
    EDGE,
    EDGE_AWAY,
    EDGE_FADE,
    FADING,
    GRID,
    OTHER_KIND,
    PROBABILITY,
    REACH,
    SHIFT,
    SLOTS_AWAY,
    SUM_AWAY,
    WINDOWS,
)
from model.quality import Quality

LINE_SLOTS = 4
Float = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


def fill_gap(
    wh: npt.NDArray[np.int32], grade: npt.NDArray[np.uint8], day_wh: Ints, first: date, slots: int = 48
) -> None:
    """Fill every gap of one meter (d × slots, in a row) in place; each day adds up to its `day_wh`."""
    usable = grade == Quality.ACTUAL
    missing = grade == Quality.MISSING
    usual = max(float(wh[usable].sum()) / max(int(usable.sum()), 1), 1.0)
    root = np.where(usable, np.sqrt(wh / usual), -1.0)
    sums = np.concatenate(([0], np.cumsum(np.where(usable, wh, 0), dtype=np.int64)))
    whole = np.concatenate(([0], np.cumsum(usable)))
    kinds = day_kinds(first, len(wh) // slots)
    starts = np.flatnonzero(missing & ~np.concatenate(([False], missing[:-1])))
    ends = np.flatnonzero(missing & ~np.concatenate((missing[1:], [False]))) + 1
    for start, end in zip(starts.tolist(), ends.tolist(), strict=True):
        a = start
        while a < end:
            b = min(end, (a // slots + 1) * slots)
            day = a // slots
            rest = max(int(day_wh[day]) - int(sums[(day + 1) * slots] - sums[day * slots]), 0)
            mean = rest / (b - a)
            table = _table(wh, root, sums, whole, kinds, slots, a, b, start, end, usual, mean)
            drawn = end - start <= LINE_SLOTS and start > 0 and end < len(wh)
            if drawn:
                left, right = int(wh[start - 1]), int(wh[end])
                line = left + (right - left) * (np.arange(a, b) - start + 1) / (end - start + 1)
                held = line.sum()
                line = line * (rest / held) if held > 0 else line
                table = (table + line[:, None]) / 2
            wh[a:b] = _whole(_fit(table, float(rest)), rest)
            grade[a:b] = Quality.LINEAR if drawn else Quality.LIKE_DAY
            a = b


def _table(
    wh: npt.NDArray[np.int32], root: Float, sums: Ints, whole: Ints, kinds: npt.NDArray[np.uint8], slots: int,
    a: int, b: int, start: int, end: int, usual: float, mean: float,
) -> Float:  # fmt: skip
    """Quantiles (slots of the part × GRID) of the likest windows."""
    n, length, day = len(wh), b - a, a // slots
    days = np.repeat(np.arange(-REACH, REACH + 1), 2 * SHIFT + 1)
    shifts = np.tile(np.arange(-SHIFT, SHIFT + 1), 2 * REACH + 1)
    by = days * slots + shifts
    fits = (days != 0) & (day + days >= 0) & (day + days < len(kinds)) & (a + by >= 0) & (b + by <= n)
    by, days, shifts = by[fits], days[fits], shifts[fits]
    apart = (a + by >= end) | (b + by <= start)
    apart &= whole[b + by] - whole[a + by] == length
    by, days, shifts = by[apart], days[apart], shifts[apart]
    score = -np.abs(days) / DAYS_AWAY + np.where(kinds[day + days] == kinds[day], 0.0, OTHER_KIND)
    edges = np.zeros(len(by))
    for i in range(EDGE):
        for beside, k in ((a == start, a - 1 - i), (b == end, b + i)):
            if beside:
                there = np.clip(k + by, 0, n - 1)
                inside = (k + by >= 0) & (k + by < n) & (0 <= k < n)
                known = inside & (root[min(max(k, 0), n - 1)] >= 0) & (root[there] >= 0)
                edges += EDGE_FADE**i * np.where(
                    known, np.abs(root[min(max(k, 0), n - 1)] - root[there]), 0.5
                )
    score -= np.abs(shifts) / SLOTS_AWAY + edges / (EDGE_AWAY * np.sqrt(length))
    held = np.sqrt((sums[b + by] - sums[a + by]) / (length * usual))
    score -= np.abs(held - np.sqrt(mean / usual)) / SUM_AWAY
    bar = score.max() - 30.0
    if len(score) > WINDOWS:
        bar = max(bar, np.partition(score, len(score) - WINDOWS)[len(score) - WINDOWS])
    best = np.flatnonzero(score >= bar)[:WINDOWS]
    weight, by = np.exp(score[best] - score.max()), by[best]
    values = wh[a + by[:, None] + np.arange(length)].astype(np.float64)
    for k, beside, steps in (
        (a - 1, a == start, np.arange(1, length + 1)),
        (b, b == end, np.arange(length, 0, -1)),
    ):
        if beside and 0 <= k < n and root[k] >= 0:
            there = np.clip(k + by, 0, n - 1)
            known = (k + by >= 0) & (k + by < n) & (root[there] >= 0)
            bend = np.where(known, BENT * (int(wh[k]) - wh[there].astype(np.float64)), 0.0)
            values += bend[:, None] * FADING**steps
    values = np.maximum(values, 0.0)
    order = np.argsort(values, axis=0, kind="stable")
    values, weights = np.take_along_axis(values, order, 0), weight[order]
    midpoints = (np.cumsum(weights, axis=0) - weights / 2) / weights.sum(axis=0)
    return np.stack([np.interp(PROBABILITY, midpoints[:, j], values[:, j]) for j in range(length)])


def _fit(table: Float, total: float) -> Float:
    """The same place of the grid in every slot, so that the levels add up to `total`."""

    def at(place: float) -> Float:
        g = min(int(place * (GRID - 1)), GRID - 2)
        part = place * (GRID - 1) - g
        return np.asarray(table[:, g] * (1 - part) + table[:, g + 1] * part)

    low, high = 0.0, 1.0
    for _ in range(24):
        middle = (low + high) / 2
        low, high = (middle, high) if at(middle).sum() < total else (low, middle)
    levels = at(high)
    held = levels.sum()
    return levels * (total / held) if held > 0 else np.full(len(table), total / len(table))


def _whole(levels: Float, total: int) -> Ints:
    """Whole Wh by largest remainder."""
    floor = levels.astype(np.int64)
    rest = total - int(floor.sum())
    floor[np.argsort(floor - levels, kind="stable")[:rest]] += 1
    return floor
