"""Which modems of each station were heard lately, and which were called in vain since."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from psycopg import Connection
from psycopg.rows import TupleRow

LATELY: Final = timedelta(days=1)

_MODEMS: Final = """
    WITH reach AS MATERIALIZED (
        SELECT DISTINCT p.station, d.code, d.last_contact
        FROM modem d JOIN meter m ON m.modem = d.code
        JOIN installation i ON i.meter_id = m.id AND i.since <= %(now)s
            AND coalesce(i.until, 'infinity') > %(now)s
        JOIN point p ON p.code = i.point
        WHERE d.link <> 'mqtt' AND d.last_contact > %(now)s - %(lately)s::interval)
    SELECT r.station, r.code, r.last_contact, v.first
    FROM reach r LEFT JOIN LATERAL (
        SELECT min(started) AS first FROM poll
        WHERE r.last_contact < %(now)s - %(quiet)s::interval AND modem = r.code
            AND started > r.last_contact AND started <= %(now)s
            AND outcome IN ('no_link', 'timeout')) v ON true
    ORDER BY r.station, r.code"""
# Those taken back as well: as long as one lasts, the station's next silence cannot begin.
_OPEN: Final = """
    SELECT id, station, began FROM outage WHERE source = 'silence' AND ended IS NULL"""
_BACK: Final = """
    SELECT d.code, p.started FROM (
        SELECT DISTINCT m.modem AS code FROM meter m
        JOIN installation i ON i.meter_id = m.id AND i.since <= %(began)s
            AND coalesce(i.until, 'infinity') > %(began)s
        JOIN point p ON p.code = i.point WHERE p.station = %(station)s) d
    JOIN modem USING (code)
    LEFT JOIN LATERAL (SELECT started FROM poll WHERE modem = d.code AND started > %(began)s
        AND outcome IN ('ok', 'partial') ORDER BY started LIMIT 1) p ON true
    WHERE modem.last_contact > %(began)s - %(lately)s::interval"""


@dataclass(frozen=True, slots=True)
class Heard:
    """A modem of a station: when it was heard last, and the first call in vain since, None: none was."""

    station: str
    modem: str
    last_contact: datetime
    in_vain: datetime | None


def modems(conn: Connection[TupleRow], now: datetime, quiet: timedelta) -> list[Heard]:
    """Those heard within a day. Calls in vain count where nothing was heard for so long."""
    asked = {"now": now, "quiet": quiet, "lately": LATELY}
    return [Heard(*row) for row in conn.execute(_MODEMS, asked)]


def open_silences(conn: Connection[TupleRow]) -> list[tuple[int, str, datetime]]:
    """Number, station and beginning of the silences that last."""
    return [(number, station, began) for number, station, began in conn.execute(_OPEN)]


def heard_since(conn: Connection[TupleRow], station: str, began: datetime) -> list[datetime | None]:
    """Of each modem of a station that was heard within the day before: when first again, None: not yet."""
    asked = {"station": station, "began": began, "lately": LATELY}
    return [at for _, at in conn.execute(_BACK, asked)]
