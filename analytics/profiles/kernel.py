"""Meters × days × slots in one pass: a meter's slots stay in the cache while everything is told of them.

Each loop does one thing to a row of slots, without a branch, so that it becomes vector instructions.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from analytics.kernels import kernel

Energy = npt.NDArray[np.int32]
Marks = npt.NDArray[np.uint8]
Int64 = npt.NDArray[np.int64]

BROKEN: Final = -(1 << 48)  # Wh of a slot that was not measured: no window over it is ever the highest
MISSING: Final = np.uint8(0)
ACTUAL: Final = np.uint8(1)
SUSPECT: Final = np.uint8(6)  # and what comes after it: the meter or a person said it


@kernel("UniTuple(int64, 5)(int32[::1], uint8[::1])")
def summed(energy: Energy, quality: Marks) -> tuple[int, int, int, int, int]:
    """Of a row: highest measured Wh (−1: none) and its first slot (−1), Wh of what is known, slots measured,
    slots known."""
    peak, total, measured, known = np.int32(-1), np.int64(0), np.int32(0), np.int32(0)
    for i in range(len(energy)):
        there = quality[i] != MISSING
        said = (quality[i] == ACTUAL) | (quality[i] >= SUSPECT)
        peak = max(peak, energy[i] if said else np.int32(-1))
        total += np.int64(energy[i] if there else np.int32(0))
        measured += np.int32(said)
        known += np.int32(there)
    where = np.int64(-1)
    if peak >= 0:
        for i in range(len(energy)):
            if energy[i] == peak and (quality[i] == ACTUAL or quality[i] >= SUSPECT):
                where = np.int64(i)
                break
    return int(peak), int(where), int(total), int(measured), int(known)


@kernel("UniTuple(int64, 2)(int32[::1], uint8[::1], int64, int64[::1])")
def highest_window(energy: Energy, quality: Marks, width: int, held: Int64) -> tuple[int, int]:
    """The most Wh of `width` measured slots in a row (−1: there are none) and the first of them (−1).

    `held`: as long as the row, to work in.
    """
    n = len(energy) - width + 1
    peak, where = np.int64(-1), np.int64(-1)
    for i in range(n):
        said = (quality[i] == ACTUAL) | (quality[i] >= SUSPECT)
        held[i] = np.int64(energy[i]) if said else BROKEN
    for later in range(1, width):
        for i in range(n):
            said = (quality[i + later] == ACTUAL) | (quality[i + later] >= SUSPECT)
            held[i] += np.int64(energy[i + later]) if said else BROKEN
    for i in range(n):
        peak = max(peak, held[i])
    if peak >= 0:
        for i in range(n):
            if held[i] == peak:
                where = np.int64(i)
                break
    return int(peak), int(where)


@kernel("void(int32[::1], uint8[::1], int64[::1], int32[::1])")
def added(energy: Energy, quality: Marks, wh: Int64, known: npt.NDArray[np.int32]) -> None:
    """Add the known slots of a row to `wh`, and one to `known` for each."""
    for i in range(len(energy)):
        there = quality[i] != MISSING
        wh[i] += np.int64(energy[i] if there else np.int32(0))
        known[i] += np.int32(there)


@kernel(
    "void(int32[:, :, ::1], uint8[:, :, ::1], uint8[::1], int64, int64[:, ::1], int64[:, ::1],"
    " float32[:, :, ::1], int64[::1], int32[::1])"
)
def studied(
    energy: npt.NDArray[np.int32],
    quality: npt.NDArray[np.uint8],
    kinds: Marks,
    width: int,
    sums: Int64,
    windows: Int64,
    typical_wh: npt.NDArray[np.float32],
    all_wh: Int64,
    all_known: npt.NDArray[np.int32],
) -> None:
    """Per meter `summed` (`sums` m × 5), `highest_window` of `width` slots (`windows` m × 2) and by kind of
    day the mean Wh of each slot (m × kinds × slots, NaN where no day knows it); over all meters, by slot
    (d · slots), the Wh and number of what is known."""
    meters, days, slots = energy.shape
    held = np.empty(days * slots, np.int64)
    kind_wh = np.empty(typical_wh.shape[1:], np.int64)
    kind_known = np.empty(typical_wh.shape[1:], np.int32)
    for m in range(meters):
        wh, how = energy[m].reshape(days * slots), quality[m].reshape(days * slots)
        sums[m, 0], sums[m, 1], sums[m, 2], sums[m, 3], sums[m, 4] = summed(wh, how)
        windows[m, 0], windows[m, 1] = highest_window(wh, how, width, held)
        added(wh, how, all_wh, all_known)
        kind_wh[:] = 0
        kind_known[:] = 0
        for d in range(days):
            added(energy[m, d], quality[m, d], kind_wh[kinds[d]], kind_known[kinds[d]])
        for kind in range(len(kind_wh)):
            for s in range(slots):
                there = kind_known[kind, s] > 0
                typical_wh[m, kind, s] = kind_wh[kind, s] / kind_known[kind, s] if there else np.nan


@kernel("void(int32[:, :, ::1], uint8[:, :, ::1], int64[:, ::1])")
def peaks(energy: npt.NDArray[np.int32], quality: npt.NDArray[np.uint8], sums: Int64) -> None:
    """Per meter `summed` (`sums` m × 5), and nothing else."""
    meters, days, slots = energy.shape
    for m in range(meters):
        wh, how = energy[m].reshape(days * slots), quality[m].reshape(days * slots)
        sums[m, 0], sums[m, 1], sums[m, 2], sums[m, 3], sums[m, 4] = summed(wh, how)
