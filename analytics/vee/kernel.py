"""Compiled loops of validation: one meter's readings in order, and what they counted spread on slots.

Energies are int64 Wh, instants epoch seconds, flags uint8.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from analytics.kernels import kernel
from analytics.vee.shapes import fit

Int64 = npt.NDArray[np.int64]
Flags = npt.NDArray[np.uint8]
Float = npt.NDArray[np.float64]

FINE, ROLLOVER, NEGATIVE, OUTLIER, LEAP = 0, 1, 2, 3, 4  # verdicts of `unwrap`
BINS = 4096  # remainders are compared to 1/4096 Wh; among equals the earlier slot is served first


@kernel("void(int64[::1], int64[::1], int64[::1], int64, float64, int64[::1], int64[::1], uint8[::1])")
def unwrap(
    at: Int64,
    index: Int64,
    resolution: Int64,
    span: int,
    leap_w: float,
    counted: Int64,
    chain: Int64,
    verdict: Flags,
) -> None:
    """Turn n register values into a count that never falls.

    `span` is where the register wraps (0: unknown): a fall is a rollover when the wrapped difference is at
    most a tenth of it. A fall within the resolution of two registers of different fineness is none. A
    single value below both its neighbours is an OUTLIER, as are zeros before a LEAP faster than `leap_w`.
    After any other fall (NEGATIVE) a new `chain` begins: differences count within a chain only. Outliers
    get chain −1.
    """
    last = -1
    link = 0
    for i in range(at.shape[0]):
        verdict[i] = FINE
        counted[i] = index[i]
        chain[i] = link
        if last < 0:
            last = i
            continue
        step = index[i] - index[last]
        if step < 0:
            noise = 0
            if resolution[i] != resolution[last]:
                noise = max(resolution[i], resolution[last])
            if -step <= noise:
                counted[i] = counted[last]
                continue  # the finer register goes on counting from `last`
            if span > 0 and 0 <= (step + span) * 10 <= span:
                verdict[i] = ROLLOVER
                step += span
            elif i + 1 < at.shape[0] and index[i + 1] >= index[last]:
                verdict[i] = OUTLIER
                chain[i] = -1
                continue
            else:
                verdict[i] = NEGATIVE
                link += 1
                chain[i] = link
                last = i
                continue
        elif index[last] == 0 and step * 3600.0 > leap_w * max(at[i] - at[last], 1):
            verdict[i] = LEAP
            back = last
            while back >= 0 and index[back] == 0:
                verdict[back] = OUTLIER
                chain[back] = -1
                back -= 1
            link += 1
            chain[i] = link
            last = i
            continue
        counted[i] = counted[last] + step
        last = i


@kernel(
    "void(int64[::1], int64[::1], int64[::1], int64, int64, int64[::1], uint8[::1], float64[::1], int64[::1])"
)
def remainders(
    at: Int64,
    counted: Int64,
    chain: Int64,
    origin: int,
    interval: int,
    energy: Int64,
    known: Flags,
    wanted: Float,
    left: Int64,
) -> None:
    """What m registers counted beyond the `known` slots between them.

    `left[i]`, of reading i and the one before it, in Wh; known slots that an instant cuts count in
    proportion to time. `wanted` of a slot that is not known: Wh a whole slot, mean of its span; −1 where no
    two readings of a chain hold it, or the count is exceeded.
    """
    wanted[:] = -1.0
    for i in range(at.shape[0]):
        left[i] = 0
        if i == 0 or chain[i] != chain[i - 1] or at[i] <= at[i - 1]:
            continue
        start, end = at[i - 1] - origin, at[i] - origin
        rest, open_s = counted[i] - counted[i - 1], 0
        for k in range(start // interval, (end - 1) // interval + 1):
            a, b = max(start - k * interval, 0), min(end - k * interval, interval)
            if not known[k]:
                open_s += b - a
            elif b - a == interval:
                rest -= energy[k]
            else:
                rest -= energy[k] * b // interval - energy[k] * a // interval
        left[i] = rest
        if open_s == 0 or rest < 0:
            continue
        for k in range(start // interval, (end - 1) // interval + 1):
            if not known[k]:
                wanted[k] = rest * interval / open_s


@kernel(
    "void(int64[::1], int64[::1], int64[::1], int64[::1], int64, int64, int64, uint8[::1], float64[:, ::1],"
    " int64[::1], int64[::1], uint8[::1])"
)
def spread(
    at: Int64,
    chain: Int64,
    left: Int64,
    tolerance: Int64,
    origin: int,
    interval: int,
    longest_flat: int,
    known: Flags,
    table: Float,
    given: Int64,
    covered: Int64,
    flat: Flags,
) -> None:
    """Share what registers counted between them among the slots that are not `known`.

    Between two neighbours of one chain what is `left` (see `remainders`) goes to the unknown slots, the same
    quantile of `table` (a row per unknown slot) in each, or evenly (`flat` becomes 1) when that is nought;
    whole Wh by largest remainder, so that the sum is exact. Adds to `given` and `covered` (seconds) per
    slot. Where more than `longest_flat` seconds have no shape (`flat` is 1), or known energy exceeds the
    count by more than `tolerance[i]`, i being the later reading, nothing is given.
    """
    n = known.shape[0]
    row = np.zeros(n + 1, np.int64)
    for k in range(n):
        row[k + 1] = row[k] + (0 if known[k] else 1)
    level, share, place = np.empty(row[n]), np.empty(row[n]), np.empty(row[n], np.int64)
    bins = np.zeros(BINS, np.int64)
    for i in range(1, at.shape[0]):
        if chain[i] != chain[i - 1] or at[i] <= at[i - 1]:
            continue
        start, end = at[i - 1] - origin, at[i] - origin
        first, last = start // interval, (end - 1) // interval
        open_slots, shapeless_s = 0, 0
        for k in range(first, last + 1):
            if not known[k]:
                seconds = min(end - k * interval, interval) - max(start - k * interval, 0)
                share[open_slots], place[open_slots] = seconds / interval, k
                open_slots += 1
                if flat[k]:
                    shapeless_s += seconds
        if open_slots == 0 or shapeless_s > longest_flat or left[i] < -tolerance[i]:
            continue
        rest = max(left[i], 0)
        shaped = fit(table, row[first], open_slots, share, float(rest), level)
        for j in range(open_slots):
            whole = min(int(level[j]), rest)
            rest -= whole
            k = place[j]
            given[k] += whole
            covered[k] += round(share[j] * interval)
            if not shaped:
                flat[k] = 1
            level[j] = min(int((level[j] - whole) * BINS), BINS - 1)
            bins[int(level[j])] += 1
        while rest > 0:
            # The smallest remainder that is still served.
            cut, above = BINS - 1, 0
            while cut > 0 and above + bins[cut] < rest:
                above += bins[cut]
                cut -= 1
            at_cut = rest - above
            for j in range(open_slots):
                if rest == 0:
                    break
                if level[j] > cut:
                    given[place[j]] += 1
                    rest -= 1
                elif level[j] == cut and at_cut > 0:
                    given[place[j]] += 1
                    rest -= 1
                    at_cut -= 1
        for j in range(open_slots):
            bins[int(level[j])] = 0
