"""One pass over meters × days × slots."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from analytics.kernels import kernel

Int64 = npt.NDArray[np.int64]


@kernel(
    "void(int32[:, :, ::1], uint8[:, :, ::1], uint8[::1], int64[::1], int64[::1], int64[::1], int64[:, ::1],"
    " int64[:, :, ::1], int64[:, :, ::1])"
)
def load_figures(
    energy: npt.NDArray[np.int32],
    quality: npt.NDArray[np.uint8],
    weekend: npt.NDArray[np.uint8],
    peak: Int64,
    peak_slot: Int64,
    total: Int64,
    count: Int64,
    day_sum: Int64,
    day_count: Int64,
) -> None:
    """Per meter: highest measured Wh (−1: none) and its first slot, total of what is known, slots measured,
    estimated and missing (`count` m × 3), and by working day (0) and weekend (1) the sum and number of
    known slots."""
    meters, days, slots = energy.shape
    for m in range(meters):
        best, where, whole = np.int64(-1), np.int64(-1), np.int64(0)
        measured, estimated, missing = 0, 0, 0
        for d in range(days):
            kind = weekend[d]
            for s in range(slots):
                how = quality[m, d, s]
                if how == 0:
                    missing += 1
                    continue
                wh = np.int64(energy[m, d, s])
                whole += wh
                day_sum[m, kind, s] += wh
                day_count[m, kind, s] += 1
                if 2 <= how <= 5:
                    estimated += 1
                    continue
                measured += 1
                if wh > best:
                    best, where = wh, d * slots + s
        peak[m], peak_slot[m], total[m] = best, where, whole
        count[m, 0], count[m, 1], count[m, 2] = measured, estimated, missing
