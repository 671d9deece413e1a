"""The index of every register of a book at any instant, by the best way there is; how is kept with it.

In this order: the meter's own snapshot or profile index of the instant, the work sheet, what somebody read
and entered, a timed reading within a quarter of an hour (of a meter without snapshots); else an earlier index
and the validated half-hours from there on; else between the readings before and after, evenly; else onwards
at the pace of the last days. The last three are counted, not read.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction

import numpy as np
from psycopg import Connection
from psycopg.rows import TupleRow

from model.bill import ClosingIndex
from model.money import half_up
from model.period import HALF_HOUR, LOCAL, Period, local_day, midnight
from model.quality import Quality
from model.series import Channel, Rate
from operations import models
from operations.close import CloseReport, Closing
from operations.errors import InputError
from operations.pairing import rates
from storage import closing, days, neighbours
from storage.neighbours import Neighbours
from storage.pool import Pool
from storage.register import Hung, has_book, hung

LATEST = timedelta(days=62)  # a reading further away says nothing of an instant
IMPORT = Channel.ACTIVE_IMPORT
INTERPOLATED, EVENLY, ESTIMATE = "interpolated", "between", "estimate"


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
        raise InputError(f"{at.astimezone(LOCAL):%H:%M on %d/%m/%Y} is still to come: close it after that")
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
        standing = {(i.serial, i.rate): i for i in closing.at(conn, at, points) if i.channel is IMPORT}
        counted = _counted(conn, at, places, set(standing), estimate=estimate)
        closing.save(conn, counted, now)
        every = [*standing.values(), *counted]
    methods: dict[str, int] = defaultdict(int)
    for index in every:
        methods[index.method or "unknown"] += 1
    known = {(index.serial, index.rate) for index in every}
    missing = tuple(told for told, place in _still(read, places) if not _whole(place, at, known))
    report = CloseReport(read.closed + len(counted), read.unchanged, missing, read.differing)
    return InstantReport(report, dict(sorted(methods.items())))


def _still(read: CloseReport, places: Sequence[Hung]) -> list[tuple[tuple[str, str, str], Hung]]:
    by_serial = {place.serial: place for place in places}
    return [(told, by_serial[told[1]]) for told in read.missing]


def _needed(place: Hung, at: datetime) -> tuple[Rate, ...]:
    kind = models.kind(place.model)
    supplies = [supply for supply in place.supplies if supply.valid_from <= local_day(at)]
    return () if kind is None else rates(supplies[-1] if supplies else None, kind.rates)


def _whole(place: Hung, at: datetime, known: set[tuple[str, Rate]]) -> bool:
    needed = _needed(place, at)
    return bool(needed) and all((place.serial, rate) in known for rate in needed)


def _counted(
    conn: Connection[TupleRow],
    at: datetime,
    places: Sequence[Hung],
    known: set[tuple[str, Rate]],
    *,
    estimate: bool,
) -> list[ClosingIndex]:
    """Registers that nobody read at the instant, from what is known before and after."""
    wanted = [
        (place, rate) for place in places for rate in _needed(place, at) if (place.serial, rate) not in known
    ]
    around = neighbours.around(conn, sorted({place.meter_id for place, _ in wanted}), at, LATEST)
    found = []
    for place, rate in wanted:
        near = around.get((place.meter_id, rate))
        if near is None:
            continue
        index = _by_profile(conn, place, rate, near, at) or _between(place, rate, near, at)
        if index is None and estimate:
            index = _onwards(place, rate, near, at)
        if index is not None:
            found.append(index)
    return found


def _made(
    place: Hung, rate: Rate, near: Neighbours, at: datetime, wh: Fraction, method: str, quality: Quality
) -> ClosingIndex:
    """`wh` on the meter's side, above the reading before; the register goes round where its digits end."""
    kind = models.kind(place.model)
    digits = place.digits or (kind.digits if kind else None)
    raw = near.before.raw + half_up(wh / Fraction(10) ** near.before.scaler)
    if digits is not None:
        raw %= int(Fraction(10) ** (digits + 3 - near.before.scaler))
    return ClosingIndex(
        place.point, place.serial, IMPORT, rate, at, raw, near.before.scaler, "", method, quality
    )


def _by_profile(
    conn: Connection[TupleRow], place: Hung, rate: Rate, near: Neighbours, at: datetime
) -> ClosingIndex | None:
    """The reading before and the half-hours from it to the instant, each of them known."""
    start = near.before.at
    origin = midnight(local_day(start))
    first, last = (start - origin) / HALF_HOUR, (at - origin) / HALF_HOUR
    if rate is not Rate.TOTAL or first != int(first) or last != int(last) or start < place.since:
        return None
    end = local_day(at) + timedelta(days=1)
    matrix = days.matrix(conn, [place.meter_id], IMPORT, local_day(start), end)
    if not matrix.meter_ids:
        return None
    quality = matrix.quality[0].reshape(-1)[int(first) : int(last)]
    if len(quality) != int(last) - int(first) or (quality == Quality.MISSING).any():
        return None
    wh = Fraction(int(matrix.energy[0].reshape(-1)[int(first) : int(last)].sum(dtype=np.int64)))
    kind = models.kind(place.model)
    if kind is not None and kind.is_secondary:
        wh /= Fraction(place.multiplier_at(start))
    worst = Quality(int(quality.max())) if len(quality) else Quality.ACTUAL
    return _made(place, rate, near, at, wh, INTERPOLATED, worst)


def _between(place: Hung, rate: Rate, near: Neighbours, at: datetime) -> ClosingIndex | None:
    """Evenly between the readings before and after the instant."""
    if near.after is None or near.after.scaler != near.before.scaler or near.after.raw < near.before.raw:
        return None
    if near.before.at < place.since or (place.until is not None and near.after.at > place.until):
        return None
    share = Fraction((at - near.before.at) // timedelta(microseconds=1),
                     (near.after.at - near.before.at) // timedelta(microseconds=1))  # fmt: skip
    wh = share * Fraction(Decimal(near.after.raw - near.before.raw).scaleb(near.before.scaler))
    return _made(place, rate, near, at, wh, EVENLY, Quality.LINEAR)


def _onwards(place: Hung, rate: Rate, near: Neighbours, at: datetime) -> ClosingIndex | None:
    """At the pace of the two readings before the instant, which lie a day or more apart."""
    early = near.earlier
    if early is None or early.scaler != near.before.scaler or early.at < place.since:
        return None
    length = near.before.at - early.at
    if length < timedelta(days=1) or near.before.raw < early.raw:
        return None
    share = Fraction((at - near.before.at) // timedelta(microseconds=1), length // timedelta(microseconds=1))
    wh = share * Fraction(Decimal(near.before.raw - early.raw).scaleb(early.scaler))
    return _made(place, rate, near, at, wh, ESTIMATE, Quality.UNSCALED)
