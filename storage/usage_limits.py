"""Limits that customers set for their own use; the last word counts, the words before it stay."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from psycopg import Connection
from psycopg.rows import TupleRow

from model.period import local_day, require_aware
from model.viewer import Viewer
from model.warning import LimitSpan, LimitUnit, UsageLimit
from storage.errors import StorageError
from storage.viewing import scope

# Of whom the point supplies now: what somebody set who has moved out holds no longer.
_CURRENT: Final = """
    SELECT DISTINCT ON (l.point, l.span) l.point, l.id, l.span, l.unit, l.value, l.set_at
    FROM usage_limit l JOIN point p ON p.code = l.point AND p.customer = l.customer
    WHERE l.point = ANY (%(points)s) AND (%(scope)s::text IS NULL OR l.customer = %(scope)s)
    ORDER BY l.point, l.span, l.id DESC"""
_OWNER: Final = """
    SELECT customer FROM point
    WHERE code = %(point)s AND customer IS NOT NULL AND (%(scope)s::text IS NULL OR customer = %(scope)s)"""
_SET: Final = """
    INSERT INTO usage_limit (point, customer, span, unit, value, set_by, set_at)
    VALUES (%s, %s, %s, %s, %s, %s, %s)"""
_DUE: Final = """
    INSERT INTO warning_due (meter_id, since, after)
    SELECT meter_id, %(at)s, %(at)s FROM installation WHERE point = %(point)s AND until IS NULL
    ORDER BY meter_id
    ON CONFLICT (meter_id) DO UPDATE SET since = excluded.since, after = excluded.after"""
_HISTORY: Final = """
    SELECT l.span, l.unit, l.value, l.set_by, l.set_at
    FROM usage_limit l JOIN point p ON p.code = l.point AND p.customer = l.customer
    WHERE l.point = %(point)s AND (%(scope)s::text IS NULL OR l.customer = %(scope)s)
    ORDER BY l.id DESC LIMIT 50"""


@dataclass(frozen=True, slots=True)
class LimitEntry:
    """What somebody set once; `value` None: no limit any more."""

    span: LimitSpan
    unit: LimitUnit
    value: int | None
    set_by: str
    set_at: datetime


def current(
    conn: Connection[TupleRow], viewer: Viewer, points: Collection[str]
) -> dict[str, tuple[UsageLimit, ...]]:
    """The limits that hold at these points, of their present customers; within what the viewer may see."""
    found: dict[str, tuple[UsageLimit, ...]] = {}
    for point, number, span, unit, value, set_at in conn.execute(
        _CURRENT, {"points": list(points), "scope": scope(viewer)}
    ):
        if value is not None:
            one = UsageLimit(number, LimitSpan(span), LimitUnit(unit), value, local_day(set_at))
            found[point] = (*found.get(point, ()), one)
    return found


def set_limit(
    conn: Connection[TupleRow],
    viewer: Viewer,
    point: str,
    span: LimitSpan,
    wanted: tuple[LimitUnit, int] | None,
    now: datetime,
) -> bool:
    """Set a limit (Wh or đồng), or none; False where the point is not theirs or has no customer. What stands
    already is not written again. The point's meter is looked at once more."""
    owner = conn.execute(_OWNER, {"point": point, "scope": scope(viewer)}).fetchone()
    if owner is None:
        return False
    standing = {one.span: (one.unit, one.value) for one in current(conn, viewer, [point]).get(point, ())}
    if standing.get(span) == wanted:
        return True
    unit, value = wanted if wanted is not None else (LimitUnit.KWH, None)
    if value is not None and value <= 0:
        raise StorageError(f"A limit lies above nothing, not at {value}.")
    conn.execute(_SET, [point, owner[0], span.value, unit.value, value, viewer.login, require_aware(now)])
    conn.execute(_DUE, {"point": point, "at": now})
    return True


def history(conn: Connection[TupleRow], viewer: Viewer, point: str) -> list[LimitEntry]:
    """What the present customer of a point set, the latest first."""
    rows: list[tuple[Any, ...]] = conn.execute(_HISTORY, {"point": point, "scope": scope(viewer)}).fetchall()
    return [LimitEntry(LimitSpan(span), LimitUnit(unit), *rest) for span, unit, *rest in rows]
