"""Warnings to customers: told once, read once, seen by nobody but their own customer and staff."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

from psycopg import Connection
from psycopg.rows import TupleRow
from psycopg.types.json import Jsonb

from model.period import require_aware
from model.viewer import Viewer
from model.warning import UseWarning, WarningKind
from storage.viewing import scope

# Not again within the days of rest, nor twice for one period; several of one kind at once: the earliest.
_TELL: Final = """
    INSERT INTO use_warning (point, customer, meter_id, kind, period, about, first_day, last_day, evidence,
        told_at)
    SELECT %(point)s, %(customer)s, %(meter)s, %(kind)s, %(period)s, %(about)s, %(first)s, %(last)s,
        %(evidence)s, %(now)s
    WHERE NOT EXISTS (SELECT FROM use_warning w
        WHERE w.point = %(point)s AND w.customer = %(customer)s AND w.kind = %(kind)s
          AND abs(w.last_day - %(last)s::date) < %(rest)s)
    ON CONFLICT (point, customer, kind, period, about) DO NOTHING"""
# A tenant's own alone: of the point's present customer, who is the viewer's.
_LIST: Final = """
    SELECT w.id, w.kind, w.period, w.first_day, w.last_day, w.evidence, w.about, w.point, m.serial,
        w.customer, c.name, w.told_at, w.read_at
    FROM use_warning w JOIN meter m ON m.id = w.meter_id JOIN customer c ON c.code = w.customer
    JOIN point p ON p.code = w.point
    WHERE (%(scope)s::text IS NULL OR (w.customer = %(scope)s AND p.customer = %(scope)s))
      AND (%(point)s::text IS NULL OR w.point = %(point)s)
      AND (%(customer)s::text IS NULL OR w.customer = %(customer)s)
      AND (%(serial)s::text IS NULL OR m.serial = %(serial)s)
      AND (%(kind)s::text IS NULL OR w.kind = %(kind)s)
      AND (NOT %(unread)s OR w.read_at IS NULL)
      AND (%(since)s::date IS NULL OR w.last_day >= %(since)s)
    ORDER BY w.last_day DESC, w.told_at DESC, w.id DESC LIMIT %(limit)s"""
_READ: Final = """
    UPDATE use_warning w SET read_at = coalesce(w.read_at, %(now)s) FROM point p
    WHERE w.id = %(id)s AND p.code = w.point AND w.customer = %(customer)s AND p.customer = %(customer)s"""


@dataclass(frozen=True, slots=True)
class WarningRow:
    """A warning that was told, and to whom; `read_at` None: not marked as read."""

    id: int
    warning: UseWarning
    point: str
    serial: str
    customer: str
    customer_name: str
    told_at: datetime
    read_at: datetime | None


@dataclass(frozen=True, slots=True)
class Told:
    """A warning with the point, customer and meter it is about."""

    point: str
    customer: str
    meter_id: int
    warning: UseWarning


def tell(conn: Connection[TupleRow], warnings: Sequence[Told], now: datetime) -> int:
    """Write warnings down, in order; how many were not told before."""
    new = 0
    for one in warnings:
        said = one.warning
        given = {
            "point": one.point,
            "customer": one.customer,
            "meter": one.meter_id,
            "kind": said.kind.value,
            "period": said.period,
            "about": said.about,
            "first": said.first,
            "last": said.last,
            "evidence": Jsonb(said.evidence),
            "now": require_aware(now),
            "rest": said.rest,
        }
        new += conn.execute(_TELL, given).rowcount
    return new


def told(
    conn: Connection[TupleRow],
    viewer: Viewer,
    *,
    point: str | None = None,
    customer: str | None = None,
    serial: str | None = None,
    kind: WarningKind | None = None,
    unread: bool = False,
    since: date | None = None,
    limit: int = 200,
) -> list[WarningRow]:
    """Warnings, the latest first: a customer's own, all to staff. `since`: about that day or later ones."""
    asked = {
        "scope": scope(viewer),
        "point": point,
        "customer": customer,
        "serial": serial,
        "kind": None if kind is None else kind.value,
        "unread": unread,
        "since": since,
        "limit": limit,
    }
    return [_row(*row) for row in conn.execute(_LIST, asked)]


def _row(
    number: int, kind: str, period: date, first: date, last: date, evidence: dict[str, Any], about: int,
    *whose: Any,
) -> WarningRow:  # fmt: skip
    return WarningRow(number, UseWarning(WarningKind(kind), period, first, last, evidence, about), *whose)


def mark_read(conn: Connection[TupleRow], viewer: Viewer, number: int, now: datetime) -> bool:
    """A customer has read one of theirs; False where it is not theirs or not there. Staff read none for
    them."""
    if viewer.is_staff:
        return False
    asked = {"id": number, "customer": viewer.customer, "now": require_aware(now)}
    return conn.execute(_READ, asked).rowcount > 0
