"""Each compiled loop of validation against a slow twin that spells its rule out."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics.vee.kernel import (
    BINS,
    FINE,
    LEAP,
    NEGATIVE,
    OUTLIER,
    ROLLOVER,
    remainders,
    spread,
    unwrap,
)
from analytics.vee.windows import GRID
from tests.slow_fit import slow_fit


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


def slow_spread(at: Any, left: Any, interval: int, longest: int, table: Any, known: Any, flat: Any) -> Any:
    """Second by second for the pieces, a sort for the remainders."""
    n = len(known)
    rows = np.cumsum([not one for one in known]) - 1
    given_wh, covered, flat = [0] * n, [0] * n, list(flat)
    for i, (a, b) in enumerate(pairwise(at), start=1):
        pieces = {k: sum(a <= s < b for s in range(k * interval, (k + 1) * interval)) for k in range(n)}
        unknown = {k: seconds for k, seconds in pieces.items() if seconds and not known[k]}
        if not unknown or left[i] < 0 or sum(s for k, s in unknown.items() if flat[k]) > longest:
            continue
        if all(table[rows[k]][-1] <= 0 for k in unknown):
            flat = [one or k in unknown for k, one in enumerate(flat)]
        parts = [seconds / interval for seconds in unknown.values()]
        share = slow_fit([table[rows[k]].tolist() for k in unknown], parts, float(left[i]))
        floor = dict(zip(unknown, map(int, share), strict=True))
        tail = {k: min(int((one - floor[k]) * BINS), BINS - 1) for k, one in zip(unknown, share, strict=True)}
        first = sorted(floor, key=lambda k: (-tail[k], k))
        for k in first[: int(left[i]) - sum(floor.values())]:
            floor[k] += 1
        for k, one in floor.items():
            given_wh[k] += one
            covered[k] += unknown[k]
    return given_wh, covered, flat


@settings(deadline=None)
@given(st.data())
def test_what_is_left_is_spread(data: st.DataObject) -> None:
    n, interval = data.draw(st.integers(1, 12)), 10
    rows = data.draw(st.lists(st.tuples(st.integers(0, 40), st.booleans()), min_size=n, max_size=n))
    energy = np.array([e if known else 0 for e, known in rows], np.int64)
    known = np.array([known for _, known in rows], np.uint8)
    at = np.array(sorted(data.draw(st.sets(st.integers(0, n * interval), min_size=2, max_size=5))))
    m = len(at)
    steps = data.draw(st.lists(st.integers(0, 400), min_size=m - 1, max_size=m - 1))
    counted = np.cumsum([0, *steps])
    left, wanted, none = np.zeros(m, np.int64), np.empty(n), np.zeros(m, np.int64)
    remainders(at, counted, none, 0, interval, energy, known, wanted, left)
    for i in range(1, m):
        inside = [k for k in range(n) if known[k]]
        seconds = {k: (max(at[i - 1] - k * interval, 0), min(at[i] - k * interval, interval)) for k in inside}
        held = sum(
            int(energy[k]) * b // interval - int(energy[k]) * a // interval
            for k, (a, b) in seconds.items()
            if b > a
        )
        assert left[i] == steps[i - 1] - held
    unknown = int((known == 0).sum())
    cells = st.sampled_from([0.0, 1.0, 2.5, 7.0, 30.0])
    drawn = data.draw(st.lists(cells, min_size=unknown * GRID, max_size=unknown * GRID))
    table = np.sort(np.array(drawn, np.float64).reshape(unknown, GRID), axis=1)
    given_wh, covered = np.zeros(n, np.int64), np.zeros(n, np.int64)
    shapeless = data.draw(st.lists(st.booleans(), min_size=n, max_size=n))
    flat, longest = np.array(shapeless, np.uint8), data.draw(st.sampled_from([0, 25, 1000]))
    spread(at, none, left, none, 0, interval, longest, known, table, given_wh, covered, flat)
    slow = slow_spread(at.tolist(), left.tolist(), interval, longest, table, known.tolist(), shapeless)
    assert covered.tolist() == slow[1]
    assert flat.astype(bool).tolist() == [bool(one) for one in slow[2]]
    assert int(given_wh.sum()) == sum(slow[0])
    assert np.abs(given_wh - slow[0]).max() <= m  # a last digit may fall to either of two equals
