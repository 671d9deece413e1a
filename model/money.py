"""Whole đồng, and the one rounding the law knows: half up."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

Dong = int  # whole Vietnamese đồng; never a float


def half_up(value: Fraction | Decimal | int) -> int:
    """Round to the nearest whole number, a half away from zero."""
    exact = Fraction(value)
    sign = -1 if exact < 0 else 1
    return sign * ((2 * abs(exact.numerator) + exact.denominator) // (2 * exact.denominator))
