"""A million tier runs: the compiled loop."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from analytics.kernels import kernel

Int64 = npt.NDArray[np.int64]


@kernel(
    "void(int64[::1], int32[::1], int64[:, ::1], int64[:, ::1], int64[:, ::1],"
    " int64[::1], int64[::1], int64[::1])"
)
def tier_amounts(
    kwh: Int64,
    row: npt.NDArray[np.int32],
    cuts: Int64,
    offset: Int64,
    price: Int64,
    vat_basis_points: Int64,
    subtotal: Int64,
    vat: Int64,
) -> None:
    """Fill `subtotal` and `vat` (n, đồng); kwh, row, vat n; cuts (k, t − 1); offset, price (k, t)."""
    last = cuts.shape[1]
    for i in range(kwh.shape[0]):
        used = kwh[i]
        r = row[i]
        t = 0
        while t < last and used > cuts[r, t]:
            t += 1
        amount = offset[r, t] + used * price[r, t]
        subtotal[i] = amount
        vat[i] = (amount * vat_basis_points[i] + 5000) // 10000
