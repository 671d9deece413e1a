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

# A meter is told with the place where it hangs, or hung last; a customer's with their own place. The longest
# word has a condition of its own, for which there is an index.
_FOUND: Final = """
    FROM meter_place WHERE (latest OR %(scope)s::text IS NOT NULL)
        AND (%(scope)s::text IS NULL OR customer = %(scope)s)
        AND (%(station)s::text IS NULL OR station = %(station)s)
        AND (%(unread)s::timestamptz IS NULL OR (
            EXISTS (SELECT FROM installation h WHERE h.meter_id = meter_place.meter_id AND h.until IS NULL)
            AND NOT EXISTS (SELECT FROM poll r WHERE r.meter_id = meter_place.meter_id
                AND r.started > %(unread)s AND r.outcome IN ('ok', 'partial'))))
        AND search LIKE %(longest)s AND search LIKE ALL (%(words)s::text[])"""
_FIND: Final = (
    "WITH page AS MATERIALIZED (SELECT DISTINCT ON (serial) meter_id, since"
    + _FOUND
    + """
        ORDER BY serial, since DESC LIMIT %(limit)s OFFSET %(offset)s)
    SELECT m.serial, m.model, i.point, p.role, i.until IS NOT NULL OR i.point IS NULL AS removed, p.customer,
        c.name AS customer_name, c.address, p.station, s.name AS station_name, m.modem,
        ok.ended AS last_contact, try.outcome AS last_outcome, today.wh AS today_wh, a.open AS alerts
    FROM page JOIN meter m ON m.id = page.meter_id
    LEFT JOIN installation i ON i.meter_id = m.id AND i.since = page.since
    LEFT JOIN point p ON p.code = i.point
    LEFT JOIN station s ON s.code = p.station
    LEFT JOIN customer c ON c.code = p.customer
    LEFT JOIN LATERAL (SELECT ended FROM poll WHERE meter_id = m.id AND outcome IN ('ok', 'partial')
        ORDER BY started DESC LIMIT 1) ok ON true
    LEFT JOIN LATERAL (SELECT outcome FROM poll WHERE meter_id = m.id ORDER BY started DESC LIMIT 1) try
        ON true
    LEFT JOIN LATERAL (
        SELECT round(sum(e) * power(10::numeric, d.scaler))::bigint AS wh
        FROM profile_day d CROSS JOIN LATERAL unnest(d.energy) WITH ORDINALITY AS s (e, slot)
        WHERE d.meter_id = m.id AND d.channel = %(channel)s AND d.day = %(today)s::date
            AND get_byte(d.quality, s.slot::integer - 1) <> 0
        GROUP BY d.scaler) today ON true
    CROSS JOIN LATERAL (SELECT count(*) AS open FROM alert
        WHERE meter_id = m.id AND state <> 'closed' AND %(scope)s::text IS NULL) a
    ORDER BY m.serial"""
)
_COUNT: Final = "SELECT count(DISTINCT meter_id)" + _FOUND
_PLAIN: Final = "SELECT plain(%s)"
_MOST_WORDS: Final = 8


@dataclass(frozen=True, slots=True)
class MeterSummary:
    """A meter in a list. `last_contact`: when it was last read; `today_wh`: its primary-side import of the
    day asked for so far, None where no slot of it is known; `alerts`: those not closed (staff only).
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
    unread_since: datetime | None = None,
    today: date | None = None,
    limit: int = 200,
    offset: int = 0,
) -> list[MeterSummary]:
    """Meters by serial: those of which every word of the text stands in serial, modem, point or the
    customer's code, name or address; without regard to case and diacritics. `unread_since`: only
    those that hang and gave nothing after that instant. `today` is the local day whose energy is told."""
    asked = _asked(conn, viewer, text, station, unread_since) | {
        "today": today,
        "limit": limit,
        "offset": offset,
        "channel": int(Channel.ACTIVE_IMPORT),
    }
    return _summaries(conn, _FIND, asked)


def count(
    conn: Connection[TupleRow],
    viewer: Viewer,
    text: str = "",
    *,
    station: str | None = None,
    unread_since: datetime | None = None,
) -> int:
    """How many meters `find` would give without a limit."""
    found = conn.execute(_COUNT, _asked(conn, viewer, text, station, unread_since)).fetchone()
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


def _asked(
    conn: Connection[TupleRow], viewer: Viewer, text: str, station: str | None, unread: datetime | None
) -> dict[str, Any]:
    plain = conn.execute(_PLAIN, [text.replace("\0", " ")]).fetchone()
    words = sorted(set(str(plain[0]).split()), key=len)[-_MOST_WORDS:] if plain else []
    patterns = [_pattern(word) for word in words]
    return {
        "scope": scope(viewer),
        "station": station,
        "unread": unread,
        "longest": patterns[-1] if patterns else "%",
        "words": patterns,
    }


def _pattern(word: str) -> str:
    escaped = word.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{escaped}%"
