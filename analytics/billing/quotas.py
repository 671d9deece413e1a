"""Tier widths of a period part, and the run of kWh through them."""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Iterator, Sequence
from datetime import date
from fractions import Fraction
from functools import lru_cache

from model.money import half_up


@lru_cache(maxsize=4096)
def quotas(
    widths: tuple[int, ...], households: Fraction, days: int | None = None, month_days: int = 30
) -> tuple[int, ...]:
    """kWh of each closed tier: half_up(width × households); prorated, half_up(width / T2 × N × households),
    N = `days`, T2 = `month_days` (TT 60/2025/TT-BCT, 12.8). `days` None is a regular month."""
    share = households if days is None else households * Fraction(days, month_days)
    return tuple(half_up(width * share) for width in widths)


def month_length(day: date) -> int:
    """T2: days of the calendar month that contains the first day of the period."""
    return monthrange(day.year, day.month)[1]


def tier_run(kwh: int, sizes: Sequence[int]) -> Iterator[tuple[int, int]]:
    """(tier index, kWh in it) for every tier that gets any; the last tier is open."""
    left = kwh
    for index, size in enumerate(sizes):
        if left <= 0:
            return
        taken = min(left, size)
        left -= taken
        if taken:
            yield index, taken
    if left > 0:
        yield len(sizes), left
