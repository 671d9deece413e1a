"""Validated days as curves, totals and rows, within what the viewer may see."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Final

import numpy as np
from numpy.typing import NDArray
from psycopg import Connection
from psycopg.rows import TupleRow

from analytics.vee.methods import Method, usual
from model.period import Period, local_day, midnight
from model.quality import Quality
from model.series import Channel
from model.viewer import Viewer
from storage import day_runs
from storage.day_runs import Days
from storage.errors import Unknown
from storage.viewing import visible

_DAYS: Final = """
    SELECT meter_id, day, interval_s, scaler, energy, quality, coalesce(method, '') FROM profile_day
    WHERE meter_id = %(meter)s AND channel = %(channel)s
      AND (%(first)s::date IS NULL OR day >= %(first)s) AND (%(last)s::date IS NULL OR day <= %(last)s)
    ORDER BY day"""
_Slots = tuple[
    NDArray[np.int64], NDArray[np.float64], NDArray[np.uint8], NDArray[np.int32], NDArray[np.uint8]
]
_NOTHING: Final[_Slots] = (
    np.empty(0, np.int64),
    np.empty(0, np.float64),
    np.empty(0, np.uint8),
    np.empty(0, np.int32),
    np.empty(0, np.uint8),
)
_ID: Final = "SELECT id FROM meter WHERE serial = %s"


@dataclass(frozen=True, slots=True, eq=False)
class LoadCurve:
    """n intervals of a meter: `at` datetime64[s][n], beginnings in UTC; `wh` float64[n], NaN where missing;
    `quality` and `method` uint8[n]; each of `interval_s` int32[n] seconds. What is not there at all has no
    entry."""

    serial: str
    channel: Channel
    at: NDArray[np.datetime64]
    wh: NDArray[np.float64]
    quality: NDArray[np.uint8]
    interval_s: NDArray[np.int32]
    method: NDArray[np.uint8] | None = None


@dataclass(frozen=True, slots=True)
class DayTotal:
    """A local day's energy: the sum of the slots that are there, how many of `slots` are missing and
    estimated."""

    day: date
    wh: float
    slots: int
    missing: int
    estimated: int


@dataclass(frozen=True, slots=True)
class IntervalRow:
    """One interval by its local beginning; `wh` None where missing, whole when the meter's resolution is."""

    at: datetime
    wh: int | Decimal | None
    quality: Quality
    interval_s: int = 1800
    method: Method = Method.NONE


def load_curve(
    conn: Connection[TupleRow],
    viewer: Viewer,
    serial: str,
    period: Period,
    channel: Channel = Channel.ACTIVE_IMPORT,
) -> LoadCurve | None:
    """The intervals that begin in the period. None where the meter is not theirs or not there."""
    seen = visible(conn, viewer, serial)
    if seen is None:
        return None
    meter_id, periods = seen
    parts = [
        _NOTHING,
        *[_slots(*alike) for piece in _days(conn, meter_id, channel, period) for alike in piece.layouts()],
    ]
    columns = tuple(np.concatenate(column) for column in zip(*parts, strict=True))
    if len(parts) > 2:  # a meter that was exchanged, say: days of one layout lie together
        in_order = np.argsort(columns[0], kind="stable")
        columns = tuple(column[in_order] for column in columns)
    at, wh, quality, interval_s, method = columns
    shown = np.zeros(len(at), bool)
    for theirs in periods:
        both = theirs.overlap(period)
        if both is not None:
            shown |= (at >= both.start.timestamp()) & (at < both.end.timestamp())
    return LoadCurve(
        serial,
        channel,
        at[shown].astype("datetime64[s]"),
        wh[shown],
        quality[shown],
        interval_s[shown],
        method[shown],
    )


