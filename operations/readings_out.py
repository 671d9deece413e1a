"""A meter's validated intervals and closed indices, for other programs, in the formats they read."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from itertools import groupby, pairwise
from typing import Final

from psycopg import Connection
from psycopg.rows import TupleRow

from analytics.billing import RegisterPart, use_register
from analytics.errors import BillingError
from analytics.vee.methods import Method
from model.bill import ClosingIndex
from model.period import Period
from model.quality import Quality
from model.series import Channel, Rate
from operations import models
from operations.formats import flags, greenbutton_write, nem_write
from operations.formats.values import IndexPair, Intervals, Unusable
from operations.pairing import kwh
from storage import closing, fleet, profiles
from storage.profiles import IntervalRow
from storage.register import Hung, hung

ZONE: Final = timezone(timedelta(hours=7))
_THOUSAND: Final = Decimal(1000)
_SUFFIX: Final = {
    Channel.ACTIVE_IMPORT: "E1",  # from the grid's side: what it exports to the customer
    Channel.ACTIVE_EXPORT: "B1",
    Channel.REACTIVE_IMPORT: "Q1",
    Channel.REACTIVE_EXPORT: "K1",
}
_NOTHING: Final = "no validated interval of it is stored in these days: name others, or validate first"
_REACTIVE: Final = (Channel.REACTIVE_IMPORT, Channel.REACTIVE_EXPORT)
TABLE: Final = ("meter", "timestamp", "value", "unit", "channel", "quality", "method")


def _intervals(
    conn: Connection[TupleRow],
    serial: str,
    period: Period,
    named: Callable[[Channel], tuple[str, str]],
    flagged: Callable[[Quality, Method], str],
    divisor: Decimal,
) -> Iterator[Intervals]:
    """Each channel by its interval length; `named` gives channel and unit, `divisor` the unit's Wh.

    Raises `Unusable` where nothing is stored.
    """
    empty = True
    for channel in Channel:
        rows: Iterator[IntervalRow] = profiles.rows(conn, serial, period, channel=channel)
        name, unit = named(channel)
        for length, group in groupby(rows, key=lambda row: row.interval_s):
            one = Intervals(serial, name, unit, length, serial)
            for row in group:
                value = None if row.wh is None else Decimal(row.wh) / divisor
                one.add(round(row.at.timestamp()), value, flagged(row.quality, row.method))
            empty = False
            yield one
    if empty:
        raise Unusable(0, _NOTHING)


def nem12(conn: Connection[TupleRow], serial: str, period: Period, made: datetime) -> str:
    """The intervals as NEM12, kWh and kvarh, days of the Vietnamese clock."""

    def named(channel: Channel) -> tuple[str, str]:
        return _SUFFIX[channel], "kvarh" if channel in _REACTIVE else "kWh"

    found = list(_intervals(conn, serial, period, named, flags.nem, _THOUSAND))
    return nem_write.nem12(found, ZONE, made.astimezone(ZONE), "DIENKE", "")


def greenbutton(conn: Connection[TupleRow], serial: str, period: Period, made: datetime) -> str:
    """The intervals as a Green Button feed, Wh and varh."""

    def named(channel: Channel) -> tuple[str, str]:
        return channel.name.lower(), "varh" if channel in _REACTIVE else "Wh"

    def flagged(quality: Quality, _: Method) -> str:
        return str(flags.ESPI_OF.get(quality, ""))

    found = list(_intervals(conn, serial, period, named, flagged, Decimal(1)))
    return greenbutton_write.write(serial, found, ZONE, made)


def table(conn: Connection[TupleRow], serial: str, period: Period) -> Iterator[tuple[object, ...]]:
    """The intervals as rows of `TABLE`, every channel; a missing value is an empty cell."""

    def named(channel: Channel) -> tuple[str, str]:
        return channel.name.lower(), "kvarh" if channel in _REACTIVE else "kWh"

    for one in _intervals(conn, serial, period, named, flags.words, _THOUSAND):
        for at, value, flag in one.rows():
            when = datetime.fromtimestamp(at, ZONE).isoformat()
            quality, _, method = flag.partition(" ")
            yield serial, when, value, one.unit, one.channel, quality, method


def nem13(conn: Connection[TupleRow], serial: str, period: Period, made: datetime) -> str:
    """The closed indices of the period two by two as NEM13; the quantity bears the multiplier.

    Raises `Unusable` where an index fell and it is not clear how far it went.
    """
    meter_id = fleet.meter_ids(conn, [serial]).get(serial)
    pairs: list[IndexPair] = []
    for place in hung(conn, meter_ids=[meter_id] if meter_id else [], period=period):
        closed = [i for i in closing.history(conn, place.point) if i.serial == serial]
        for key in sorted({(i.channel, i.rate) for i in closed}):
            mine = [i for i in closed if (i.channel, i.rate) == key and period.start <= i.at <= period.end]
            pairs += _pairs(place, sorted(mine, key=lambda index: index.at), *key)
    if not pairs:
        raise Unusable(0, "no two indices of it are closed in these days: close the month first")
    return nem_write.nem13(pairs, ZONE, made.astimezone(ZONE), "DIENKE", "")


def _pairs(place: Hung, closed: Sequence[ClosingIndex], channel: Channel, rate: Rate) -> Iterator[IndexPair]:
    digits = models.digits_of(place)
    unit = "kvarh" if channel in _REACTIVE else "kWh"
    direction = "I" if channel in (Channel.ACTIVE_EXPORT, Channel.REACTIVE_EXPORT) else "E"
    name = f"{_SUFFIX[channel][0]}{rate + 1}"
    for earlier, later in pairwise(closed):
        status = later.status if kwh(later) < kwh(earlier) else ""
        part = RegisterPart(rate.code, kwh(earlier), kwh(later), digits, status=status, serial=place.serial)
        multiplier = models.multiplier_of(place, earlier.at)
        try:
            used = use_register(part, multiplier).wh / 1000
        except BillingError as error:
            raise Unusable(0, error.sentence) from error
        yield IndexPair(
            place.serial, name, unit, earlier.at, later.at, part.previous, part.current, used, "A", "A",
            place.serial, told={"direction": direction},
        )  # fmt: skip
