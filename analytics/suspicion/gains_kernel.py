"""How much better a station's lack is explained when a meter's is taken from it. Compiled; the tests hold a
slow twin."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from analytics.kernels import kernel

Floats = npt.NDArray[np.float64]


@kernel("void(float64[:, ::1], float64[:, :, ::1], float64[::1], float64, float64[:, :, ::1])")
def day_gains(lack: Floats, loss: Floats, times: Floats, outlier: float, gains: Floats) -> None:
    """Into `gains` (m, k, d): of each meter, multiple and day the log-likelihood that `times` its `loss`
    (m, d, slots) explains of the `lack` (d, slots; NaN where unknown), both in errors of a slot.

    Errors are normal up to `outlier` of them and exponential beyond (Huber): one odd half-hour decides
    nothing.
    """
    m, days, slots = loss.shape
    for i in range(m):
        for k in range(len(times)):
            for d in range(days):
                total = 0.0
                for g in range(slots):
                    there = lack[d, g]
                    taken = times[k] * loss[i, d, g]
                    if math.isnan(there) or taken == 0.0:
                        continue
                    before, after = abs(there), abs(there - taken)
                    if before <= outlier:
                        total += 0.5 * before * before
                    else:
                        total += outlier * (before - 0.5 * outlier)
                    if after <= outlier:
                        total -= 0.5 * after * after
                    else:
                        total -= outlier * (after - 0.5 * outlier)
                gains[i, k, d] = total
