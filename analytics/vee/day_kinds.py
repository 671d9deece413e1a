"""Which days are alike: working days, weekends, public holidays, Tết."""

from __future__ import annotations

import tomllib
from datetime import date, timedelta
from enum import IntEnum
from functools import cache, lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from analytics.errors import AnalyticsError

FILE = Path(__file__).parent / "vn" / "days.toml"


class DayKind(IntEnum):
    """How a day is lived; Tết (about a week) is a kind of its own."""

    WORKING = 0
    WEEKEND = 1
    HOLIDAY = 2
    TET = 3


@cache
def _days() -> tuple[dict[tuple[int, int], DayKind], dict[date, DayKind]]:
    """Kinds by (month, day) of any year, and by date."""
    rows = tomllib.loads(FILE.read_text(encoding="utf-8"))
    try:
        yearly = {
            (int(row["day"][:2]), int(row["day"][3:])): DayKind[row["kind"].upper()] for row in rows["yearly"]
        }
        dated: dict[date, DayKind] = {}
        for row in rows["days"]:
            for offset in range((row["to"] - row["from"]).days + 1):
                dated[row["from"] + timedelta(offset)] = DayKind[row["kind"].upper()]
    except (KeyError, TypeError, ValueError) as reason:
        raise AnalyticsError("bad_days_file", f"{FILE.name}: complete the row with {reason}") from reason
    return yearly, dated


@lru_cache(4096)
def day_kind(day: date) -> DayKind:
    """The kind of a local day."""
    yearly, dated = _days()
    if day in dated:
        return dated[day]
    if (day.month, day.day) in yearly:
        return yearly[day.month, day.day]
    return DayKind.WEEKEND if day.isoweekday() >= 6 else DayKind.WORKING


def day_kinds(first: date, days: int) -> npt.NDArray[np.uint8]:
    """(days) `DayKind` of each day from `first`."""
    return np.array([day_kind(first + timedelta(offset)) for offset in range(days)], np.uint8)
