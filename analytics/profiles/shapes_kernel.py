"""Groups of points by their nearest centre: the loops of k-means."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from analytics.kernels import kernel

Float = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@kernel("float64(float64[:, ::1], float64[:, ::1], int64[::1], float64[::1], int64)")
def settled(points: Float, centres: Float, labels: Ints, far: Float, most: int) -> float:
    """Lloyd's rounds until no point changes its group, `most` at the most: `centres` (k × d) are moved,
    `labels` (n) and squared distances `far` (n) written; the sum of those is returned.

    A group that loses all its points takes the point that lies farthest from its centre.
    """
    n, d = points.shape
    k = len(centres)
    size = np.empty(k, np.int64)
    labels[:] = -1
    total = 0.0
    for turn in range(most + 1):
        changed, total = 0, 0.0
        for i in range(n):
            best, nearest = np.inf, 0
            for c in range(k):
                apart = 0.0
                for j in range(d):
                    step = points[i, j] - centres[c, j]
                    apart += step * step
                if apart < best:
                    best, nearest = apart, c
            if labels[i] != nearest:
                changed += 1
            labels[i], far[i] = nearest, best
            total += best
        if changed == 0 or turn == most:
            break
        size[:] = 0
        for i in range(n):
            size[labels[i]] += 1
        for c in range(k):
            if size[c] == 0:
                lone = -1  # there is one: no fewer points are given than groups
                for i in range(n):
                    if size[labels[i]] > 1 and (lone < 0 or far[i] > far[lone]):
                        lone = i
                size[labels[lone]] -= 1
                labels[lone], size[c], far[lone] = c, 1, 0.0
        centres[:] = 0.0
        for i in range(n):
            for j in range(d):
                centres[labels[i], j] += points[i, j]
        for c in range(k):
            for j in range(d):
                centres[c, j] /= max(size[c], 1)
    return total
