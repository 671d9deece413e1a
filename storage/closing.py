"""Closing indices: which readings may close a book, and those that did."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from psycopg import Connection
from psycopg.rows import TupleRow

from model.bill import ClosingIndex
from model.period import require_aware
from model.quality import Quality
from model.series import Channel, Rate, Unit
from storage.errors import Unknown
from storage.register import Hung, hung

__all__ = ["Candidate", "ClosingCounts", "Hung", "at", "candidates", "history", "hung", "save"]

LOAD_PROFILE: Final = "load_profile"
"""The source of a candidate that is an index of the load profile at the closing instant."""

# Hung at the instant or taken down at it: an index at 00:00 closes the day before.
# Of those entered by hand for one instant the last counts.
_CANDIDATES: Final = """
    WITH hanging AS (
        SELECT p.code AS point, i.meter_id, m.serial FROM installation i
        JOIN point p ON p.code = i.point JOIN meter m ON m.id = i.meter_id
        WHERE i.since <= %(at)s AND coalesce(i.until, 'infinity') >= %(at)s
          AND (%(points)s::text[] IS NULL OR p.code = ANY (%(points)s)))
    SELECT h.point, h.meter_id, h.serial, r.channel, r.rate, r.at, r.raw, r.scaler, r.unit, r.status, r.source
    FROM hanging h CROSS JOIN LATERAL (
        SELECT * FROM register_read g WHERE meter_id = h.meter_id
            AND at BETWEEN %(at)s - %(within)s::interval AND %(at)s + %(within)s::interval
            AND NOT (source = 'manual' AND EXISTS (SELECT FROM register_read n
                WHERE n.meter_id = g.meter_id AND n.at = g.at AND n.channel = g.channel AND n.rate = g.rate
                  AND n.source = 'manual' AND n.received_at > g.received_at)) OFFSET 0) r
    UNION ALL
    SELECT h.point, h.meter_id, h.serial, b.channel, 0, %(at)s, b.raw[b.slot], b.scaler, b.unit,
        coalesce(b.status[b.slot], 0), 'load_profile'
    FROM hanging h CROSS JOIN LATERAL (
        SELECT *, CASE WHEN instants IS NULL THEN
                CASE WHEN mod(extract(epoch FROM %(at)s - at)::bigint, interval_s) = 0
                     THEN extract(epoch FROM %(at)s - at)::bigint / interval_s + 1 END
            ELSE array_position(instants, %(at)s) END AS slot
        FROM profile_block WHERE meter_id = h.meter_id AND kind = 'index'
            AND at BETWEEN %(at)s - INTERVAL '32 days' AND %(at)s AND last >= %(at)s OFFSET 0) b
    WHERE b.slot IS NOT NULL
    ORDER BY 1, 2, 4, 5, 6, 11, 7"""
_SAVE: Final = """
    INSERT INTO closing_index (point, meter_id, channel, rate, at, raw, scaler, status, method, quality,
        closed_at)
    SELECT n.point, m.id, n.channel, n.rate, n.at, n.raw, n.scaler, n.status, n.method, n.quality, %s
    FROM unnest(%s::text[], %s::text[], %s::smallint[], %s::smallint[], %s::timestamptz[], %s::bigint[],
        %s::smallint[], %s::text[], %s::text[], %s::smallint[])
        AS n (point, serial, channel, rate, at, raw, scaler, status, method, quality)
    JOIN meter m USING (serial) ORDER BY m.id, n.channel, n.rate, n.at
    ON CONFLICT (meter_id, channel, rate, at) DO NOTHING"""
_HISTORY: Final = """
    SELECT c.point, m.serial, c.channel, c.rate, c.at, c.raw, c.scaler, c.status, c.method,
        c.quality
    FROM closing_index c JOIN meter m ON m.id = c.meter_id
    WHERE (%(points)s::text[] IS NULL OR c.point = ANY (%(points)s))
      AND (%(serials)s::text[] IS NULL OR m.serial = ANY (%(serials)s)) AND (%(from)s::timestamptz IS NULL
      OR c.at >= %(from)s) AND (%(to)s::timestamptz IS NULL OR c.at <= %(to)s) ORDER BY c.point, c.at,
      m.serial, c.channel, c.rate"""
_ANY: Final = "SELECT FROM closing_index WHERE at = %s LIMIT 1"
_SERIALS: Final = "SELECT serial FROM meter WHERE serial = ANY (%s)"


@dataclass(frozen=True, slots=True)
class Candidate:
    """A reading that may close a register: raw × 10^scaler `unit`, on the meter's side, at its own instant.

    `source` is a `ReadingSource` value or `load_profile`.
    """

    point: str
    meter_id: int
    serial: str
    channel: Channel
    rate: Rate
    at: datetime
    raw: int
    scaler: int
    unit: Unit
    status: int
    source: str


@dataclass(frozen=True, slots=True)
class ClosingCounts:
    """Closing indices saved. `differing` ones were closed with another index before, which stands."""

    new: int
    unchanged: int
    differing: tuple[ClosingIndex, ...]


def candidates(
    conn: Connection[TupleRow],
    points: Collection[str] | None,
    at: datetime,
    *,
    within: timedelta = timedelta(hours=24),
) -> list[Candidate]:
    """Every reading from `at` − `within` to `at` + `within` of the meters that hang at these points (None:
    all) at the instant, and their load profiles' indices at the instant itself; by point, meter, channel,
    rate and time."""
    asked = {"points": None if points is None else list(points), "at": require_aware(at), "within": within}
    return [
        Candidate(point, meter_id, serial, Channel(channel), Rate(rate), when, raw, scaler, Unit(unit), *rest)
        for point, meter_id, serial, channel, rate, when, raw, scaler, unit, *rest in conn.execute(
            _CANDIDATES, asked
        )
    ]


def save(conn: Connection[TupleRow], indices: Sequence[ClosingIndex], closed_at: datetime) -> ClosingCounts:
    """Keep closing indices. One that was closed before is never rewritten. Raises Unknown for a meter
    nobody knows."""
    if not indices:
        return ClosingCounts(0, 0, ())
    serials = sorted({index.serial for index in indices})
    known = {serial for (serial,) in conn.execute(_SERIALS, [serials])}
    for serial in serials:
        if serial not in known:
            raise Unknown("meter", serial)
    columns: list[Any] = [
        [index.point for index in indices],
        [index.serial for index in indices],
        [int(index.channel) for index in indices],
        [int(index.rate) for index in indices],
        [index.at for index in indices],
        [index.raw for index in indices],
        [index.scaler for index in indices],
        [index.status for index in indices],
        [index.method for index in indices],
        [int(index.quality) for index in indices],
    ]
    new = conn.execute(_SAVE, [require_aware(closed_at), *columns]).rowcount
    instants = columns[4]
    stand = {
        (index.serial, index.channel, index.rate, index.at): index
        for index in _read(conn, serials=serials, since=min(instants), until=max(instants))
    }
    differing = tuple(
        index for index in indices if stand[index.serial, index.channel, index.rate, index.at] != index
    )
    return ClosingCounts(new, len(indices) - new - len(differing), differing)


def at(conn: Connection[TupleRow], at: datetime, points: Collection[str] | None = None) -> list[ClosingIndex]:
    """The indices that close at the instant, by point, meter, channel and rate."""
    return _read(conn, points=points, since=at, until=at)


def is_closed(conn: Connection[TupleRow], at: datetime) -> bool:
    """Whether any index was closed at the instant."""
    return conn.execute(_ANY, [require_aware(at)]).fetchone() is not None


def history(conn: Connection[TupleRow], point: str) -> list[ClosingIndex]:
    """Every closing index of a point, the oldest first."""
    return _read(conn, points=[point])


def _read(
    conn: Connection[TupleRow],
    *,
    points: Collection[str] | None = None,
    serials: Collection[str] | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
) -> list[ClosingIndex]:
    asked = {
        "points": None if points is None else list(points),
        "serials": None if serials is None else list(serials),
        "from": since,
        "to": until,
    }
    return [
        ClosingIndex(
            point, serial, Channel(channel), Rate(rate), when, raw, scaler, status, method, Quality(quality)
        )
        for point, serial, channel, rate, when, raw, scaler, status, method, quality in conn.execute(
            _HISTORY, asked
        )
    ]
