"""Which days a typical curve is drawn of."""

from __future__ import annotations

from datetime import date, timedelta
from enum import IntEnum

import numpy as np
import numpy.typing as npt

from analytics.vee.day_kinds import DayKind, day_kind


class Typical(IntEnum):
    """Days whose curves are drawn together; public holidays and Tết are one kind."""

    WEEKDAY = 0
    SATURDAY = 1
    SUNDAY = 2
    HOLIDAY = 3


def typical_day(day: date) -> Typical:
    """The kind of a local day."""
    if day_kind(day) in (DayKind.HOLIDAY, DayKind.TET):
        return Typical.HOLIDAY
    return {6: Typical.SATURDAY, 7: Typical.SUNDAY}.get(day.isoweekday(), Typical.WEEKDAY)


def typical_days(first: date, days: int) -> npt.NDArray[np.uint8]:
    """(days) `Typical` of each day from `first`."""
    return np.array([typical_day(first + timedelta(offset)) for offset in range(days)], np.uint8)
