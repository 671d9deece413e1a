"""When customers said to be away."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

import psycopg
from psycopg import Connection
from psycopg.rows import TupleRow

from model.period import require_aware
from model.viewer import Viewer
from storage.errors import Unknown

_ADD: Final = """
    INSERT INTO told_absence (point, first, last, note, login, at) VALUES (%s, %s, %s, %s, %s, %s)
    RETURNING id"""
_WITHDRAW: Final = "UPDATE told_absence SET withdrawn_at = %s WHERE id = %s AND withdrawn_at IS NULL"
_OF: Final = """
    SELECT i.meter_id, greatest(a.first, (i.since AT TIME ZONE 'Asia/Ho_Chi_Minh')::date), a.last
    FROM told_absence a JOIN installation i ON i.point = a.point
    WHERE i.meter_id = ANY (%s) AND a.withdrawn_at IS NULL AND a.last >= %s AND a.first <= %s
      AND (i.since AT TIME ZONE 'Asia/Ho_Chi_Minh')::date <= a.last
      AND (i.until IS NULL OR (i.until AT TIME ZONE 'Asia/Ho_Chi_Minh')::date >= a.first)"""
_LIST: Final = """
    SELECT id, point, first, last, note, login, at, withdrawn_at FROM told_absence
    WHERE %(point)s::text IS NULL OR point = %(point)s ORDER BY first DESC, id DESC LIMIT %(limit)s"""


@dataclass(frozen=True, slots=True)
class Absence:
    """Days from `first` to `last`, both away; `login` wrote down what was told."""

    id: int
    point: str
    first: date
    last: date
    note: str
    login: str
    at: datetime
    withdrawn_at: datetime | None


def add(
    conn: Connection[TupleRow], point: str, first: date, last: date, *, note: str, login: str, at: datetime
) -> int:
    """Write down what was told; its number. Raises Unknown for a point nobody knows."""
    try:
        with conn.transaction():
            row = conn.execute(_ADD, [point, first, last, note, login, require_aware(at)]).fetchone()
    except psycopg.errors.ForeignKeyViolation as error:
        raise Unknown("point", point) from error
    assert row is not None  # an insert without a condition
    return int(row[0])


def withdraw(conn: Connection[TupleRow], number: int, at: datetime) -> bool:
    """It was none after all; False where there is none of this number that stands."""
    return conn.execute(_WITHDRAW, [require_aware(at), number]).rowcount > 0


def told(conn: Connection[TupleRow], point: str | None = None, limit: int = 200) -> list[Absence]:
    """All, or those of a point, the latest first."""
    return [Absence(*row) for row in conn.execute(_LIST, {"point": point, "limit": limit})]


def of_point(conn: Connection[TupleRow], viewer: Viewer, point: str, limit: int = 20) -> list[Absence]:
    """What was told of a point, the latest first; nothing for customers."""
    return told(conn, point, limit) if viewer.is_staff else []


def of_meters(
    conn: Connection[TupleRow], meter_ids: Collection[int], first: date, last: date
) -> dict[int, list[tuple[date, date]]]:
    """By meter, the spans told of the point it hangs at, that touch the days from `first` to `last`."""
    found: dict[int, list[tuple[date, date]]] = defaultdict(list)
    for meter, begun, ended in conn.execute(_OF, [list(meter_ids), first, last]):
        found[meter].append((begun, ended))
    return dict(found)
