"""Orders to meters: placed, approved by a second person, sent at most once, and what became of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

import psycopg
from psycopg import Connection
from psycopg.rows import TupleRow
from psycopg.types.json import Jsonb

from model.grid import ModemLink
from model.period import require_aware
from storage import people
from storage.errors import AlreadyThere, Unknown


class OrderKind(StrEnum):
    """What a meter can be told."""

    READ = "read"
    CONNECT = "connect"
    DISCONNECT = "disconnect"
    SET_CLOCK = "set_clock"
    SET_LIMIT = "set_limit"
    ROTATE_KEYS = "rotate_keys"


class OrderState(StrEnum):
    """How far an order has come; see migration 0012 for the ways it may go."""

    REQUESTED = "requested"
    APPROVED = "approved"
    SENT = "sent"
    DONE = "done"
    FAILED = "failed"
    UNKNOWN = "unknown"
    REFUSED = "refused"
    CANCELLED = "cancelled"
    EXPIRED = "expired"

    @property
    def open(self) -> bool:
        """Whether something may still come of it."""
        return self in (OrderState.REQUESTED, OrderState.APPROVED, OrderState.SENT, OrderState.UNKNOWN)


CUTS: Final = (OrderKind.DISCONNECT, OrderKind.SET_LIMIT)
"""What counts against so many an hour: both take a customer's supply away, wholly or in part."""


@dataclass(frozen=True, slots=True)
class Order:
    """One order. `result` is what came of it, or why it still waits; empty texts where there is nothing."""

    id: int
    serial: str
    meter_id: int
    model: str
    modem: str
    kind: OrderKind
    parameters: Mapping[str, Any]
    reason: str
    requested_by: str
    requested_at: datetime
    approved_by: str
    approved_at: datetime | None
    expires_at: datetime
    state: OrderState
    node: str
    epoch: int | None
    sent_at: datetime | None
    finished_at: datetime | None
    result: Mapping[str, Any]
    two_persons: bool


@dataclass(frozen=True, slots=True)
class Stop:
    """Disconnections are stopped since more than `allowed` within an hour were on their way."""

    since: datetime
    order: int
    tripped_by: str
    allowed: int


@dataclass(frozen=True, slots=True)
class Reached:
    """How a meter is reached: its model, the modem's code and how that is linked, None without one."""

    model: str
    modem: str
    link: ModemLink | None


SELECT: Final = """
    SELECT o.id, m.serial, m.id, m.model, coalesce(m.modem, ''), o.kind, o.parameters, o.reason,
        o.requested_by, o.requested_at, coalesce(o.approved_by, ''), o.approved_at, o.expires_at, o.state,
        o.node, o.epoch, o.sent_at, o.finished_at, o.result, o.two_persons
    FROM remote_order o JOIN meter m ON m.id = o.meter_id"""
_ONE: Final = SELECT + " WHERE o.id = %s"
_LOCKED: Final = _ONE + " FOR UPDATE OF o"
_LIST: Final = (
    SELECT
    + """
    WHERE (%(states)s::text[] IS NULL OR o.state = ANY (%(states)s))
        AND (%(serial)s::text IS NULL OR m.serial = %(serial)s)
    ORDER BY o.id DESC LIMIT %(limit)s"""
)
_PLACE: Final = """
    INSERT INTO remote_order (meter_id, kind, parameters, reason, requested_by, requested_at, expires_at,
        state)
    SELECT id, %(kind)s, %(parameters)s, %(reason)s, %(by)s, %(at)s, %(expires)s, %(state)s
    FROM meter WHERE serial = %(serial)s
    RETURNING id"""
_APPROVE: Final = """
    UPDATE remote_order SET state = 'approved', approved_by = %s, approved_at = %s
    WHERE id = %s AND state = 'requested'"""
_CANCEL: Final = """
    UPDATE remote_order SET state = 'cancelled', finished_at = %s
    WHERE id = %s AND state IN ('requested', 'approved')"""
