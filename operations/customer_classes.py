"""Whose limits validation goes by: a point's plan says what kind of customer it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:  # formats ask for classes too, and know no store
    from storage.register import Hung

CLASS_OF_PLAN = {
    "vn-household": "household",
    "vn-prepaid": "household",
    "vn-lodging": "business",
    "vn-production": "production",
    "vn-business": "business",
    "vn-ev-charging": "business",
    "vn-hospital-school": "administration",
    "vn-lighting-admin": "administration",
    "vn-wholesale-htx": "wholesale",
}


def class_of(place: Hung) -> str:
    """The customer class by the last supply of the point; empty where it has none, or an unknown plan."""
    last = max(place.supplies, key=lambda supply: supply.valid_from, default=None)
    return "" if last is None else CLASS_OF_PLAN.get(last.plan, "")
