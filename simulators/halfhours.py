"""Half-hours counted from 1970-01-01T00:00Z, and what they are called in Vietnam.

Vietnam has kept UTC+7 without daylight saving since 1975, so a slot's local hour is arithmetic.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Final

import numpy as np

from model.period import LOCAL, local_day, midnight, require_aware
from simulators.chance import Ints

SLOT_S: Final = 1800
SLOTS_A_DAY: Final = 48
_LOCAL_SLOTS: Final = 14  # UTC+7
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def slot_of(at: datetime) -> int:
    """The half-hour that contains the instant."""
    return seconds_of(at) // SLOT_S


def seconds_of(at: datetime) -> int:
    """Whole seconds since 1970."""
    return (require_aware(at) - _EPOCH) // timedelta(seconds=1)


def at_second(second: int) -> datetime:
    """The instant so many seconds after 1970, as local time."""
    return (_EPOCH + timedelta(seconds=second)).astimezone(LOCAL)


def begin_of(slot: int) -> datetime:
    """When the half-hour begins, as local time."""
    return at_second(slot * SLOT_S)


def first_slot(day: date) -> int:
    """The half-hour that begins at the local midnight of the day."""
    return slot_of(midnight(day))


def day_number(slots: Ints) -> Ints:
    """Local days since 1970-01-01."""
    return (slots + _LOCAL_SLOTS) // SLOTS_A_DAY


def hour_slot(slots: Ints) -> Ints:
    """0 at local midnight to 47 at 23:30."""
    return (slots + _LOCAL_SLOTS) % SLOTS_A_DAY


def weekday(slots: Ints) -> Ints:
    """0 Monday to 6 Sunday (1970-01-01 was a Thursday)."""
    return (day_number(slots) + 3) % 7


def month_starts(first: datetime, until: datetime) -> list[datetime]:
    """Local midnights of the firsts of months in [first, until]; `first` itself counts."""
    day = local_day(first).replace(day=1)
    found = []
    while (at := midnight(day)) <= until:
        if at >= first:
            found.append(at)
        day = (day + timedelta(days=32)).replace(day=1)
    return found


_PEAK: Final = np.zeros(SLOTS_A_DAY, dtype=bool)
_PEAK[19:23] = True  # 09:30-11:30
_PEAK[34:40] = True  # 17:00-20:00
_OFFPEAK: Final = np.zeros(SLOTS_A_DAY, dtype=bool)
_OFFPEAK[44:] = True  # 22:00-04:00
_OFFPEAK[:8] = True


def rate_of(slots: Ints) -> Ints:
    """The rate each half-hour is counted in: 1 normal, 2 peak, 3 off-peak (TT 16/2014/TT-BCT, Art. 5(1)).

    Sunday has no peak; public holidays are not exempt.
    """
    at = hour_slot(slots)
    rate = np.ones(len(slots), dtype=np.int64)
    rate[_PEAK[at] & (weekday(slots) != 6)] = 2
    rate[_OFFPEAK[at]] = 3
    return rate
