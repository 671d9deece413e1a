"""The hours of the three rates that a meter keeps: dated with its point's supplies."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import numpy as np
import numpy.typing as npt

from analytics.tariffs import MeterHours
from model.period import Period, local_day, midnight
from model.series import Rate
from storage.matrix import SLOTS
from storage.register import Hung


def hours_of(place: Hung) -> MeterHours | None:
    """The schedules by day; None where the point is supplied at one rate. Before the first of them the meter
    had the hours of the first.
    """
    three = [supply for supply in place.supplies if not supply.one_rate]
    if not three:
        return None
    first, *later = sorted({(supply.valid_from, supply.tou_schedule) for supply in three})
    # Which hours a meter keeps is a fact, whether a bill may go by them or not.
    return MeterHours([(date.min, first[1]), *later], what_if=True)


def resets(place: Hung, period: Period) -> list[datetime]:
    """When the meter is set to other hours within the period, and BT, CD and TD are closed for it
    (TT 60/2025/TT-BCT, Art. 20(1)(a), 21(1))."""
    hours = hours_of(place)
    if hours is None:
        return []
    return [midnight(day) for day in hours.cut_overs(local_day(period.start), local_day(period.end))]


def own_slots(hours: MeterHours | None, rate: Rate, first: date, end: date) -> npt.NDArray[np.bool_]:
    """Which half-hours of the days from `first`, without `end`, a register counts: bool[days × 48].

    All of them for the total, and where the hours are not known.
    """
    many = (end - first).days
    if hours is None or rate is Rate.TOTAL:
        return np.ones(many * SLOTS, np.bool_)
    rates = b"".join(hours.day_rates(first + timedelta(day)) for day in range(many))
    return np.equal(np.frombuffer(rates, np.uint8), rate)
