"""What a viewer may see: staff everything, a customer what hangs or hung at their own points, while it
did."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from psycopg import Connection
from psycopg.rows import TupleRow

from model.period import Period
from model.viewer import Viewer

_METER: Final = "SELECT id FROM meter WHERE serial = %s"
_THEIRS: Final = """
    SELECT m.id, i.since, i.until FROM meter m
    JOIN installation i ON i.meter_id = m.id
    JOIN point p ON p.code = i.point
    WHERE m.serial = %s AND p.customer = %s ORDER BY i.since"""

ALWAYS: Final = Period(datetime(1, 1, 2, tzinfo=UTC), datetime(9999, 12, 30, tzinfo=UTC))


def scope(viewer: Viewer) -> str | None:
    """The customer whose things alone the viewer may see; None for staff, who see all.

    A customer's sign-in without a customer has the scope of nobody, for no customer's code is empty.
    """
    return None if viewer.is_staff else viewer.customer


def visible(conn: Connection[TupleRow], viewer: Viewer, serial: str) -> tuple[int, list[Period]] | None:
    """The meter's id and the periods of it that the viewer may see; None where it is not theirs or not
    there."""
    customer = scope(viewer)
    if customer is None:
        found = conn.execute(_METER, [serial]).fetchone()
        return None if found is None else (found[0], [ALWAYS])
    rows = conn.execute(_THEIRS, [serial, customer]).fetchall()
    if not rows:
        return None
    return rows[0][0], [Period(since, until or ALWAYS.end) for _, since, until in rows]
