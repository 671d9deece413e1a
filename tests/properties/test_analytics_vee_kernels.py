"""Each compiled loop of validation against a slow twin that spells its rule out."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics.vee.kernel import (
    BINS,
    FINE,
    LEAP,
    LEVEL,
    LIKE_DAY,
    LINEAR,
    NEGATIVE,
    NONE,
    OUTLIER,
    ROLLOVER,
    expect,
    spread,
    unwrap,
)


def slow_unwrap(at: list[int], index: list[int], resolution: list[int], span: int, leap_w: float) -> Any:
    n = len(at)
    counted, chain, verdict = list(index), [0] * n, [FINE] * n
    last, link = None, 0
    for i in range(n):
        chain[i] = link
        if last is None:
            last = i
            continue
        step = index[i] - index[last]
        noise = max(resolution[i], resolution[last]) if resolution[i] != resolution[last] else 0
        if step < 0 and -step <= noise:
            counted[i] = counted[last]
            continue
        if step < 0 and span > 0 and 0 <= (step + span) * 10 <= span:
            verdict[i] = ROLLOVER
            counted[i] = counted[last] + step + span
        elif step < 0 and i + 1 < n and index[i + 1] >= index[last]:
            verdict[i], chain[i] = OUTLIER, -1
            continue
        elif step < 0:
            verdict[i] = NEGATIVE
            link += 1
            chain[i] = link
        elif index[last] == 0 and step * 3600.0 > leap_w * max(at[i] - at[last], 1):
            verdict[i] = LEAP
            for back in range(last, -1, -1):
                if index[back] != 0:
                    break
                verdict[back], chain[back] = OUTLIER, -1
            link += 1
            chain[i] = link
        else:
            counted[i] = counted[last] + step
        last = i
    return counted, chain, verdict


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 1000), st.sampled_from([1, 10, 100])), max_size=25),
    st.sampled_from([0, 60, 500, 1000]),
    st.sampled_from([1e9, 100.0]),
)
def test_unwrap(reads: list[tuple[int, int]], span: int, leap_w: float) -> None:
    index, resolution = [read[0] for read in reads], [read[1] for read in reads]
    at = [1800 * i for i in range(len(reads))]
    counted, chain = np.zeros(len(at), np.int64), np.zeros(len(at), np.int64)
    verdict = np.zeros(len(at), np.uint8)
    arrays = (np.array(values, np.int64) for values in (at, index, resolution))
    unwrap(*arrays, span, leap_w, counted, chain, verdict)
    assert (counted.tolist(), chain.tolist(), verdict.tolist()) == slow_unwrap(
        at, index, resolution, span, leap_w
    )
    for link in set(chain.tolist()) - {-1}:
        assert (np.diff(counted[chain == link]) >= 0).all()


def slow_expect(energy: list[int], good: list[int], slots: int, weekday: int, limit: int) -> Any:
    n, days = len(energy), len(energy) // slots
    whole = [10 * sum(good[d * slots : (d + 1) * slots]) >= 9 * slots for d in range(days)]

    def weekend(day: int) -> bool:
        return (weekday + day) % 7 >= 5

    def like(k: int) -> list[int]:
        day, slot = divmod(k, slots)
        near = sorted((d for d in range(days) if d != day), key=lambda d: (abs(d - day), d))
        usable = [d for d in near if whole[d] and good[d * slots + slot] and abs(d - day) <= 60]
        same = [d for d in usable if (d - day) % 7 == 0 and abs(d - day) <= 28]
        kind = [d for d in usable if (d - day) % 7 and weekend(d) == weekend(day)]
        return [energy[d * slots + slot] for d in (same + kind)[:3]]

    level, basis = [float(one) for one in energy], [NONE] * n
    for k in range(n):
        if good[k]:
            continue
        a = next((i for i in range(k, -1, -1) if good[i]), None)
        b = next((i for i in range(k, n) if good[i]), None)
        if a is not None and b is not None and b - a - 1 <= limit:
            basis[k] = LINEAR
            level[k] = energy[a] + (energy[b] - energy[a]) * (k - a) / (b - a)
        elif found := like(k):
            basis[k], level[k] = LIKE_DAY, sum(found) / len(found)
        else:
            basis[k], level[k] = LEVEL, 1.0
    return level, basis


@settings(deadline=None, max_examples=40)
@given(st.integers(1, 40), st.integers(0, 6), st.integers(0, 2**32), st.sampled_from([0.02, 0.1, 0.5]))
def test_expect(days: int, weekday: int, seed: int, share: float) -> None:
    slots = 6
    chance = np.random.default_rng(seed)
    energy = chance.integers(0, 500, days * slots)
    good = (chance.random(days * slots) > share).astype(np.uint8)
    energy[good == 0] = 0
    level, basis = np.zeros(len(energy)), np.zeros(len(energy), np.uint8)
    expect(energy, good, np.zeros_like(good), slots, weekday, 2, level, basis)
    slow_level, slow_basis = slow_expect(energy.tolist(), good.tolist(), slots, weekday, 2)
    assert basis.tolist() == slow_basis
    np.testing.assert_allclose(level, slow_level)


def slow_spread(
    at: Any, counted: Any, interval: int, longest: int, energy: Any, known: Any, level: Any, flat: Any
) -> Any:
    """Second by second for the pieces, a sort for the remainders."""
    n = len(energy)
    given_wh, covered, flat = [0] * n, [0] * n, list(flat)
    for a, b, step in zip(at, at[1:], np.diff(counted), strict=False):
        pieces = {k: sum(a <= s < b for s in range(k * interval, (k + 1) * interval)) for k in range(n)}
        rest = int(step)
        for k, seconds in pieces.items():
            if known[k] and seconds:
                begin, end = max(a - k * interval, 0), min(b - k * interval, interval)
                rest -= energy[k] * end // interval - energy[k] * begin // interval
        unknown = {k: seconds for k, seconds in pieces.items() if seconds and not known[k]}
        if not unknown or rest < 0 or sum(s for k, s in unknown.items() if flat[k]) > longest:
            continue
        weight = {k: level[k] * seconds for k, seconds in unknown.items()}
        if sum(weight.values()) <= 0:
            weight = {k: float(seconds) for k, seconds in unknown.items()}
            flat = [one or k in unknown for k, one in enumerate(flat)]
        total = sum(weight.values())
        share = {k: rest * (one / total) for k, one in weight.items()}
        floor = {k: int(one) for k, one in share.items()}
        first = sorted(share, key=lambda k: (-min(int((share[k] - floor[k]) * BINS), BINS - 1), k))
        for k in first[: rest - sum(floor.values())]:
            floor[k] += 1
        for k, one in floor.items():
            given_wh[k] += one
            covered[k] += unknown[k]
    return given_wh, covered


@settings(deadline=None)
@given(st.data())
def test_spread(data: st.DataObject) -> None:
    n, interval = data.draw(st.integers(1, 12)), 10
    cells = st.tuples(st.integers(0, 40), st.booleans(), st.sampled_from([0.0, 1.0, 2.5, 7.0]))
    rows = data.draw(st.lists(cells, min_size=n, max_size=n))
    energy = [e if known else 0 for e, known, _ in rows]
    known, level = [known for _, known, _ in rows], [one for *_, one in rows]
    at = sorted(data.draw(st.sets(st.integers(0, n * interval), min_size=2, max_size=5)))
    counted = np.cumsum(
        [0, *data.draw(st.lists(st.integers(0, 400), min_size=len(at) - 1, max_size=len(at) - 1))]
    )
    m = len(at)
    given_wh, covered, excess = np.zeros(n, np.int64), np.zeros(n, np.int64), np.zeros(m, np.int64)
    shapeless = data.draw(st.lists(st.booleans(), min_size=n, max_size=n))
    flat, longest = np.array(shapeless, np.uint8), data.draw(st.sampled_from([0, 25, 1000]))
    spread(
        np.array(at),
        counted,
        np.zeros(m, np.int64),
        np.zeros(m, np.int64),
        0,
        interval,
        longest,
        np.array(energy, np.int64),
        np.array(known, np.uint8),
        np.array(level),
        given_wh,
        covered,
        flat,
        excess,
    )
    slow_given, slow_covered = slow_spread(at, counted, interval, longest, energy, known, level, shapeless)
    assert covered.tolist() == slow_covered
    assert given_wh.tolist() == slow_given
    assert (excess >= 0).all()
