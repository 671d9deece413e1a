"""What a missing slot may hold, against a slow twin that spells each rule out."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics.vee.shapes import (
    AVERAGE,
    CLASS,
    ENOUGH,
    LEVEL,
    LIKE_DAY,
    LINEAR,
    NONE,
    ONE_SIDED,
    SHORT,
    expect,
    fit,
)
from analytics.vee.windows import (
    BENT,
    BLOCKS,
    DAYS_AWAY,
    DAYS_AWAY_LEVEL,
    EDGE,
    EDGE_AWAY,
    EDGE_FADE,
    FADING,
    GRID,
    MEDIAN,
    OTHER_KIND,
    OTHER_KIND_LEVEL,
    PROBABILITY,
    REACH,
    SHIFT,
    SLOTS_AWAY,
    SUM_AWAY,
    UNLIKE_AWAY,
    WINDOWS,
    largest,
    quantiles,
)
from tests.slow_fit import slow_fit


def slow_quantiles(values: list[float], weights: list[float]) -> list[float]:
    """numpy's interpolation between the midpoints of the sorted weights."""
    pairs = sorted(zip(values, weights, strict=True), key=lambda pair: pair[0])
    weight = np.array([one for _, one in pairs])
    midpoints = (np.cumsum(weight) - weight / 2) / weight.sum()
    return list(np.interp(PROBABILITY, midpoints, [value for value, _ in pairs]))


def weighed(values: Any, weights: Any, table: Any) -> None:
    quantiles(values, weights, len(values), np.empty(len(values), np.int64), table)


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 50), st.floats(0.01, 5)), min_size=1, max_size=40))
def test_quantiles(pairs: list[tuple[int, float]]) -> None:
    values, weights = [float(value) for value, _ in pairs], [weight for _, weight in pairs]
    table = np.empty(GRID)
    quantiles(np.array(values), np.array(weights), len(pairs), np.empty(len(pairs), np.int64), table)
    assert (np.diff(table) >= 0).all()
    if len(set(values)) == len(values):  # the order among equals is free, and moves midpoints
        np.testing.assert_allclose(table, slow_quantiles(values, weights), rtol=1e-9, atol=1e-9)


@given(st.lists(st.integers(0, 9), min_size=1, max_size=30), st.data())
def test_largest(values: list[int], data: st.DataObject) -> None:
    rank = data.draw(st.integers(0, len(values) - 1))
    found = largest(np.array(values, np.float64), len(values), rank)
    assert found == sorted(values, reverse=True)[rank]