def daily(
    conn: Connection[TupleRow],
    viewer: Viewer,
    serial: str,
    first: date,
    end: date,
    channel: Channel = Channel.ACTIVE_IMPORT,
) -> list[DayTotal] | None:
    """Totals of the days from `first`, without `end`; None where the meter is not theirs or not there.

    Days without any row are not in it: they are unknown, not empty. Of a day on which the meter changed
    hands, the viewer is told their part.
    """
    curve = load_curve(conn, viewer, serial, Period.of_days(first, end), channel)
    if curve is None:
        return None
    totals = []
    # Vietnam has one offset, so that a local day is a whole number of days after the first one's midnight.
    number = (curve.at.astype(np.int64) - round(midnight(first).timestamp())) // 86_400
    # The slots are in order: a day's lie together.
    each = np.unique(number, return_index=True, return_counts=True)
    for day, begin, count in zip(*(column.tolist() for column in each), strict=True):
        slots = slice(begin, begin + count)
        quality = curve.quality[slots]
        totals.append(
            DayTotal(
                first + timedelta(days=day),
                float(np.nansum(curve.wh[slots])),
                len(quality),
                int((quality == Quality.MISSING).sum()),
                int(((quality >= Quality.LINEAR) & (quality <= Quality.UNSCALED)).sum()),
            )
        )
    return totals


def rows(
    conn: Connection[TupleRow],
    serial: str,
    period: Period | None = None,
    quality: Collection[Quality] | None = None,
    channel: Channel = Channel.ACTIVE_IMPORT,
) -> Iterator[IntervalRow]:
    """What is stored of a meter, interval by interval, for export by staff: of a period and of qualities,
    else all.

    Raises Unknown for a serial nobody knows. The connection is in use until the last row.
    """
    found = conn.execute(_ID, [serial]).fetchone()
    if found is None:
        raise Unknown("meter", serial)
    for piece in _days(conn, found[0], channel, period):
        yield from _rows(piece, period, None if quality is None else frozenset(quality))


def _rows(piece: Days, period: Period | None, wanted: frozenset[Quality] | None) -> Iterator[IntervalRow]:
    columns = piece.day, piece.interval_s, piece.scaler, piece.energy, piece.quality, _methods(piece)
    for day, interval_s, scaler, energy, qualities, methods in zip(
        *(one.tolist() for one in columns), strict=True
    ):
        begin = midnight(date.fromordinal(day))
        for slot, (value, code, method) in enumerate(zip(energy, qualities, methods, strict=True)):
            row_quality = Quality(code)
            at = begin + timedelta(seconds=slot * interval_s)
            if (period is not None and at not in period) or (
                wanted is not None and row_quality not in wanted
            ):
                continue
            missing = row_quality is Quality.MISSING
            wh = None if missing else _exact(value, scaler)
            yield IntervalRow(at, wh, row_quality, interval_s, Method(method))


def _methods(found: Days) -> NDArray[np.uint8]:
    """What is kept of the methods, else the usual ones of the qualities."""
    return usual(found.quality) if found.method is None else found.method


def _exact(value: int, scaler: int) -> int | Decimal:
    return value * 10**scaler if scaler >= 0 else Decimal(value).scaleb(scaler)


def _days(
    conn: Connection[TupleRow], meter_id: int, channel: Channel, period: Period | None
) -> Iterator[Days]:
    asked = {
        "meter": meter_id,
        "channel": int(channel),
        "first": None if period is None else local_day(period.start),
        "last": None if period is None else local_day(period.end),
    }
    return day_runs.read(conn, _DAYS, asked)


def _slots(interval_s: int, scaler: int, found: Days) -> _Slots:
    """Days of one layout, slot by slot."""
    first = int(found.day[0])
    # Vietnam has one offset, so that a local day is a whole number of days after the first one's midnight.
    days = (found.day - first).astype(np.int64)
    begun = round(midnight(date.fromordinal(first)).timestamp())
    at = begun + 86_400 * days[:, None] + interval_s * np.arange(found.energy.shape[1])
    wh = np.where(found.quality == Quality.MISSING, np.nan, found.energy * 10.0**scaler)
    interval = np.full(wh.size, interval_s, np.int32)
    return at.ravel(), wh.ravel(), found.quality.ravel(), interval, _methods(found).ravel()
