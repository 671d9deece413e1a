"""Which meters and stations the rules have to look at, and that they did."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, datetime, timedelta
from typing import Any, Final

from psycopg import Connection
from psycopg.rows import TupleRow

from model.alert import AlertKind
from model.period import require_aware

AGAIN: Final = timedelta(days=1)
"""What goes by the calendar alone (days that are over, months that turn) is seen once a day."""
INSTANTS_AGAIN: Final = timedelta(hours=1)
"""Of voltages and currents one moment an hour is looked at."""

_LINE: Final = [AlertKind.MODEM_SILENT, AlertKind.CLOCK_DRIFT, AlertKind.WRONG_METER]

_HANGING: Final = """
    hanging AS MATERIALIZED (
        SELECT i.meter_id, max(i.since) AS since FROM installation i
        WHERE i.since <= %(now)s AND coalesce(i.until, 'infinity') >= %(now)s
            AND i.meter_id %% %(of)s = %(number)s
        GROUP BY i.meter_id)"""
_ALL: Final = f"WITH {_HANGING} SELECT meter_id FROM hanging ORDER BY meter_id"
# Never looked at, hung since, or not for a day; something came; the line fell silent, or spoke again.
_DUE: Final = f"""
    WITH {_HANGING},
    seen AS (SELECT h.meter_id, h.since, w.looked_at, d.last_contact
        FROM hanging h JOIN meter m ON m.id = h.meter_id JOIN modem d ON d.code = m.modem
        LEFT JOIN watched w ON w.meter_id = h.meter_id)
    SELECT meter_id FROM seen
    WHERE looked_at IS NULL OR since > looked_at
        OR looked_at <= %(now)s - %(again)s::interval OR looked_at > %(now)s + %(again)s::interval
        OR looked_at < last_contact + %(silent)s::interval AND last_contact + %(silent)s::interval <= %(now)s
    UNION
    SELECT meter_id FROM seen JOIN watch_due u USING (meter_id)
    WHERE u.soon OR looked_at <= %(now)s - %(instants)s::interval
    UNION
    SELECT meter_id FROM seen JOIN alert a USING (meter_id)
    WHERE a.state <> 'closed' AND a.kind = ANY (%(line)s) AND last_contact >= looked_at
    UNION
    SELECT meter_id FROM seen
    WHERE last_contact IS NULL AND EXISTS (SELECT FROM poll p
            WHERE p.meter_id = seen.meter_id AND p.started >= looked_at)
        AND NOT EXISTS (SELECT FROM alert a WHERE a.meter_id = seen.meter_id AND a.state <> 'closed'
            AND a.kind = %(silence)s)
    ORDER BY 1"""
_MARKS: Final = "SELECT id FROM watch_due WHERE meter_id = ANY (%s)"
_UNMARK: Final = "DELETE FROM watch_due WHERE id = ANY (%s)"
_LOOKED: Final = """
    INSERT INTO watched (meter_id, looked_at) SELECT m, %s FROM unnest(%s::integer[]) AS m ORDER BY m
    ON CONFLICT (meter_id) DO UPDATE SET looked_at = excluded.looked_at"""
# Shards of stations by their names; nothing but the spread depends on the hash.
_STATIONS: Final = """
    SELECT s.code FROM station s LEFT JOIN watched_station w ON w.station = s.code
    WHERE (hashtext(s.code) & 1048575) %% %(of)s = %(number)s
        AND (%(everything)s OR w.station IS NULL OR w.month <> %(month)s
            OR w.looked_at < %(since)s)
    ORDER BY s.code"""
_STATIONS_LOOKED: Final = """
    INSERT INTO watched_station (station, month, looked_at) SELECT s, %s, %s FROM unnest(%s::text[]) AS s
    ORDER BY s ON CONFLICT (station) DO UPDATE SET month = excluded.month, looked_at = excluded.looked_at"""
_POINTS: Final = "SELECT code FROM point WHERE station = ANY (%s) ORDER BY code"

Shard = tuple[int, int]
"""The number of a shard, and of how many."""


def due(
    conn: Connection[TupleRow], now: datetime, shard: Shard, silent: timedelta, *, everything: bool = False
) -> list[int]:
    """Hanging meters of the shard that the rules have to look at, by number: something came since they last
    did, or time alone says so. `everything`: all that hang. A line is silent after `silent`."""
    number, of = shard
    asked = {
        "now": require_aware(now),
        "number": number,
        "of": of,
        "again": AGAIN,
        "instants": INSTANTS_AGAIN,
        "silent": silent,
        "line": [kind.value for kind in _LINE],
        "silence": AlertKind.MODEM_SILENT.value,
    }
    return [meter_id for (meter_id,) in conn.execute(_ALL if everything else _DUE, asked)]


def marks(conn: Connection[TupleRow], meters: Collection[int]) -> list[int]:
    """The marks of the meters as they stand; ask before looking at what they were made for."""
    return [mark for (mark,) in conn.execute(_MARKS, [list(meters)])]


def looked(conn: Connection[TupleRow], meters: Collection[int], seen: Collection[int], now: datetime) -> None:
    """The rules looked at the meters, and saw what the marks `seen` were made for; what came later stays."""
    conn.execute(_LOOKED, [require_aware(now), list(meters)])
    if seen:
        conn.execute(_UNMARK, [list(seen)])


def stations_due(
    conn: Connection[TupleRow], since: datetime, month: date, shard: Shard, *, everything: bool = False
) -> list[str]:
    """Stations of the shard that were not looked at since that instant, nor for their loss of `month`."""
    number, of = shard
    asked: dict[str, Any] = {
        "since": require_aware(since),
        "month": month,
        "number": number,
        "of": of,
        "everything": everything,
    }
    return [code for (code,) in conn.execute(_STATIONS, asked)]


def stations_looked(
    conn: Connection[TupleRow], stations: Collection[str], month: date, now: datetime
) -> None:
    """The losses of these stations in `month`, and their loads until then, were looked at."""
    conn.execute(_STATIONS_LOOKED, [month, require_aware(now), list(stations)])


def points_of(conn: Connection[TupleRow], stations: Collection[str]) -> list[str]:
    """Codes of the points of these stations."""
    return [code for (code,) in conn.execute(_POINTS, [list(stations)])]