_EXPIRE: Final = """
    UPDATE remote_order SET state = 'expired', finished_at = %(now)s
    WHERE state IN ('requested', 'approved') AND expires_at <= %(now)s
    RETURNING id"""
_OPEN: Final = """
    SELECT o.id FROM remote_order o JOIN meter m ON m.id = o.meter_id
    WHERE m.serial = %s AND o.kind = %s AND o.state IN ('requested', 'approved', 'sent', 'unknown')"""
_PLACED_SINCE: Final = "SELECT count(*) FROM remote_order WHERE requested_by = %s AND requested_at > %s"
_STOP: Final = "SELECT since, order_id, tripped_by, allowed FROM order_stop WHERE lifted_at IS NULL"
_LIFT: Final = """
    UPDATE order_stop SET lifted_at = %s, lifted_by = %s, reason = %s WHERE lifted_at IS NULL"""
# One at a time, so that two of them do not both find room for the last one.
CUT_LOCK: Final = "SELECT pg_advisory_xact_lock(4059, 12)"
# Counted anew since the last stop was lifted. Approvals are counted when they are given, and what is sent
# when it goes out: orders that waited for their modems must not all go within one hour either.
_CUTS_APPROVED: Final = """
    SELECT count(*) FROM remote_order
    WHERE kind IN ('disconnect', 'set_limit') AND state NOT IN ('cancelled', 'expired')
        AND approved_at > greatest(%(since)s::timestamptz, (SELECT max(lifted_at) FROM order_stop))"""
CUTS_SENT: Final = """
    SELECT count(*) FROM remote_order
    WHERE kind IN ('disconnect', 'set_limit')
        AND sent_at > greatest(%(since)s::timestamptz, (SELECT max(lifted_at) FROM order_stop))"""
TRIP: Final = """
    INSERT INTO order_stop (since, order_id, tripped_by, allowed) VALUES (%s, %s, %s, %s)
    ON CONFLICT DO NOTHING"""
_REACHED: Final = """
    SELECT m.model, coalesce(m.modem, ''), d.link FROM meter m LEFT JOIN modem d ON d.code = m.modem
    WHERE m.serial = %s"""


def order_of(row: tuple[Any, ...]) -> Order:
    """A row of `SELECT`."""
    found = list(row)
    found[5], found[13] = OrderKind(found[5]), OrderState(found[13])
    return Order(*found)


def place(
    conn: Connection[TupleRow],
    serial: str,
    kind: OrderKind,
    parameters: Mapping[str, Any],
    *,
    reason: str,
    by: str,
    now: datetime,
    expires_at: datetime,
    two_persons: bool,
) -> int:
    """Put it on the list; one that needs no second person is approved by itself. Its number.

    Raises Unknown (the meter) and AlreadyThere when one of the kind is open for the meter.
    """
    asked = {
        "kind": kind.value,
        "parameters": Jsonb(dict(parameters)),
        "reason": reason,
        "by": by,
        "at": require_aware(now),
        "expires": require_aware(expires_at),
        "state": (OrderState.REQUESTED if two_persons else OrderState.APPROVED).value,
        "serial": serial,
    }
    try:
        with conn.transaction():
            row = conn.execute(_PLACE, asked).fetchone()
    except psycopg.errors.UniqueViolation as error:
        raise AlreadyThere("order", f"{kind.value} of meter {serial}") from error
    if row is None:
        raise Unknown("meter", serial)
    detail = {"kind": kind.value, "meter": serial, "reason": reason, **parameters}
    enter(conn, now, by, "order.place", row[0], detail)
    return int(row[0])


def approve(conn: Connection[TupleRow], number: int, by: str, now: datetime) -> bool:
    """A second person agrees; False when it is no longer waiting for that.

    psycopg.errors.CheckViolation when `by` is the one who placed it: the database holds that too.
    """
    if not conn.execute(_APPROVE, [by, require_aware(now), number]).rowcount:
        return False
    enter(conn, now, by, "order.approve", number)
    return True


