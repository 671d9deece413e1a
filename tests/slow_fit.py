"""The slow twin of what shares a register's count among the slots of a gap."""

from __future__ import annotations

import numpy as np

from analytics.vee.windows import GRID


def slow_fit(table: list[list[float]], share: list[float], total: float) -> list[float]:
    """The same place of the grid for all, found by halving; then in proportion; evenly when all is nought."""

    def at(place: float) -> list[float]:
        grid = np.arange(GRID) / (GRID - 1)
        return [part * float(np.interp(place, grid, row)) for part, row in zip(share, table, strict=True)]

    low, high = 0.0, 1.0
    for _ in range(24):
        middle = (low + high) / 2
        low, high = (middle, high) if sum(at(middle)) < total else (low, middle)
    if sum(at(1.0)) <= 0:
        return [total * part / sum(share) for part in share]
    levels = at(high)
    return [one * total / sum(levels) if sum(levels) else 0.0 for one in levels]