class SlowGap:
    """What `expect` says of one gap, spelt out; `wanted` negative: no register."""

    def __init__(self, energy: list[int], usable: list[int], kind: list[int], slots: int) -> None:
        self.energy, self.usable, self.kind, self.slots = energy, usable, kind, slots
        known = [one for one, use in zip(energy, usable, strict=True) if use]
        self.mean = sum(known) / len(known) if known else 0.0
        self.usual = max(self.mean, 1.0)

    def root(self, k: int) -> float | None:
        if not 0 <= k < len(self.energy) or not self.usable[k]:
            return None
        return float(np.sqrt(self.energy[k] / self.usual))

    def unlike(self, one: int, other: int) -> float | None:
        """How far two days are apart, part by part, where both are known."""
        wide = max(self.slots // BLOCKS, 1)
        apart = []
        for at in range(0, self.slots // wide * wide, wide):
            pair = [range(day * self.slots + at, day * self.slots + at + wide) for day in (one, other)]
            if all(0 <= k < len(self.energy) and self.usable[k] for slots in pair for k in slots):
                a, b = (
                    float(np.sqrt(sum(self.energy[k] for k in slots) / wide / self.usual)) for slots in pair
                )
                apart.append(abs(a - b))
        return sum(apart) / len(apart) if apart else None

    def windows(self, part: range, gap: range, wanted: float, for_level: bool) -> list[tuple[float, int]]:
        """(logarithm of the weight, offset) of all that could stand for `part` of `gap`, by offset."""
        found = []
        day, days = part[0] // self.slots, len(self.kind)
        for away in range(-REACH, REACH + 1):
            if away == 0 or not 0 <= day + away < days:
                continue
            for shift in range(-SHIFT, SHIFT + 1):
                by = away * self.slots + shift
                there = [k + by for k in part]
                if any(not 0 <= k < len(self.energy) or k in gap or not self.usable[k] for k in there):
                    continue
                alike = self.kind[day + away] == self.kind[day]
                other = 0.0 if alike else OTHER_KIND_LEVEL if for_level else OTHER_KIND
                score = other - abs(away) / (DAYS_AWAY_LEVEL if for_level else DAYS_AWAY)
                if len(gap) > self.slots and not for_level:
                    around = (gap[0] // self.slots - 1, gap[-1] // self.slots + 1)
                    told = [self.unlike(one, day + away) for one in around if one != day + away]
                    known = [one for one in told if one is not None]
                    score -= sum(known) / max(len(known), 1) / UNLIKE_AWAY
                edges = 0.0
                for i in range(EDGE):
                    for beside, at in (
                        (part[0] == gap[0], part[0] - 1 - i),
                        (part[-1] == gap[-1], part[-1] + 1 + i),
                    ):
                        if beside:
                            a, b = self.root(at), self.root(at + by)
                            edges += EDGE_FADE**i * (0.5 if a is None or b is None else abs(a - b))
                score -= abs(shift) / SLOTS_AWAY + edges / (EDGE_AWAY * len(part) ** 0.5)
                if wanted >= 0:
                    held = sum(self.energy[k] for k in there) / len(part)
                    score -= abs((held / self.usual) ** 0.5 - (wanted / self.usual) ** 0.5) / SUM_AWAY
                found.append((score, by))
        return found

    def laid(self, part: range, gap: range, by: int) -> list[float]:
        """What a window puts into the part, bent to the edges."""
        values = [float(self.energy[k + by]) for k in part]
        for at, beside, order in (
            (part[0] - 1, part[0] == gap[0], list(range(len(part)))),
            (part[-1] + 1, part[-1] == gap[-1], list(range(len(part)))[::-1]),
        ):
            if beside and self.root(at) is not None and self.root(at + by) is not None:
                for step, j in enumerate(order):
                    values[j] += BENT * FADING ** (step + 1) * (self.energy[at] - self.energy[at + by])
        return [max(value, 0.0) for value in values]

    def weighed(
        self, part: range, gap: range, wanted: float, for_level: bool
    ) -> tuple[list[Any], list[float], int]:
        """(windows, weights) of the likest, and how many days there are."""
        found = self.windows(part, gap, wanted, for_level)
        if not found:
            return [], [], 0
        best = max(score for score, _ in found)
        bar = max(best - 30.0, sorted(score for score, _ in found)[-WINDOWS:][0])
        kept = [(score, by) for score, by in found if score >= bar][:WINDOWS]
        days = len({(by + SHIFT) // self.slots for _, by in found})
        rows = [self.laid(part, gap, by) for _, by in kept]
        return rows, [float(np.exp(score - best)) for score, _ in kept], days


def slow_expect(
    energy: list[int], want: list[int], usable: list[int], kind: list[int], wanted: list[float],
    profile: list[float], slots: int, line_slots: int,
) -> Any:  # fmt: skip
    n, slow = len(energy), SlowGap(energy, usable, kind, slots)
    table: dict[int, list[float]] = {k: [0.0] * GRID for k in range(n) if want[k]}
    level, basis, days = [0.0] * n, [NONE] * n, [0] * n
    k = 0
    while k < n:
        if want[k] != 1:
            k += 1
            continue
        end = next((i for i in range(k, n) if want[i] != 1), n)
        gap, piece = range(k, end), slots
        left, right = k > 0 and usable[k - 1] == 1, end < n and usable[end] == 1
        how = LIKE_DAY
        if len(gap) <= line_slots and k > 0 and end < n and (left or right):
            how = LINEAR if left and right else ONE_SIDED
        while k < end:
            part = range(k, min(end, (k // slots + 1) * slots, k + piece))
            held = [wanted[i] for i in part]
            mean = -1.0 if min(held) < 0 else sum(held) / len(part)
            rows, weights, seen = slow.weighed(part, gap, mean, False)
            if seen < ENOUGH and len(part) > 1:
                piece = SHORT if len(part) > SHORT else 1
                continue
            lines = [0.0] * len(part)
            if how == LINEAR:
                a, b = energy[gap[0] - 1], energy[end]
                lines = [a + (b - a) * (i - gap[0] + 1) / (len(gap) + 1) for i in part]
            elif how == ONE_SIDED:
                lines = [float(energy[gap[0] - 1] if left else energy[end])] * len(part)
            if how != LIKE_DAY and mean >= 0 and sum(lines) > 0:
                total = sum(lines)
                lines = [one * mean * len(part) / total for one in lines]
            for j, i in enumerate(part):
                days[i], basis[i] = min(seen, 255), how
                if rows and (how == LIKE_DAY or seen >= ENOUGH):
                    middle = np.empty(GRID)
                    weighed(np.array([row[j] for row in rows]), np.array(weights), middle)
                    table[i] = [(lines[j] + q) / 2 if how != LIKE_DAY else q for q in middle.tolist()]
                elif how != LIKE_DAY:
                    table[i] = [lines[j]] * GRID
                else:
                    same = [energy[t] for t in range(i % slots, n, slots) if usable[t]]
                    if profile:
                        table[i], basis[i] = [profile[i % slots] * (slow.mean or 1.0)] * GRID, CLASS
                    elif same:
                        table[i], basis[i] = [sum(same) / len(same)] * GRID, AVERAGE
                    else:
                        table[i], basis[i] = [slow.mean or 1.0] * GRID, LEVEL
                level[i] = table[i][MEDIAN]
            if rows and mean < 0 and how == LIKE_DAY:
                rows, weights, _ = slow.weighed(part, gap, mean, True)
                middle = np.empty(GRID)
                weighed(np.array([sum(row) for row in rows]), np.array(weights), middle)
                fitted = slow_fit([table[i] for i in part], [1.0] * len(part), float(middle[MEDIAN]))
                for i, one in zip(part, fitted, strict=True):
                    level[i] = one
            k = part[-1] + 1
            if k % slots == 0:
                piece = slots
    return [table[k] for k in range(n) if want[k]], level, basis, days


@settings(deadline=None, max_examples=60)
@given(st.data())
def test_expect(data: st.DataObject) -> None:
    slots = 8
    days, seed = data.draw(st.integers(1, 14)), data.draw(st.integers(0, 2**32))
    chance = np.random.default_rng(seed)
    n = days * slots
    energy = chance.gamma(1.5, 200, n).astype(np.int64)
    usable = (chance.random(n) > data.draw(st.sampled_from([0.0, 0.02, 0.3]))).astype(np.uint8)
    want = np.zeros(n, np.uint8)
    for _ in range(data.draw(st.integers(1, 3))):
        start = int(chance.integers(0, n))
        want[start : start + int(chance.integers(1, 20))] = 1
    want[(chance.random(n) < 0.03)] = 2
    usable[want > 0] = 0
    kind = chance.integers(0, 2, days).astype(np.uint8)
    wanted = np.where(chance.random(n) < 0.5, -1.0, chance.gamma(1.5, 200, n))
    if data.draw(st.booleans()):
        wanted[:] = data.draw(st.sampled_from([-1.0, 150.0]))
    profile = chance.uniform(0.5, 1.5, slots) if data.draw(st.booleans()) else np.zeros(0)
    table, level = np.empty((int((want > 0).sum()), GRID)), np.empty(n)
    basis, seen = np.zeros(n, np.uint8), np.zeros(n, np.uint8)
    expect(energy, want, usable, kind, wanted, profile, slots, 2, table, level, basis, seen)
    slow = slow_expect(
        energy.tolist(),
        want.tolist(),
        usable.tolist(),
        kind.tolist(),
        wanted.tolist(),
        profile.tolist(),
        slots,
        2,
    )
    assert basis.tolist() == slow[2]
    assert seen.tolist() == slow[3]
    np.testing.assert_allclose(table, np.reshape(slow[0], table.shape), rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(level, slow[1], rtol=1e-4, atol=1e-4)


@settings(deadline=None)
@given(st.data())
def test_fit(data: st.DataObject) -> None:
    cell = st.lists(st.floats(0, 500), min_size=GRID, max_size=GRID).map(sorted)
    rows = data.draw(st.lists(cell, min_size=1, max_size=6))
    share = data.draw(st.lists(st.sampled_from([0.25, 1.0]), min_size=len(rows), max_size=len(rows)))
    total = float(data.draw(st.integers(0, 5000)))
    level = np.empty(len(rows))
    fit(np.array(rows), 0, len(rows), np.array(share), total, level)
    assert abs(level.sum() - total) < 1e-6
    np.testing.assert_allclose(level, slow_fit(rows, share, total), rtol=1e-3, atol=1e-3)