def cancel(conn: Connection[TupleRow], number: int, by: str, now: datetime, reason: str = "") -> bool:
    """Take it back; False when it has been sent or is finished."""
    if not conn.execute(_CANCEL, [require_aware(now), number]).rowcount:
        return False
    enter(conn, now, by, "order.cancel", number, {"reason": reason})
    return True


def expire(conn: Connection[TupleRow], now: datetime) -> list[int]:
    """End what was not sent in its time."""
    gone = [int(number) for (number,) in conn.execute(_EXPIRE, {"now": require_aware(now)})]
    for number in gone:
        enter(conn, now, "ami", "order.expire", number)
    return gone


def find(conn: Connection[TupleRow], number: int, *, lock: bool = False) -> Order:
    """One order; with `lock` nobody changes it meanwhile. Raises Unknown."""
    row = conn.execute(_LOCKED if lock else _ONE, [number]).fetchone()
    if row is None:
        raise Unknown("order", str(number))
    return order_of(row)


def listed(
    conn: Connection[TupleRow],
    *,
    states: tuple[OrderState, ...] | None = None,
    serial: str | None = None,
    limit: int = 100,
) -> list[Order]:
    """The latest first."""
    wanted = None if states is None else [state.value for state in states]
    asked = {"states": wanted, "serial": serial, "limit": limit}
    return [order_of(row) for row in conn.execute(_LIST, asked)]


def open_of(conn: Connection[TupleRow], serial: str, kind: OrderKind) -> int | None:
    """The order of this kind that is still open for the meter."""
    row = conn.execute(_OPEN, [serial, kind.value]).fetchone()
    return None if row is None else int(row[0])


def placed_since(conn: Connection[TupleRow], login: str, since: datetime) -> int:
    """How many orders somebody has placed lately."""
    row = conn.execute(_PLACED_SINCE, [login, require_aware(since)]).fetchone()
    return int(row[0]) if row else 0


def stop(conn: Connection[TupleRow]) -> Stop | None:
    """The stop that stands."""
    row = conn.execute(_STOP).fetchone()
    return None if row is None else Stop(*row)


def cuts_approved(conn: Connection[TupleRow], since: datetime) -> int:
    """How many were approved after `since`; only one asks at a time, until its transaction ends."""
    conn.execute(CUT_LOCK)
    row = conn.execute(_CUTS_APPROVED, {"since": require_aware(since)}).fetchone()
    return int(row[0]) if row else 0


def trip(conn: Connection[TupleRow], now: datetime, number: int, by: str, allowed: int) -> None:
    """From now on no disconnection is approved or sent."""
    conn.execute(TRIP, [require_aware(now), number, by, allowed])
    enter(conn, now, by, "order.stop", number, {"allowed": allowed})


def lift(conn: Connection[TupleRow], by: str, now: datetime, reason: str) -> bool:
    """Let disconnections go on; False when none stands. A CheckViolation when `by` tripped it."""
    if not conn.execute(_LIFT, [require_aware(now), by, reason]).rowcount:
        return False
    people.audit(conn, now, by, "order.lift", "", {"reason": reason})
    return True


def reached(conn: Connection[TupleRow], serial: str) -> Reached:
    """How a meter is reached. Raises Unknown."""
    row = conn.execute(_REACHED, [serial]).fetchone()
    if row is None:
        raise Unknown("meter", serial)
    model, modem, link = row
    return Reached(model, modem, None if link is None else ModemLink(link))


def enter(
    conn: Connection[TupleRow],
    now: datetime,
    login: str,
    action: str,
    number: int,
    detail: Mapping[str, Any] | None = None,
) -> None:
    """Write a step down in the book of deeds."""
    people.audit(conn, now, login, action, f"order {number}", detail)
