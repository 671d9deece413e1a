"""What a meter-reader found instead of an index: findings that stand until the meter is read."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import date
from typing import Any, Final

from psycopg import Connection
from psycopg.rows import TupleRow
from psycopg.types.json import Jsonb

from model.quality import Severity

ABSENT: Final = "V"
"""The one code that any later reading settles: somebody was there then."""

_KEEP: Final = """
    INSERT INTO finding AS old (meter_id, day, kind, severity, detail, origin)
    SELECT meter_id, day, 'unread_by_hand', severity, detail, 'evidence'
    FROM (VALUES (%s::integer, %s::date, %s::smallint, %s::jsonb)) AS new (meter_id, day, severity, detail)
    ON CONFLICT (meter_id, day, kind) DO UPDATE SET severity = excluded.severity, detail = excluded.detail
    WHERE (old.severity, old.detail) IS DISTINCT FROM (excluded.severity, excluded.detail)"""
_READ: Final = """
    DELETE FROM finding WHERE kind = 'unread_by_hand' AND meter_id = %(meter)s
      AND (day = %(day)s OR day < %(day)s AND detail->>'status' = %(absent)s) RETURNING day"""
_WAITING: Final = """
    SELECT DISTINCT meter_id FROM finding WHERE kind = 'unread_by_hand' AND meter_id = ANY (%s)
      AND day >= %s AND day < %s"""


def keep(
    conn: Connection[TupleRow], meter_id: int, day: date, severity: Severity, detail: Mapping[str, Any]
) -> None:
    """Keep why a meter was not read for the end of a day; `detail` has at least its `status`."""
    conn.execute(_KEEP, [meter_id, day, int(severity), Jsonb(dict(detail))])


def read(conn: Connection[TupleRow], meter_id: int, day: date) -> list[date]:
    """The meter was read for the end of a day after all: the days of which that settles something."""
    asked = {"meter": meter_id, "day": day, "absent": ABSENT}
    return [of for (of,) in conn.execute(_READ, asked)]


def waiting(conn: Connection[TupleRow], meter_ids: Collection[int], first: date, end: date) -> set[int]:
    """Those of the meters that came back unread for a day from `first` on, before `end`."""
    return {meter for (meter,) in conn.execute(_WAITING, [list(meter_ids), first, end])}
