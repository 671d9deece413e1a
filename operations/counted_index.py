"""An index that nobody read: an earlier one and the validated half-hours since, else evenly between the
readings before and after, else onwards at the pace before.

Of a rate register (BT, CD, TD) the half-hours of its own hours count, and time is the time of its hours.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Final

import numpy as np
import numpy.typing as npt
from psycopg import Connection
from psycopg.rows import TupleRow

from analytics.tariffs import MeterHours
from model.bill import BETWEEN, ESTIMATE, INTERPOLATED, ClosingIndex
from model.money import half_up
from model.period import HALF_HOUR, local_day, midnight
from model.quality import Quality
from model.series import Channel, Rate
from operations import models
from operations.meter_hours import hours_of, own_slots
from storage import days, matrix, neighbours
from storage.neighbours import Neighbours
from storage.register import Hung

LATEST: Final = timedelta(days=62)  # a reading further away says nothing of an instant
AT_ONCE: Final = 500  # meters whose half-hours are held in memory at a time
_DAY: Final = timedelta(days=1)
_US: Final = timedelta(microseconds=1)
_SLOT_US: Final = HALF_HOUR // _US

Bytes = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Wanted:
    """A register of a meter that hangs, to be closed."""

    place: Hung
    channel: Channel
    rate: Rate


@dataclass(frozen=True, slots=True)
class _Known:
    """A register with the readings around the instant, and the hours of its rate (None: all hours)."""

    place: Hung
    channel: Channel
    rate: Rate
    near: Neighbours
    hours: MeterHours | None

    def made(self, at: datetime, wh: Fraction, method: str, quality: Quality) -> ClosingIndex:
        """`wh` (varh) on the meter's side above the reading before; the register goes round where its digits
        end."""
        digits = models.digits_of(self.place)
        before = self.near.before
        raw = before.raw + half_up(wh / Fraction(10) ** before.scaler)
        if digits is not None:
            raw %= int(Fraction(10) ** (digits + 3 - before.scaler))
        place = self.place
        return ClosingIndex(
            place.point, place.serial, self.channel, self.rate, at, raw, before.scaler, "", method, quality
        )

    def time(self, start: datetime, end: datetime) -> int:
        """Microseconds of its hours from one instant to another."""
        if self.hours is None:
            return (end - start) // _US
        origin = midnight(local_day(start))
        a, b = (start - origin) // _US, (end - origin) // _US
        mine = own_slots(self.hours, self.rate, local_day(start), local_day(end) + _DAY)
        edges = np.arange(len(mine), dtype=np.int64) * _SLOT_US
        within = np.minimum(edges + _SLOT_US, b) - np.maximum(edges, a)
        return int(np.maximum(within, 0)[mine].sum())

    def share(self, start: datetime, at: datetime, end: datetime) -> Fraction:
        """Of its hours from `start` to `end`, what `start` to `at` is; of all time where they hold none."""
        whole = self.time(start, end)
        if whole:
            return Fraction(self.time(start, at), whole)
        return Fraction((at - start) // _US, (end - start) // _US)


def counted(
    conn: Connection[TupleRow], at: datetime, wanted: Sequence[Wanted], *, estimate: bool
) -> list[ClosingIndex]:
    """The registers of which enough is known; `estimate`: also those of which only the past is.

    Method and quality are those of the worst it rests on.
    """
    around = neighbours.around(conn, sorted({one.place.meter_id for one in wanted}), at, LATEST)
    known = [
        _Known(
            one.place, one.channel, one.rate, near, None if one.rate is Rate.TOTAL else hours_of(one.place)
        )
        for one in wanted
        if (near := around.get((one.place.meter_id, one.channel, one.rate))) is not None
    ]
    by_profile = dict(_by_profile(conn, known, at))
    found = []
    for number, one in enumerate(known):
        index = by_profile.get(number) or _between(one, at)
        if index is None and estimate:
            index = _onwards(one, at)
        if index is not None:
            found.append(index)
    return found


def _by_profile(
    conn: Connection[TupleRow], known: Sequence[_Known], at: datetime
) -> Iterator[tuple[int, ClosingIndex]]:
    """The reading before and the half-hours from it to the instant, all there; by place in `known`."""
    groups: dict[tuple[Channel, date], list[int]] = defaultdict(list)
    for number, one in enumerate(known):
        if _on_half_hours(one, at):
            groups[one.channel, local_day(one.near.before.at)].append(number)
    end = local_day(at) + _DAY
    for (channel, first), numbers in groups.items():
        for start in range(0, len(numbers), AT_ONCE):
            part = numbers[start : start + AT_ONCE]
            held = days.matrix(conn, sorted({known[n].place.meter_id for n in part}), channel, first, end)
            row_of = {meter_id: row for row, meter_id in enumerate(held.meter_ids)}
            for number in part:
                one, row = known[number], row_of[known[number].place.meter_id]
                summed = _summed(one, at, held.energy[row].reshape(-1), held.quality[row].reshape(-1))
                if summed is not None:
                    yield number, one.made(at, summed[0], INTERPOLATED, summed[1])


def _on_half_hours(one: _Known, at: datetime) -> bool:
    """Whether half-hours of one multiplier, all of this stay, go from the reading before to the instant."""
    start, place = one.near.before.at, one.place
    if one.rate is not Rate.TOTAL and one.hours is None:
        return False
    if start < place.since or (start - midnight(local_day(start))) % HALF_HOUR or (at - start) % HALF_HOUR:
        return False
    return not any(start < item.valid_from < at for item in place.multipliers)


def _summed(
    one: _Known, at: datetime, energy: npt.NDArray[np.int32], quality: Bytes
) -> tuple[Fraction, Quality] | None:
    """Wh on the meter's side from the reading before to the instant; None where a half-hour is missing."""
    start = one.near.before.at
    first = local_day(start)
    here = slice((start - midnight(first)) // HALF_HOUR, (at - midnight(first)) // HALF_HOUR)
    mine = own_slots(one.hours, one.rate, first, local_day(at) + _DAY)[here]
    own = quality[here][mine]
    if (own == Quality.MISSING).any():
        return None
    wh = Fraction(int(energy[here][mine].sum(dtype=np.int64)))
    return wh / Fraction(models.multiplier_of(one.place, start)), matrix.worst(own)


def _between(one: _Known, at: datetime) -> ClosingIndex | None:
    """Evenly between the readings before and after the instant."""
    before, after, place = one.near.before, one.near.after, one.place
    if after is None or after.scaler != before.scaler or after.raw < before.raw:
        return None
    if before.at < place.since or (place.until is not None and after.at > place.until):
        return None
    wh = Fraction(Decimal(after.raw - before.raw).scaleb(before.scaler))
    return one.made(at, one.share(before.at, at, after.at) * wh, BETWEEN, Quality.LINEAR)


def _onwards(one: _Known, at: datetime) -> ClosingIndex | None:
    """At the pace of the two readings before the instant, which lie a day or more apart."""
    before, early = one.near.before, one.near.earlier
    if early is None or early.scaler != before.scaler or early.at < one.place.since:
        return None
    if before.at - early.at < _DAY or before.raw < early.raw:
        return None
    length = one.time(early.at, before.at)
    if not length:
        return None
    wh = Fraction(Decimal(before.raw - early.raw).scaleb(early.scaler))
    return one.made(at, Fraction(one.time(before.at, at), length) * wh, ESTIMATE, Quality.UNSCALED)
