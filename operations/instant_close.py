"""The index of every register of a book at any instant, by the best way there is; how is kept with it.

In this order: the meter's own snapshot or profile index of the instant, the work sheet, what somebody read
and entered, a timed reading within a quarter of an hour (of a meter without snapshots); else it is counted
(`counted_index`): an earlier index and the validated half-hours from there on; else between the readings
before and after, evenly; else onwards at the pace of the last days.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from model.period import Period, local_day, shown
from model.series import Channel, Rate
from operations import counted_index, models
from operations.close import CloseReport, Closing
from operations.counted_index import Wanted
from operations.errors import InputError
from operations.pairing import rates
from storage import closing
from storage.pool import Pool
from storage.register import Hung, has_book, hung

Key = tuple[str, Channel, Rate]


@dataclass(frozen=True, slots=True)
class InstantReport:
    """What was closed at the instant, by method; (point, meter, why) where nothing was."""

    closed: CloseReport
    methods: dict[str, int]


def run(
    pool: Pool, at: datetime, book: str | None, now: datetime, *, estimate: bool = False
) -> InstantReport:
    """Close every register that hangs at the instant, of a book or of all; `estimate` lets it go on at the
    pace of the last days where nothing better is known.

    An index once closed stands. Raises `InputError` for an instant to come and a book nobody knows.
    """
    if at > now:
        raise InputError(f"{shown(at)} is still to come: close it after that")
    with pool.connection() as conn:
        if book is not None and not has_book(conn, book):
            raise InputError(f"no reading book {book} is registered: correct its code")
        period = Period(at, at + timedelta(microseconds=1))
        places = [
            place for place in hung(conn, period=period)
            if place.customer and (book is None or place.book == book)
        ]  # fmt: skip
        work = Closing.at(conn, at, places)
        read = work.close(at, now)
        points = sorted({place.point for place in places})
        standing = {(i.serial, i.channel, i.rate): i for i in closing.at(conn, at, points)}
        wanted = [
            Wanted(place, channel, rate)
            for place in places
            for channel, rate in _registers(place)
            if (place.serial, channel, rate) not in standing
        ]
        counted = counted_index.counted(conn, at, wanted, estimate=estimate)
        closing.save(conn, counted, now)
        every = [*standing.values(), *counted]
    methods: dict[str, int] = defaultdict(int)
    for index in every:
        methods[index.method or "unknown"] += 1
    known = {(index.serial, index.channel, index.rate) for index in every}
    missing = tuple(told for told, place in _still(read, places) if not _whole(place, at, known))
    report = CloseReport(read.closed + len(counted), read.unchanged, missing, read.differing)
    return InstantReport(report, dict(sorted(methods.items())))


def _still(read: CloseReport, places: Sequence[Hung]) -> list[tuple[tuple[str, str, str], Hung]]:
    by_serial = {place.serial: place for place in places}
    return [(told, by_serial[told[1]]) for told in read.missing]


def _registers(place: Hung) -> tuple[tuple[Channel, Rate], ...]:
    """Every register the meter has, those that bill it and the others."""
    kind = models.kind(place.model)
    return () if kind is None else tuple(kind.registers)


def _whole(place: Hung, at: datetime, known: set[Key]) -> bool:
    """Whether the registers that bill the point are closed."""
    kind = models.kind(place.model)
    needed = () if kind is None else rates(place.supply_on(local_day(at)), kind.rates)
    return bool(needed) and all((place.serial, Channel.ACTIVE_IMPORT, rate) in known for rate in needed)
