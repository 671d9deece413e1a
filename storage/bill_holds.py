"""Bills that are held: why, and since when."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from psycopg import Connection
from psycopg.rows import TupleRow

from model.bill import Hold
from model.period import Period, add_months, midnight, require_aware
from model.viewer import Viewer
from storage.errors import Unknown
from storage.viewing import scope

_SAVE: Final = """
    INSERT INTO bill_hold AS old (point, customer, meter_id, from_at, to_at, kind, reason, held_at)
    SELECT %(point)s, %(customer)s, m.id, %(from)s, %(to)s, %(kind)s, %(reason)s, %(at)s
    FROM (SELECT %(serial)s::text AS serial) AS named LEFT JOIN meter m USING (serial)
    WHERE named.serial = '' OR m.id IS NOT NULL
    ON CONFLICT (point, from_at, to_at) DO UPDATE SET customer = excluded.customer,
        meter_id = excluded.meter_id, kind = excluded.kind, reason = excluded.reason,
        held_at = CASE WHEN old.kind = excluded.kind THEN old.held_at ELSE excluded.held_at END"""
_DROP: Final = "DELETE FROM bill_hold WHERE point = %s AND from_at = %s AND to_at = %s"
_DROP_OF: Final = """
    DELETE FROM bill_hold WHERE from_at = %s AND to_at = %s AND point = ANY (%s::text[])"""
_DROP_KIND: Final = """
    DELETE FROM bill_hold WHERE from_at = %s AND to_at = %s AND kind = %s AND point <> ALL (%s::text[])"""
_LIST: Final = """
    SELECT h.point, h.customer, c.name, coalesce(m.serial, ''), h.from_at, h.to_at, h.kind, h.reason,
        h.held_at
    FROM bill_hold h JOIN customer c ON c.code = h.customer LEFT JOIN meter m ON m.id = h.meter_id
    WHERE (%(scope)s::text IS NULL OR h.customer = %(scope)s)
      AND (%(from)s::timestamptz IS NULL OR h.to_at > %(from)s)
      AND (%(to)s::timestamptz IS NULL OR h.to_at <= %(to)s)
    ORDER BY h.to_at DESC, h.point"""


@dataclass(frozen=True, slots=True)
class HoldRow:
    """A bill that is not issued, since when, and why."""

    hold: Hold
    customer_name: str
    held_at: datetime


def save(conn: Connection[TupleRow], holds: Sequence[Hold], held_at: datetime) -> int:
    """Keep why these bills are not issued, since when the reason is this one. Raises Unknown for an unknown
    meter."""
    for hold in holds:
        written = conn.execute(
            _SAVE,
            {
                "point": hold.point,
                "customer": hold.customer,
                "from": hold.period.start,
                "to": hold.period.end,
                "kind": hold.kind,
                "reason": hold.reason,
                "at": require_aware(held_at),
                "serial": hold.serial,
            },
        ).rowcount
        if not written:
            raise Unknown("meter", hold.serial)
    return len(holds)


def drop(conn: Connection[TupleRow], point: str, period: Period) -> bool:
    """What held the bill is over; whether anything did."""
    return conn.execute(_DROP, [point, period.start, period.end]).rowcount > 0


def drop_of(conn: Connection[TupleRow], period: Period, points: Collection[str]) -> int:
    """What held the bills of these points is over; how many were held."""
    return conn.execute(_DROP_OF, [period.start, period.end, list(points)]).rowcount


def drop_kind(conn: Connection[TupleRow], period: Period, kind: str, *, but: Collection[str]) -> int:
    """Holds of this kind are over at every point `but` these; how many."""
    return conn.execute(_DROP_KIND, [period.start, period.end, kind, list(but)]).rowcount


def holds(conn: Connection[TupleRow], viewer: Viewer, *, month: date | None = None) -> list[HoldRow]:
    """Held bills the viewer may see, the latest first."""
    asked = {"scope": scope(viewer)} | ends_in(month)
    return [
        HoldRow(Hold(point, customer, serial, Period(start, end), kind, reason), name, held_at)
        for point, customer, name, serial, start, end, kind, reason, held_at in conn.execute(_LIST, asked)
    ]


def ends_in(month: date | None) -> dict[str, datetime | None]:
    """September's bill ends on 1 October at 00:00, or on any earlier day of September."""
    if month is None:
        return {"from": None, "to": None}
    return {"from": midnight(add_months(month, 0)), "to": midnight(add_months(month, 1))}
