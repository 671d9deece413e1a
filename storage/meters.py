"""Meters in lists: found by what people type, with what a list shows of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final, LiteralString

from psycopg import Connection
from psycopg.rows import TupleRow, class_row

from model.series import Channel
from model.viewer import Viewer
from storage.meter_sheet import Installed, MeterSheet, Poll, sheet
from storage.viewing import scope

__all__ = ["Installed", "MeterSheet", "MeterSummary", "Poll", "count", "find", "of_customer", "sheet"]

# A meter is told with the place where it hangs, or hung last; a customer's with their own place.
_FOUND: Final = """
    FROM meter m
    LEFT JOIN LATERAL (
        SELECT i.point, i.since, i.until, p.role, p.station, p.customer FROM installation i
        JOIN point p ON p.code = i.point
        WHERE i.meter_id = m.id AND (%(scope)s::text IS NULL OR p.customer = %(scope)s)
        ORDER BY i.since DESC LIMIT 1) i ON true
    LEFT JOIN customer c ON c.code = i.customer
    LEFT JOIN station s ON s.code = i.station
    WHERE (%(scope)s::text IS NULL OR i.customer = %(scope)s)
      AND (%(station)s::text IS NULL OR i.station = %(station)s)
      AND (cardinality(%(words)s::text[]) = 0 OR m.id IN (
        SELECT meter_id FROM (
            SELECT DISTINCT w.number, hit.meter_id
            FROM unnest(%(words)s::text[]) WITH ORDINALITY AS w (word, number)
            CROSS JOIN LATERAL (
                SELECT id FROM meter WHERE plain(serial) LIKE w.word
                UNION ALL SELECT id FROM meter WHERE plain(modem) LIKE w.word
                UNION ALL SELECT x.meter_id FROM installation x WHERE plain(x.point) LIKE w.word
                UNION ALL SELECT x.meter_id FROM customer k JOIN point q ON q.customer = k.code
                    JOIN installation x ON x.point = q.code WHERE k.search LIKE w.word
            ) hit (meter_id)) hits
        GROUP BY meter_id HAVING count(*) = cardinality(%(words)s::text[])))"""
_PAGE: Final = (
    "SELECT m.id, m.serial, m.model, m.modem, i.point, i.role, i.until, i.customer,"
    " c.name AS customer_name, c.address, i.station, s.name AS station_name"
    + _FOUND
    + " ORDER BY m.serial LIMIT %(limit)s OFFSET %(offset)s"
)
_FIND: Final = (
    "WITH page AS MATERIALIZED ("
    + _PAGE
    + """)
    SELECT p.serial, p.model, p.point, p.role, p.until IS NOT NULL OR p.point IS NULL AS removed, p.customer,
        p.customer_name, p.address, p.station, p.station_name, p.modem, ok.ended AS last_contact,
        try.outcome AS last_outcome, today.wh AS today_wh, coalesce(a.open, 0) AS alerts
    FROM page p
    LEFT JOIN LATERAL (SELECT ended FROM poll WHERE meter_id = p.id AND outcome IN ('ok', 'partial')
        ORDER BY started DESC LIMIT 1) ok ON true
    LEFT JOIN LATERAL (SELECT outcome FROM poll WHERE meter_id = p.id ORDER BY started DESC LIMIT 1) try
        ON true
    LEFT JOIN LATERAL (
        SELECT round(sum(e) * power(10::numeric, d.scaler))::bigint AS wh
        FROM profile_day d CROSS JOIN LATERAL unnest(d.energy) AS e
        WHERE d.meter_id = p.id AND d.channel = %(channel)s AND d.day = %(today)s::date
        GROUP BY d.scaler) today ON true
    LEFT JOIN LATERAL (SELECT count(*) AS open FROM alert
        WHERE meter_id = p.id AND state <> 'closed' AND %(scope)s::text IS NULL) a ON true
    ORDER BY p.serial"""
)
_COUNT: Final = "SELECT count(*)" + _FOUND
_PLAIN: Final = "SELECT plain(%s)"


@dataclass(frozen=True, slots=True)
class MeterSummary:
    """A meter in a list. `last_contact`: when it was last read; `today_wh`: its primary-side import of the
    day asked for so far, None when nothing is validated yet; `alerts`: those not closed (staff only).
    `removed`: it hangs nowhere now."""

    serial: str
    model: str
    point: str | None
    role: str | None
    removed: bool
    customer: str | None
    customer_name: str | None
    address: str | None
    station: str | None
    station_name: str | None
    modem: str
    last_contact: datetime | None
    last_outcome: str | None
    today_wh: int | None
    alerts: int


def find(
    conn: Connection[TupleRow],
    viewer: Viewer,
    text: str = "",
    *,
    station: str | None = None,
    today: date | None = None,
    limit: int = 200,
    offset: int = 0,
) -> list[MeterSummary]:
    """Meters by serial: those of which every word of the text stands in serial, modem, point or the
    customer's code, name or address; without regard to case and diacritics. `today` is the local day whose
    energy is told."""
    asked = _asked(conn, viewer, text, station) | {
        "today": today,
        "limit": limit,
        "offset": offset,
        "channel": int(Channel.ACTIVE_IMPORT),
    }
    return _summaries(conn, _FIND, asked)


def count(conn: Connection[TupleRow], viewer: Viewer, text: str = "", *, station: str | None = None) -> int:
    """How many meters `find` would give without a limit."""
    found = conn.execute(_COUNT, _asked(conn, viewer, text, station)).fetchone()
    return 0 if found is None else int(found[0])


def of_customer(
    conn: Connection[TupleRow], viewer: Viewer, *, today: date | None = None
) -> list[MeterSummary]:
    """The viewer's own meters, those that hang before those that hung; staff have none of their own."""
    if viewer.is_staff:
        return []
    return sorted(find(conn, viewer, today=today, limit=1000), key=lambda meter: meter.removed)


def _summaries(
    conn: Connection[TupleRow], statement: LiteralString, asked: dict[str, Any]
) -> list[MeterSummary]:
    with conn.cursor(row_factory=class_row(MeterSummary)) as cursor:
        return cursor.execute(statement, asked).fetchall()


def _asked(conn: Connection[TupleRow], viewer: Viewer, text: str, station: str | None) -> dict[str, Any]:
    plain = conn.execute(_PLAIN, [text.replace("\0", " ")]).fetchone()
    words = sorted(set(str(plain[0]).split()))[:8] if plain else []
    return {"scope": scope(viewer), "station": station, "words": [_pattern(word) for word in words]}


def _pattern(word: str) -> str:
    escaped = word.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{escaped}%"
