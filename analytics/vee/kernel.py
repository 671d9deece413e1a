"""Compiled loops of validation: one meter's readings in order, what a missing slot may hold, registers
spread on slots.

Energies are int64 Wh, instants epoch seconds, flags uint8.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from analytics.kernels import kernel

Int64 = npt.NDArray[np.int64]
Flags = npt.NDArray[np.uint8]
Float = npt.NDArray[np.float64]

FINE, ROLLOVER, NEGATIVE, OUTLIER, LEAP = 0, 1, 2, 3, 4  # verdicts of `unwrap`
NONE, LINEAR, LIKE_DAY, LEVEL = 0, 1, 2, 3  # bases of `expect`
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


@kernel("void(int64[::1], uint8[::1], uint8[::1], int64, int64, int64, float64[::1], uint8[::1])")
def expect(
    energy: Int64,
    good: Flags,
    edge: Flags,
    slots: int,
    weekday: int,
    linear_slots: int,
    level: Float,
    basis: Flags,
) -> None:
    """What each slot that is not `good` may hold, in Wh, and how that is known.

    LINEAR between two good neighbours when the gap has at most `linear_slots` and neither neighbour is an
    outage's `edge`; LIKE_DAY: mean of the three nearest days of the same weekday within four weeks, else of
    the same kind (working day, weekend) within 60 days, that
    are nearly whole and have that slot; LEVEL 1 where nothing is known. `weekday` of the first day, Monday 0.
    """
    n = energy.shape[0]
    days = n // slots
    whole = np.zeros(days, np.uint8)
    for d in range(days):
        count = 0
        for s in range(slots):
            count += good[d * slots + s]
        whole[d] = 10 * count >= 9 * slots
    k = 0
    while k < n:
        if good[k]:
            basis[k] = NONE
            level[k] = energy[k]
            k += 1
            continue
        end = k
        while end < n and not good[end]:
            end += 1
        short = end - k <= linear_slots and k > 0 and end < n and not edge[k - 1] and not edge[end]
        for i in range(k, end):
            if short:
                basis[i] = LINEAR
                level[i] = energy[k - 1] + (energy[end] - energy[k - 1]) * (i - k + 1) / (end - k + 1)
                continue
            day, slot = i // slots, i % slots
            found, total = 0, 0.0
            for same_weekday in (True, False):
                for distance in range(1, 61):
                    if found == 3 or (distance % 7 == 0) != same_weekday or (same_weekday and distance > 28):
                        continue
                    for sign in (-1, 1):
                        d = day + sign * distance
                        if d < 0 or d >= days or not whole[d] or not good[d * slots + slot] or found == 3:
                            continue
                        if ((weekday + d) % 7 >= 5) == ((weekday + day) % 7 >= 5):
                            found += 1
                            total += energy[d * slots + slot]
            basis[i] = LIKE_DAY if found else LEVEL
            level[i] = total / found if found else 1.0
        k = end


@kernel(
    "void(int64[::1], int64[::1], int64[::1], int64[::1], int64, int64, int64, int64[::1], uint8[::1],"
    " float64[::1], int64[::1], int64[::1], uint8[::1], int64[::1])"
)
def spread(
    at: Int64,
    counted: Int64,
    chain: Int64,
    tolerance: Int64,
    origin: int,
    interval: int,
    longest_flat: int,
    energy: Int64,
    known: Flags,
    level: Float,
    given: Int64,
    covered: Int64,
    flat: Flags,
    excess: Int64,
) -> None:
    """Share what m registers counted between them among the slots that are not `known`.

    Between two neighbours of one chain: count − known energy (cut at the instants in proportion to time)
    goes to the unknown slots by `level`, or evenly (`flat` becomes 1) when the levels add up to nothing;
    whole Wh by largest remainder, so that the sum is exact. Adds to `given` and `covered` (seconds) per
    slot. Where more than `longest_flat` seconds have no shape (`flat` is 1) nothing is given. Known energy
    above the count by more than `tolerance[i]` gives nothing and leaves the excess in `excess[i]`, i being
    the later reading.
    """
    n = energy.shape[0]
    remainder = np.zeros(n, np.float64)
    for i in range(1, at.shape[0]):
        excess[i] = 0
        if chain[i] != chain[i - 1] or at[i] <= at[i - 1]:
            continue
        start, end = at[i - 1] - origin, at[i] - origin
        first, last = start // interval, (end - 1) // interval
        rest = counted[i] - counted[i - 1]
        weights, open_s, shapeless_s = 0.0, 0, 0
        for k in range(first, last + 1):
            a = max(start - k * interval, 0)
            b = min(end - k * interval, interval)
            if known[k]:
                rest -= energy[k] * b // interval - energy[k] * a // interval
            else:
                weights += level[k] * (b - a)
                open_s += b - a
                if flat[k]:
                    shapeless_s += b - a
        if open_s == 0 or shapeless_s > longest_flat:
            continue
        if rest < -tolerance[i]:
            excess[i] = -rest
            continue
        rest = max(rest, 0)
        even = weights <= 0.0
        bins = np.zeros(BINS, np.int64)
        left = rest
        for k in range(first, last + 1):
            if known[k]:
                continue
            a = max(start - k * interval, 0)
            b = min(end - k * interval, interval)
            share = rest * (((b - a) / open_s) if even else (level[k] * (b - a) / weights))
            whole = int(share)
            if whole > left:
                whole = left
            left -= whole
            given[k] += whole
            covered[k] += b - a
            if even:
                flat[k] = 1
            remainder[k] = min(int((share - whole) * BINS), BINS - 1)
            bins[int(remainder[k])] += 1
        while left > 0:
            # The smallest remainder that is still served.
            cut, above = BINS - 1, 0
            while cut > 0 and above + bins[cut] < left:
                above += bins[cut]
                cut -= 1
            at_cut = left - above
            for k in range(first, last + 1):
                if known[k] or left == 0:
                    continue
                if remainder[k] > cut:
                    given[k] += 1
                    left -= 1
                elif remainder[k] == cut and at_cut > 0:
                    given[k] += 1
                    left -= 1
                    at_cut -= 1
