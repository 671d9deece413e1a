"""The grid on which questions lie: multiples of an interval, local weeks, months and years."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache

from model.period import HALF_HOUR, Period, local_day, midnight, require_aware

ANCHOR = date(1970, 1, 5)  # a Monday

_MOMENT = timedelta(microseconds=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def floor_to(at: datetime, interval: timedelta) -> datetime:
    """The last multiple of `interval`, counted from 1970 UTC (local time is 7 h off), not after `at`."""
    if at.tzinfo is not UTC:
        require_aware(at)
    return at - (at - _EPOCH) % interval


def round_begin(at: datetime, every: timedelta) -> datetime:
    """The last instant not after `at` at which readings fall due: at local midnight and so often after it."""
    if every == HALF_HOUR:
        return floor_to(at, HALF_HOUR)
    begin = midnight(local_day(at)).astimezone(UTC)
    return begin + (at - begin) // every * every


def ceil_to(at: datetime, interval: timedelta) -> datetime:
    """The first multiple of `interval` not before `at`."""
    floor = floor_to(at, interval)
    return floor if floor == at else floor + interval


@lru_cache(maxsize=256)
def weeks(period: Period, interval: timedelta) -> tuple[Period, ...]:
    """`period` cut at local Mondays, or at every local midnight for intervals under a quarter of an hour.

    Most meters of a fleet lack the same.
    """
    return tuple(_weeks(period, interval))


def _weeks(period: Period, interval: timedelta) -> Iterator[Period]:
    length = 7 if interval >= timedelta(minutes=15) else 1
    day = local_day(period.start)
    first = day - timedelta(days=(day - ANCHOR).days % length)
    while (start := midnight(first)) < period.end:
        first += timedelta(days=length)
        piece = period.overlap(Period(start, midnight(first)))
        if piece is not None:
            yield piece


def years(period: Period) -> Iterator[Period]:
    """`period` cut at local new years."""
    year = local_day(period.start).year
    while (start := midnight(date(year, 1, 1))) < period.end:
        year += 1
        piece = period.overlap(Period(start, midnight(date(year, 1, 1))))
        if piece is not None:
            yield piece


def month_floor(at: datetime) -> datetime:
    """Local midnight of the first day of the month of `at`."""
    return _month_of(local_day(at))


@lru_cache(maxsize=512)
def _month_of(day: date) -> datetime:
    return midnight(day.replace(day=1))


def closing_instant(reading_day: int, now: datetime) -> datetime:
    """The last instant not after `now` at which a reading book with this reading day closes: its 00:00."""
    return _closed_before(reading_day, local_day(now))


@lru_cache(maxsize=512)
def _closed_before(reading_day: int, day: date) -> datetime:
    month = day.replace(day=1)
    if day < month + timedelta(days=reading_day - 1):
        month = (month - timedelta(days=1)).replace(day=1)
    return midnight(month + timedelta(days=reading_day - 1))


@lru_cache(maxsize=4096)
def first_of(since: datetime, interval: timedelta) -> datetime:
    """Where the profile of a meter that hangs since then begins: asked for again and again."""
    return ceil_to(since, interval)


@lru_cache(maxsize=4096)
def first_month(since: datetime) -> datetime:
    """The same of its closings: the month of the moment before."""
    return month_floor(since - _MOMENT)
