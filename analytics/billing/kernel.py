"""A million tier runs: the compiled loop."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from analytics.kernels import kernel

Int64 = npt.NDArray[np.int64]


@kernel(
    "int64(int64[::1], int32[::1], int64[:, ::1], int64[:, :, ::1], uint8[:, ::1], int64[::1], int64,"
    " int64[::1], int64[::1])"
)
def tier_amounts(
    kwh: Int64,
    row: npt.NDArray[np.int32],
    cuts: Int64,
    amount: Int64,
    near: npt.NDArray[np.uint8],
    vat_basis_points: Int64,
    most: int,
    subtotal: Int64,
    vat: Int64,
) -> int:
    """Fill `subtotal` and `vat` (n, đồng); returns the first bill that cannot be rated, or −1.

    kwh, row n; cuts (k, t − 1); amount (k, t, 2) of offset and price; near (k, w) the tier of each kWh below
    w; vat_basis_points n, or 1 for all. A bill outside of 0 to `most` kWh or of a row that is not there ends
    the loop.
    """
    closed = cuts.shape[1]
    rows = cuts.shape[0]
    short = near.shape[1]
    step = 1 if vat_basis_points.shape[0] > 1 else 0
    for i in range(kwh.shape[0]):
        used = kwh[i]
        r = np.int64(row[i])
        if used < 0 or used > most or r < 0 or r >= rows:
            return i
        t = np.int64(0)
        if used < short:
            t = np.int64(near[r, used])
        else:
            for tier in range(closed):  # without a branch: which tier it is cannot be foretold
                t += used > cuts[r, tier]
        dong = amount[r, t, 0] + used * amount[r, t, 1]
        subtotal[i] = dong
        # Unsigned: floor division of signed numbers costs twice as much.
        vat[i] = np.int64(np.uint64(dong * vat_basis_points[i * step] + 5000) // np.uint64(10000))
    return -1
