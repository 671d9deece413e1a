"""Gradient-boosted trees with the logistic loss."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from analytics.abnormal.examples import Examples

TREES: Final = 300
LEAVES: Final = 16
RATE: Final = 0.06
LEAST_HESSIAN: Final = 5.0
RIDGE: Final = 5.0
LEAST_ROWS: Final = 20
COLUMN_SHARE: Final = 0.3
ROW_SHARE: Final = 0.6
FOR_EDGES: Final = 20_000  # rows that say where bins end

Table = npt.NDArray[np.float32]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Trees:
    """Arrays (trees, nodes): a node with `column` ≥ 0 sends figures above `threshold` to node `left` + 1,
    others to `left`; `value` of leaf and inner nodes; `start` the logit before any tree."""

    start: float
    column: npt.NDArray[np.int64]
    threshold: Table
    left: npt.NDArray[np.int64]
    value: Floats

    def logits(self, table: Table) -> Floats:
        """(n) logarithm of the odds that a day is falsified, were honest and false days as many."""
        from analytics.abnormal.trees_kernel import add

        out = np.full(len(table), self.start)
        add(np.ascontiguousarray(table), self.column, self.threshold, self.left, self.value, out)
        return out

    def contributions(self, table: Table) -> Floats:
        """(n, columns) what each column added to the logits."""
        from analytics.abnormal.trees_kernel import attribute

        out = np.zeros(table.shape)
        attribute(np.ascontiguousarray(table), self.column, self.threshold, self.left, self.value, out)
        return out


def edges_of(table: Table, bins: int) -> list[Table]:
    """Per column the upper edges of at most `bins` bins with about as many rows each."""
    chosen = table[:: max(1, len(table) // FOR_EDGES)]
    shares = np.linspace(0, 1, bins + 1)[1:-1]
    return [np.unique(np.quantile(column, shares).astype(np.float32)) for column in chosen.T]


def boost(examples: Examples, seed: int, trees: int = TREES) -> Trees:
    """Learn from examples; the same seed gives the same trees."""
    from analytics.abnormal.trees_kernel import BINS, add_coded, grow

    table, y = examples.table, examples.falsified.astype(np.float64)
    weight = examples.weight / examples.weight.mean()
    edges = edges_of(table, BINS)
    codes = np.stack([np.searchsorted(e, table[:, c]).astype(np.uint8) for c, e in enumerate(edges)])
    share = min(max(float((weight * y).sum() / weight.sum()), 1e-3), 1 - 1e-3)
    start, nodes = float(np.log(share / (1 - share))), 2 * LEAVES - 1
    column, code, left = (np.full((trees, nodes), -1, np.int64) for _ in range(3))
    value, logit = np.zeros((trees, nodes)), np.full(len(y), start)
    random = np.random.default_rng(seed)
    for tree in range(trees):
        chance = 1 / (1 + np.exp(-logit))
        gradient, hessian = weight * (chance - y), weight * chance * (1 - chance)
        rows = np.flatnonzero(random.random(len(y)) < ROW_SHARE)
        asked = random.permutation(len(codes))[: max(1, int(len(codes) * COLUMN_SHARE))]
        one = column[tree], code[tree], left[tree], value[tree]
        grow(codes, gradient, hessian, rows, asked, LEAST_HESSIAN, RIDGE, LEAST_ROWS, *one)
        add_coded(codes, *one, RATE, logit)
    threshold = np.zeros(code.shape, np.float32)
    for place in np.argwhere(column >= 0):
        at = tuple(place)
        threshold[at] = edges[column[at]][code[at]]
    return Trees(start, column, threshold, left, RATE * value)
