"""Gradient-boosted trees: growing one, and walking along many. Compiled; the tests hold a slow twin."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from analytics.kernels import kernel

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
BINS = 64


@kernel(
    "int64(uint8[:, ::1], float64[::1], float64[::1], int64[::1], int64[::1], float64, float64, int64,"
    " int64[::1], int64[::1], int64[::1], float64[::1])"
)
def grow(
    codes: npt.NDArray[np.uint8],
    gradient: Floats,
    hessian: Floats,
    rows: Ints,
    columns: Ints,
    least_hessian: float,
    ridge: float,
    least_rows: int,
    column: Ints,
    code: Ints,
    left: Ints,
    value: Floats,
) -> int:
    """Grow one tree, always splitting the leaf that gains most, until the arrays of nodes are full or nothing
    gains; returns the number of nodes.

    `codes` (columns, n) bins of each figure, `rows` those to learn from (reordered), `columns` those that may
    be asked. A node with `column` ≥ 0 sends codes up to `code` to node `left`, others to `left` + 1; `value`
    is minus gradient over hessian of every node, inner ones too. Ties go to the earlier column and bin.
    """
    nodes = len(column)
    start, end = np.zeros(nodes, np.int64), np.zeros(nodes, np.int64)
    gain, best_column = np.full(nodes, -1.0), np.zeros(nodes, np.int64)
    best_code = np.zeros(nodes, np.int64)
    slope, weight = np.zeros(nodes), np.zeros(nodes)
    sums = np.zeros((nodes, len(columns), BINS, 2))
    aside = np.empty_like(rows)
    near, near_weight = np.empty(len(rows)), np.empty(len(rows))  # of the rows being counted, side by side
    column[:] = -1
    end[0], used, fresh = len(rows), 1, 0
    for i in range(len(rows)):
        near[i], near_weight[i] = gradient[rows[i]], hessian[rows[i]]
        slope[0] += near[i]
        weight[0] += near_weight[i]
    for c in range(len(columns)):
        coded, sum_c = codes[columns[c]], sums[0, c]
        for i in range(len(rows)):
            b = coded[rows[i]]
            sum_c[b, 0] += near[i]
            sum_c[b, 1] += near_weight[i]
    while True:
        for node in range(fresh, used):
            if end[node] - start[node] < 2 * least_rows:
                continue
            whole = slope[node] * slope[node] / (weight[node] + ridge)
            for c in range(len(columns)):
                below, below_weight = 0.0, 0.0
                for b in range(BINS - 1):
                    below += sums[node, c, b, 0]
                    below_weight += sums[node, c, b, 1]
                    above_weight = weight[node] - below_weight
                    if below_weight < least_hessian:
                        continue
                    if above_weight < least_hessian:
                        break
                    above = slope[node] - below
                    found = below * below / (below_weight + ridge) - whole
                    found += above * above / (above_weight + ridge)
                    if found > gain[node]:
                        gain[node], best_column[node], best_code[node] = found, c, b
        if used + 2 > nodes:
            break
        chosen, most = -1, 1e-6
        for node in range(used):
            if column[node] < 0 and gain[node] > most:
                chosen, most = node, gain[node]
        if chosen < 0:
            break
        one, two, fresh = used, used + 1, used
        used += 2
        column[chosen], code[chosen], left[chosen] = columns[best_column[chosen]], best_code[chosen], one
        coded, place, kept = codes[column[chosen]], start[chosen], 0
        for i in range(start[chosen], end[chosen]):
            row = rows[i]
            if coded[row] <= code[chosen]:
                rows[place] = row
                place += 1
            else:
                aside[kept] = row
                kept += 1
        rows[place : place + kept] = aside[:kept]
        start[one], end[one], start[two], end[two] = start[chosen], place, place, end[chosen]
        small = one if end[one] - start[one] <= end[two] - start[two] else two
        large = one + two - small
        first = start[small]
        for i in range(first, end[small]):
            near[i - first], near_weight[i - first] = gradient[rows[i]], hessian[rows[i]]
            slope[small] += near[i - first]
            weight[small] += near_weight[i - first]
        slope[large], weight[large] = slope[chosen] - slope[small], weight[chosen] - weight[small]
        for c in range(len(columns)):
            coded, sum_c = codes[columns[c]], sums[small, c]
            for i in range(first, end[small]):
                b = coded[rows[i]]
                sum_c[b, 0] += near[i - first]
                sum_c[b, 1] += near_weight[i - first]
            for b in range(BINS):
                sums[large, c, b, 0] = sums[chosen, c, b, 0] - sum_c[b, 0]
                sums[large, c, b, 1] = sums[chosen, c, b, 1] - sum_c[b, 1]
    for node in range(used):
        value[node] = -slope[node] / (weight[node] + ridge)
    return used


@kernel("void(uint8[:, ::1], int64[::1], int64[::1], int64[::1], float64[::1], float64, float64[::1])")
def add_coded(
    codes: npt.NDArray[np.uint8],
    column: Ints,
    code: Ints,
    left: Ints,
    value: Floats,
    rate: float,
    out: Floats,
) -> None:
    """Add to `out` (n) `rate` times the tree's value for every row of `codes` (columns, n)."""
    for i in range(len(out)):
        node = 0
        while column[node] >= 0:
            node = left[node] + (0 if codes[column[node], i] <= code[node] else 1)
        out[i] += rate * value[node]


@kernel("void(float32[:, ::1], int64[:, ::1], float32[:, ::1], int64[:, ::1], float64[:, ::1], float64[::1])")
def add(
    table: npt.NDArray[np.float32],
    column: Ints,
    threshold: npt.NDArray[np.float32],
    left: Ints,
    value: Floats,
    out: Floats,
) -> None:
    """Add to `out` (n) the values of all trees (trees, nodes) for the rows of `table` (n, columns)."""
    for i in range(len(out)):
        for tree in range(len(column)):
            node = 0
            while column[tree, node] >= 0:
                above = table[i, column[tree, node]] > threshold[tree, node]
                node = left[tree, node] + (1 if above else 0)
            out[i] += value[tree, node]


@kernel(
    "void(float32[:, ::1], int64[:, ::1], float32[:, ::1], int64[:, ::1], float64[:, ::1], float64[:, ::1])"
)
def attribute(
    table: npt.NDArray[np.float32],
    column: Ints,
    threshold: npt.NDArray[np.float32],
    left: Ints,
    value: Floats,
    out: Floats,
) -> None:
    """Add to `out` (n, columns), for every step down a tree, how much it changed the value: to the column
    that was asked. With the roots' values they add up to what `add` gives."""
    for i in range(len(out)):
        for tree in range(len(column)):
            node = 0
            while column[tree, node] >= 0:
                asked = column[tree, node]
                below = left[tree, node] + (1 if table[i, asked] > threshold[tree, node] else 0)
                out[i, asked] += value[tree, below] - value[tree, node]
                node = below
