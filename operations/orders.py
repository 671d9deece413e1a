"""Orders to meters: who may place and approve them, how many an hour, and when they lapse.

What takes a customer's supply away (a disconnection, a limit) and a clock moved across half-hours need two
persons; the second proves who they are by their password. That a disconnection cannot go without them is held
by the database too (migration 0012). The head-end carries out what is approved (`collector.nodes.orders`).
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from procrastinate.exceptions import AlreadyEnqueued
from psycopg import Connection
from psycopg.rows import TupleRow

from collector.nodes.shards import ORDERS_TASK, node_queue
from model.grid import ModemLink
from model.period import LOCAL
from model.viewer import UserRole, Viewer
from operations import accounts
from operations.errors import OrderRefused
from operations.order_abilities import inability
from storage import leases, meter_keys, orders, people
from storage.errors import AlreadyThere
from storage.orders import CUTS, Order, OrderKind, OrderState
from storage.pool import Pool
from storage.queue import queue_app

HOUR: Final = timedelta(hours=1)
MINUTE: Final = timedelta(minutes=1)
LIFETIME: Final = {OrderKind.READ: timedelta(minutes=10)}
A_DAY: Final = timedelta(days=1)
LONGEST: Final = timedelta(days=7)
_STAFF: Final = (UserRole.ENGINEER, UserRole.BILLING)
PLACES: Final = {
    OrderKind.READ: _STAFF,
    OrderKind.CONNECT: _STAFF,
    OrderKind.DISCONNECT: _STAFF,
    OrderKind.SET_LIMIT: _STAFF,
    OrderKind.SET_CLOCK: (UserRole.ENGINEER,),
    OrderKind.ROTATE_KEYS: (UserRole.ENGINEER,),
}
"""Who may place an order of a kind, and approve one where a second person is needed."""
TITLES: Final = {
    OrderKind.READ: "reading",
    OrderKind.CONNECT: "reconnection",
    OrderKind.DISCONNECT: "disconnection",
    OrderKind.SET_LIMIT: "limit",
    OrderKind.SET_CLOCK: "setting of the clock",
    OrderKind.ROTATE_KEYS: "change of keys",
}


@dataclass(frozen=True, slots=True)
class Rules:
    """At most so many disconnections and limits an hour by all, and orders a minute by one person."""

    cuts_an_hour: int = 20
    orders_a_minute: int = 120


def needs_two(kind: OrderKind, parameters: Mapping[str, Any]) -> bool:
    """Whether a second person has to approve it."""
    return kind in CUTS or (kind is OrderKind.SET_CLOCK and "jump" in parameters)


def proved(pool: Pool, login: str, password: str, address: str, now: datetime) -> Viewer:
    """Who acts, by their password; `OrderRefused` in one sentence otherwise."""
    known = accounts.prove(pool, login, password, address, now)
    if isinstance(known, people.User):
        return known.viewer
    if known.kind == "throttled":
        raise OrderRefused(
            f"too many failed tries for {login}: wait {known.retry_after_s // 60} minutes, then try again"
        )
    raise OrderRefused(f"login and password of {login} do not fit: correct them")


def named(pool: Pool, login: str) -> Viewer:
    """Who acts, taken at their word: for looking only."""
    with pool.connection() as conn:
        known = people.user(conn, accounts.as_kept(login))
    if known is None or known.disabled:
        raise OrderRefused(f"nobody may sign in as {login}: see `ami user list`")
    return known.viewer


def place(
    pool: Pool,
    viewer: Viewer,
    serial: str,
    kind: OrderKind,
    parameters: Mapping[str, Any],
    *,
    reason: str = "",
    now: datetime,
    rules: Rules,
    within: timedelta | None = None,
) -> Order:
    """Put an order on the list; what needs no second person is approved by that.

    Raises `OrderRefused` for who may not, for a meter that cannot, for too many; `Unknown` for a meter nobody
    knows.
    """
    _may(pool, viewer, kind, f"placing a {TITLES[kind]}", now)
    two = needs_two(kind, parameters)
    if two and not reason.strip():
        raise OrderRefused(f"a {TITLES[kind]} needs a reason: say why (--reason)")
    lifetime = LIFETIME.get(kind, A_DAY) if within is None else within
    if not timedelta(0) < lifetime <= LONGEST:
        raise OrderRefused(f"an order holds for a week at the most, not {lifetime}")
    with pool.connection() as conn:
        _can(conn, serial, kind, parameters)
        if orders.placed_since(conn, viewer.login, now - MINUTE) >= rules.orders_a_minute:
            raise OrderRefused(
                f"there are {rules.orders_a_minute} orders of {viewer.login} within a minute: wait a little"
            )
        orders.expire(conn, now)
        try:
            number = orders.place(
                conn, serial, kind, parameters, reason=reason.strip(), by=viewer.login, now=now,
                expires_at=now + lifetime, two_persons=two,
            )  # fmt: skip
        except AlreadyThere:
            other = orders.open_of(conn, serial, kind)
            raise OrderRefused(
                f"order {other} of meter {serial} is the same and not finished: "
                f"wait for it, or take it back (ami order cancel {other})"
            ) from None
        return orders.find(conn, number)


def _can(conn: Connection[TupleRow], serial: str, kind: OrderKind, parameters: Mapping[str, Any]) -> None:
    meter = orders.reached(conn, serial)
    if not meter.modem or meter.link is None:
        raise OrderRefused(f"meter {serial} hangs behind no modem: it cannot be told anything from afar")
    if meter.link is ModemLink.MQTT:
        raise OrderRefused(
            f"meter {serial} is behind gateway {meter.modem}, which sends by itself and cannot be asked"
        )
    cannot = inability(meter.model, kind, parameters)
    if cannot:
        raise OrderRefused(f"meter {serial} ({meter.model}) {cannot}")
    if kind is OrderKind.ROTATE_KEYS and not all(one.rotatable for one in meter_keys.status(conn, [serial])):
        raise OrderRefused(
            f"the keys of meter {serial} are not all known, with the master key under which new ones travel: "
            f"give them first (AMI_METER_KEYS=FILE ami meter change {serial})"
        )


def approve(pool: Pool, viewer: Viewer, number: int, *, now: datetime, rules: Rules) -> Order:
    """A second person, who has proved who they are (see `proved`), agrees.

    Raises `OrderRefused` for the one who placed it, for a role that may not, for what waits for nobody any
    more, and while disconnections are stopped; the one too many trips the stop.
    """
    with pool.connection() as conn:
        orders.expire(conn, now)
        order = orders.find(conn, number)
    _may(pool, viewer, order.kind, f"approving a {TITLES[order.kind]}", now)
    tripped = False
    with pool.connection() as conn:
        order = orders.find(conn, number, lock=True)
        if order.state is not OrderState.REQUESTED:
            raise OrderRefused(f"order {number} is {order.state}: it waits for no approval")
        if order.requested_by == viewer.login:
            raise OrderRefused(
                f"order {number} was placed by {viewer.login}: a second person has to approve it"
            )
        if order.kind in CUTS:
            _not_stopped(conn)
            if orders.cuts_approved(conn, now - HOUR) >= rules.cuts_an_hour:
                orders.trip(conn, now, number, viewer.login, rules.cuts_an_hour)
                tripped = True
        if not tripped:
            orders.approve(conn, number, viewer.login, now)
    if tripped:
        with pool.connection() as conn:
            _not_stopped(conn)
    with pool.connection() as conn:
        return orders.find(conn, number)


def _not_stopped(conn: Connection[TupleRow]) -> None:
    stop = orders.stop(conn)
    if stop is not None:
        raise OrderRefused(
            f"disconnections are stopped since {stop.since.astimezone(LOCAL):%d/%m %H:%M}: order "
            f"{stop.order} was one more than {stop.allowed} within an hour; somebody other than "
            f"{stop.tripped_by} has to lift that (ami order lift)"
        )


def lift(pool: Pool, viewer: Viewer, *, reason: str, now: datetime) -> None:
    """Let disconnections go on: by somebody other than who approved the one too many."""
    _may(pool, viewer, OrderKind.DISCONNECT, "lifting the stop of disconnections", now)
    if not reason.strip():
        raise OrderRefused("lifting the stop needs a reason: say why (--reason)")
    with pool.connection() as conn:
        stop = orders.stop(conn)
        if stop is None:
            raise OrderRefused("disconnections are not stopped: there is nothing to lift")
        if stop.tripped_by == viewer.login:
            raise OrderRefused(
                f"the disconnection that was one too many was approved by {viewer.login}: "
                "somebody else has to lift the stop"
            )
        orders.lift(conn, viewer.login, now, reason.strip())


def cancel(pool: Pool, viewer: Viewer, number: int, *, now: datetime, reason: str = "") -> Order:
    """Take an order back that was not sent yet; any of the staff may."""
    with pool.connection() as conn:
        order = orders.find(conn, number)
    _may(pool, viewer, order.kind, f"taking back a {TITLES[order.kind]}", now)
    with pool.connection() as conn:
        if not orders.cancel(conn, number, viewer.login, now, reason):
            order = orders.find(conn, number)
            raise OrderRefused(f"order {number} is {order.state}: it cannot be taken back any more")
        return orders.find(conn, number)


def expire(pool: Pool, now: datetime) -> list[int]:
    """End what was neither approved nor sent in its time."""
    with pool.connection() as conn:
        return orders.expire(conn, now)


def _may(pool: Pool, viewer: Viewer, kind: OrderKind, what: str, now: datetime) -> None:
    """Refuse, and write down, whose role does not allow it."""
    if viewer.role in PLACES[kind]:
        return
    accounts.note_refusal(pool, viewer, f"order: {what}", now)
    roles = " or ".join(role.value for role in PLACES[kind])
    raise OrderRefused(f"{what} is for the role {roles}, not for {viewer.login}")


def holder(pool: Pool, order: Order) -> str | None:
    """The head-end that holds the meter's line, None where nobody does now."""
    with pool.connection() as conn:
        return leases.node_of(conn, order.modem)


def wake(pool: Pool, dsn: str, order: Order) -> str | None:
    """Tell the head-end that holds the meter's line; its name, or None where nobody holds it now.

    Whoever takes the line later finds the order by himself.
    """
    node = holder(pool, order)
    if node is None:
        return None
    app = queue_app(dsn, size=1)
    with app.open(), contextlib.suppress(AlreadyEnqueued):
        # One that waits already will be told of this modem by looking.
        name = f"{ORDERS_TASK} {order.modem}"
        waking = app.configure_task(ORDERS_TASK, queue=node_queue(node), queueing_lock=name)
        waking.defer(modems=[order.modem])
    return node
