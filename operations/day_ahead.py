"""The day ahead of a station's load, or of anybody's: half-hours with limits, from validated days."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

import numpy as np
import numpy.typing as npt
from psycopg import Connection
from psycopg.rows import TupleRow

from analytics.profiles.day_ahead import FARTHEST, LEAST, LONGEST, Trial, course, trial, weekdays_of
from analytics.profiles.degrees import by_slot
from analytics.profiles.group import WHOLE, mean_power
from model.period import midnight
from operations.loads import HALF_HOURS, HOURS, Whose, added_up, found_places

FEW_DAYS, TOO_FAR = "few_days", "too_far"
EVERYBODY: Final = 10**12  # days of all meters: they are added up a part at a time
ENOUGH: Final = 0.8  # of the meters, for a half-hour to teach; those that are missing stand at their mean
_MINUTE: Final = timedelta(minutes=1)
Float = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Ahead:
    """W by slot of `minutes` of the local `day`: expected, and the limits of four in five; NaN throughout
    where `reason` says why nothing is foretold.

    From days of which `known` are, the last of them `until`. `trial`: how the days before came out, foretold
    as far ahead in the same way. `warmed`: temperatures counted; `cold`: some were given and did not.
    """

    whose: Whose
    day: date
    minutes: int
    mean_w: Float
    low_w: Float
    high_w: Float
    meters: int
    known: int
    until: date | None
    reason: str = ""
    trial: Trial | None = None
    warmed: bool = False
    cold: bool = False

    @property
    def highest(self) -> tuple[float, datetime] | None:
        """The highest power that is expected and when it begins; None where nothing is foretold."""
        if np.isnan(self.mean_w).all():
            return None
        place = int(np.nanargmax(self.mean_w))
        return float(self.mean_w[place]), midnight(self.day) + place * self.minutes * _MINUTE


def ahead(
    conn: Connection[TupleRow], whose: Whose, day: date, celsius: Mapping[datetime, float] | None = None
) -> Ahead:
    """From at most `LONGEST` days before `day`; `celsius` by instant, of these days and of `day`.

    Raises LoadRefused where nobody of `whose` hung anywhere in these days.
    """
    first = day - timedelta(LONGEST)
    places = found_places(conn, whose, first, day, most=EVERYBODY)
    meters, minutes = len({place.meter_id for place in places}), HALF_HOURS
    added, coarser = added_up(conn, places, first, day)
    if any(one.minutes > HALF_HOURS for one in coarser):
        minutes = HOURS
        added, _ = added_up(conn, places, first, day, minutes=HOURS)
    power = mean_power(added.wh, added.seen, added.expected, ENOUGH)
    power = np.where(power >= 0, power, np.nan)  # a load below zero is none
    whole = np.flatnonzero((~np.isnan(power)).mean(axis=1) >= WHOLE)
    slots = power.shape[1]
    nothing = np.full(slots, np.nan)
    until = first + timedelta(int(whole[-1])) if len(whole) else None
    found = Ahead(whose, day, minutes, nothing, nothing, nothing, meters, len(whole), until)
    if until is None or len(whole) < LEAST:
        return _refused(found, FEW_DAYS)
    over = int(whole[-1]) + 1
    many = LONGEST + 1 - over
    if many > FARTHEST:
        return _refused(found, TOO_FAR)
    begun = int(whole[0])  # before, nothing is known
    start, kept = first + timedelta(begun), power[begun:over]
    degrees = None if celsius is None else _by_slot(celsius, start, len(kept) + many, slots)
    told = course(kept, weekdays_of(start, len(kept) + many), many, degrees)
    warmed = bool(told.warmed[-1])
    return Ahead(
        whose,
        day,
        minutes,
        told.mean_w[-1],
        told.low_w[-1],
        told.high_w[-1],
        meters,
        len(whole),
        until,
        "",
        trial(told, kept),
        warmed,
        celsius is not None and not warmed,
    )


def _refused(found: Ahead, reason: str) -> Ahead:
    return Ahead(
        found.whose, found.day, found.minutes, found.mean_w, found.low_w, found.high_w, found.meters,
        found.known, found.until, reason,
    )  # fmt: skip


def _by_slot(celsius: Mapping[datetime, float], first: date, days: int, slots: int) -> Float:
    begun = midnight(first)
    readings = sorted(((at - begun) / _MINUTE, degrees) for at, degrees in celsius.items())
    return by_slot([at for at, _ in readings], [degrees for _, degrees in readings], days, slots)
