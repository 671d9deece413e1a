"""Validation and estimation of many meters' days at once: (meters, days, slots) in, the same out."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from analytics.kernels import kernel
from analytics.vee.kernel import remainders, spread
from analytics.vee.shapes import LINEAR, NONE, expect
from analytics.vee.windows import GRID

MISSING, ACTUAL, LINE, LIKE_DAY, UNSCALED = 0, 1, 2, 3, 5  # model.quality.Quality, which loops cannot import


@kernel(
    "void(int32[:, :, ::1], uint8[:, :, ::1], int64[:, ::1], uint8[::1], int64, int64, float64, int64,"
    " int32[:, :, ::1], uint8[:, :, ::1], uint8[:, ::1], uint8[:, ::1])"
)
def fill(
    energy: npt.NDArray[np.int32],
    quality: npt.NDArray[np.uint8],
    day_wh: npt.NDArray[np.int64],
    kind: npt.NDArray[np.uint8],
    interval_s: int,
    line_slots: int,
    spike_share: float,
    spike_floor: int,
    filled: npt.NDArray[np.int32],
    grade: npt.NDArray[np.uint8],
    spike: npt.NDArray[np.uint8],
    mismatch: npt.NDArray[np.uint8],
) -> None:
    """Per meter and day: spike and sum checks, then what is MISSING by windows of like days.

    `day_wh` (m, d): what the register counted that day, −1 unknown. A day's missing slots add up to what is
    left of it; where it is unknown they are UNSCALED, or stay MISSING without windows. `filled`, `grade`:
    the days as estimated; they may be `energy` and `quality` themselves.
    """
    meters, days, slots = energy.shape
    n, day_s = days * slots, slots * interval_s
    wh, known = np.empty(n, np.int64), np.empty(n, np.uint8)
    want, usable = np.empty(n, np.uint8), np.empty(n, np.uint8)
    wanted, level = np.empty(n), np.empty(n)
    basis, seen, flat = np.empty(n, np.uint8), np.empty(n, np.uint8), np.empty(n, np.uint8)
    given, covered = np.empty(n, np.int64), np.empty(n, np.int64)
    at, counted = np.empty(2 * days, np.int64), np.empty(2 * days, np.int64)
    chain, left = np.empty(2 * days, np.int64), np.empty(2 * days, np.int64)
    tolerance, profile = np.zeros(2 * days, np.int64), np.zeros(0)
    for m in range(meters):
        holes = 0
        for d in range(days):
            first, second, third, total, lacking = -1, -1, -1, 0, 0
            for s in range(slots):
                value, how = energy[m, d, s], quality[m, d, s]
                filled[m, d, s], grade[m, d, s] = value, how
                if how == MISSING:
                    lacking += 1
                    continue
                total += value
                if value > third:
                    if value > second:
                        third = second
                        if value > first:
                            second, first = first, value
                        else:
                            second = value
                    else:
                        third = value
            spike[m, d] = third >= 0 and first >= spike_floor and first > spike_share * third
            off = abs(total - day_wh[m, d])
            mismatch[m, d] = lacking == 0 and day_wh[m, d] >= 0 and off > 2 + day_wh[m, d] // 500
            holes += lacking
        if holes == 0:
            continue
        count = 0
        for d in range(days):
            lacking = 0
            for s in range(slots):
                k = d * slots + s
                wh[k] = energy[m, d, s]
                known[k] = quality[m, d, s] != MISSING
                usable[k] = quality[m, d, s] == ACTUAL
                want[k] = 1 - known[k]
                lacking += want[k]
            # A day with gaps is a chain of its own: two readings, at its midnights.
            if lacking and day_wh[m, d] >= 0:
                for edge in range(2):
                    at[count] = (d + edge) * day_s
                    counted[count] = edge * day_wh[m, d]
                    chain[count] = d
                    count += 1
        within, of, rest, slack = at[:count], chain[:count], left[:count], tolerance[:count]
        remainders(within, counted[:count], of, 0, interval_s, wh, known, wanted, rest)
        table = np.empty((holes, GRID))
        basis[:] = NONE
        expect(wh, want, usable, kind, wanted, profile, slots, line_slots, table, level, basis, seen)
        given[:], covered[:], flat[:] = 0, 0, 0
        spread(within, of, rest, slack, 0, interval_s, day_s, known, table, given, covered, flat)
        for d in range(days):
            for s in range(slots):
                k = d * slots + s
                if known[k]:
                    continue
                if covered[k] == interval_s:
                    filled[m, d, s] = given[k]
                    grade[m, d, s] = LINE if basis[k] == LINEAR else LIKE_DAY
                elif seen[k] > 0:
                    filled[m, d, s] = np.int32(level[k] + 0.5)
                    grade[m, d, s] = UNSCALED
