"""Who may order what of a meter, how many an hour, for how long; and what the database holds against all."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from psycopg import AsyncConnection

from model.viewer import UserRole, Viewer
from operations import accounts, orders
from operations.errors import OrderRefused
from operations.orders import Rules
from storage import grid, order_claims, people
from storage import orders as stored
from storage.errors import Unknown
from storage.order_claims import Holder
from storage.orders import Order, OrderKind, OrderState
from storage.pool import Pool, connect, open_pool
from tests import operations_grid

NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
LAN, HOA = Viewer("lan", UserRole.BILLING), Viewer("hoa", UserRole.BILLING)
MINH, KHACH = Viewer("minh", UserRole.ENGINEER), Viewer("khach", UserRole.CUSTOMER, "KH-HOUSE")
PASSWORD = "a-long-word-of-theirs"
RULES = Rules(cuts_an_hour=2, orders_a_minute=10)
ONCE = Holder("", 0)
OFF = OrderKind.DISCONNECT


@pytest.fixture
def pool(database: str) -> Iterator[Pool]:
    with connect(database) as conn:
        grid.save_register(conn, operations_grid.grid(), bytes)
    with open_pool(database) as found:
        for who in (LAN, HOA, MINH, KHACH):
            accounts.add_user(found, who.login, who.role, PASSWORD, customer=who.customer, now=NOW)
        yield found


def place(
    pool: Pool, kind: OrderKind = OFF, serial: str = "H1", viewer: Viewer = LAN, now: datetime = NOW,
    reason: str = "unpaid", **parameters: Any,
) -> Order:  # fmt: skip
    return orders.place(pool, viewer, serial, kind, parameters, reason=reason, now=now, rules=RULES)


def approve(pool: Pool, order: Order, viewer: Viewer = MINH, now: datetime = NOW) -> Order:
    return orders.approve(pool, viewer, order.id, now=now, rules=RULES)


def state(pool: Pool, order: Order) -> OrderState:
    with pool.connection() as conn:
        return stored.find(conn, order.id).state


async def sent(dsn: str, order: Order, now: datetime = NOW, holder: Holder = ONCE) -> bool:
    """Whether the order could be claimed."""
    async with await AsyncConnection.connect(dsn) as conn:
        return await order_claims.claim(conn, order, holder, now, RULES.cuts_an_hour)


def test_two_persons_and_the_second_by_password(pool: Pool) -> None:
    order = place(pool)
    assert (order.state, order.two_persons) == (OrderState.REQUESTED, True)
    with pytest.raises(OrderRefused, match=r"order \d+ was placed by lan: a second person has to approve it"):
        approve(pool, order, LAN)
    for _ in range(accounts.LOGIN_FAILURES):
        with pytest.raises(OrderRefused, match="login and password of minh do not fit"):
            orders.proved(pool, "minh", "guess", "here", NOW)
    with pytest.raises(OrderRefused, match="too many failed tries for minh: wait 15 minutes"):
        orders.proved(pool, "minh", PASSWORD, "here", NOW)
    assert orders.proved(pool, "hoa", PASSWORD, "here", NOW) == HOA
    assert approve(pool, order, HOA).approved_by == "hoa"
    with pytest.raises(OrderRefused, match="is approved: it waits for no approval"):
        approve(pool, order)
    with pool.connection() as conn:
        deeds = [(one.login, one.action) for one in people.audited(conn) if one.object == f"order {order.id}"]
    assert deeds == [("hoa", "order.approve"), ("lan", "order.place")]


CANNOT: list[tuple[OrderKind, str, dict[str, Any], str]] = [
    (OFF, "MB", {}, r"meter MB \(dk-mb\) has no switch that works from afar"),
    (OrderKind.CONNECT, "R5", {}, "has no switch that works from afar"),
    (OrderKind.SET_LIMIT, "CT", {"limit_w": 500}, "has no limiter"),
    (OrderKind.SET_LIMIT, "H1", {"limit_w": -1}, "takes a limit of 0 to 1000000 whole watts, not -1"),
    (OrderKind.SET_CLOCK, "MB", {}, "has no clock that can be set from afar"),
    (OrderKind.READ, "H1", {"items": ["secrets"]}, "is not read for “secrets”"),
    (OrderKind.READ, "MB", {"items": ["profile"]}, "keeps no load profile"),
    (OrderKind.READ, "CT", {"items": ["switch"]}, "has no switch that could be looked at"),
]


def test_what_a_meter_cannot_is_said_at_once(pool: Pool) -> None:
    for kind, serial, parameters, said in CANNOT:
        with pytest.raises(OrderRefused, match=said):
            place(pool, kind, serial, MINH, **parameters)
    with pool.connection() as conn:
        assert stored.listed(conn) == []


def test_a_customer_can_do_nothing_of_it(pool: Pool) -> None:
    order = place(pool)
    for kind in OrderKind:
        with pytest.raises(OrderRefused, match="not for khach"):
            place(pool, kind, viewer=KHACH, limit_w=0, items=[])
    with pytest.raises(OrderRefused, match="not for khach"):
        approve(pool, order, KHACH)
    with pytest.raises(OrderRefused, match="not for khach"):
        orders.cancel(pool, KHACH, order.id, now=NOW)
    with pytest.raises(OrderRefused, match="not for khach"):
        orders.lift(pool, KHACH, reason="please", now=NOW)
    with pool.connection() as conn:
        assert len(people.audited(conn, login="khach", action="refused")) == len(OrderKind) + 3
    with pytest.raises(OrderRefused, match="setting of the clock is for the role engineer, not for lan"):
        place(pool, OrderKind.SET_CLOCK)
    accounts.disable_user(pool, "hoa", now=NOW)
    with pytest.raises(OrderRefused, match="nobody may sign in as hoa"):
        orders.named(pool, "hoa")
    with pytest.raises(Unknown):
        place(pool, serial="NONE")


def test_one_of_a_kind_is_open_for_a_meter(pool: Pool) -> None:
    order = place(pool)
    with pytest.raises(OrderRefused, match=rf"order {order.id} of meter H1 is the same and not finished"):
        place(pool, viewer=HOA)
    place(pool, OrderKind.CONNECT)
    place(pool, OrderKind.READ)
    place(pool, OrderKind.READ)
    assert orders.cancel(pool, HOA, order.id, now=NOW, reason="paid").state is OrderState.CANCELLED
    with pytest.raises(OrderRefused, match="is cancelled: it cannot be taken back any more"):
        orders.cancel(pool, HOA, order.id, now=NOW)
    place(pool)


async def test_one_too_many_stops_all_until_somebody_else_lifts_it(pool: Pool, database: str) -> None:
    first, second, third = (place(pool, serial=serial) for serial in ("H1", "OLD", "NEW"))
    approve(pool, first)
    approve(pool, second)
    assert await sent(database, first)
    with pytest.raises(OrderRefused, match=r"stopped since 20/11 16:00: order .* more than 2 within an hour"):
        approve(pool, third)
    limit = place(pool, OrderKind.SET_LIMIT, limit_w=0)
    with pytest.raises(OrderRefused, match="somebody other than minh has to lift that"):
        approve(pool, limit, HOA)
    assert not await sent(database, second), "what was approved before waits behind the stop too"
    with pytest.raises(OrderRefused, match="was approved by minh: somebody else has to lift the stop"):
        orders.lift(pool, MINH, reason="it is right so", now=NOW)
    with pytest.raises(psycopg.errors.CheckViolation), pool.connection() as conn:
        stored.lift(conn, "minh", NOW, "held by the database too")
    orders.lift(pool, HOA, reason="checked one by one", now=NOW)
    assert await sent(database, second, NOW + timedelta(seconds=1))
    approve(pool, third, now=NOW + timedelta(seconds=1))
    with pytest.raises(OrderRefused, match="there is nothing to lift"):
        orders.lift(pool, HOA, reason="again", now=NOW)


async def test_what_waited_for_its_modem_does_not_all_go_out_at_once(pool: Pool, database: str) -> None:
    """Approved two an hour, and all their modems come back in the same minute."""
    waiting = [
        approve(pool, place(pool, serial=serial, now=NOW + hour), now=NOW + hour)
        for serial, hours in (("H1", 0), ("OLD", 0), ("NEW", 2))
        for hour in [timedelta(hours=hours)]
    ]
    later = NOW + timedelta(hours=3)
    assert [await sent(database, order, later) for order in waiting] == [True, True, False]
    with pool.connection() as conn:
        stop = stored.stop(conn)
    assert stop is not None
    assert (stop.order, stop.tripped_by) == (waiting[2].id, "minh")


async def test_orders_lapse(pool: Pool, database: str) -> None:
    asked, given = place(pool), approve(pool, place(pool, serial="OLD"))
    day = NOW + timedelta(days=1)
    assert not await sent(database, given, day), "by the clock of who would send it"
    with pytest.raises(OrderRefused, match="is expired"):
        approve(pool, asked, now=day)
    assert state(pool, given) is OrderState.EXPIRED
    with pytest.raises(OrderRefused, match="a week at the most"):
        orders.place(pool, LAN, "H1", OrderKind.CONNECT, {}, now=NOW, rules=RULES, within=timedelta(days=8))


async def test_an_order_is_claimed_once_and_finished_once(pool: Pool, database: str) -> None:
    order = approve(pool, place(pool))
    assert [await sent(database, order) for _ in range(2)] == [True, False]
    async with await AsyncConnection.connect(database) as conn:
        finish = [
            await order_claims.finish(conn, order, outcome, {}, ONCE, NOW)
            for outcome in (OrderState.UNKNOWN, OrderState.DONE, OrderState.FAILED)
        ]
    assert finish == [True, True, False]
    with pytest.raises(OrderRefused, match="is done: it cannot be taken back"):
        orders.cancel(pool, HOA, order.id, now=NOW)


async def test_only_who_holds_the_line_may_send(pool: Pool, database: str) -> None:
    order = approve(pool, place(pool))
    with connect(database) as conn:
        conn.execute(
            "INSERT INTO node (name, started_at, seen_at, spool) "
            "SELECT unnest(ARRAY['north', 'south']), now(), now(), gen_random_uuid()"
        )
        conn.execute("INSERT INTO shard_lease SELECT shard, 7, 'south', now() FROM modem")
    assert not await sent(database, order, holder=Holder("north", 5))
    assert not await sent(database, order, holder=Holder("south", 6)), "its lease has moved since"
    assert await sent(database, order, holder=Holder("south", 7))


def test_so_many_orders_a_minute(pool: Pool) -> None:
    for _ in range(RULES.orders_a_minute):
        place(pool, OrderKind.READ)
    with pytest.raises(OrderRefused, match="there are 10 orders of lan within a minute"):
        place(pool, OrderKind.READ)
    place(pool, OrderKind.READ, viewer=HOA)
    place(pool, OrderKind.READ, now=NOW + timedelta(seconds=61))


INSERT = """
    INSERT INTO remote_order (meter_id, kind, reason, requested_by, requested_at, expires_at, state,
        approved_by, approved_at, parameters)
    SELECT id, %(kind)s, 'x', 'lan', now(), now() + interval '1 h', %(state)s, %(by)s::text,
        CASE WHEN %(by)s::text IS NOT NULL THEN now() END, %(parameters)s FROM meter WHERE serial = 'H1'"""
SKIPPING = [
    ("disconnect", "approved", None, "{}"),
    ("disconnect", "approved", "minh", "{}"),
    ("set_limit", "approved", None, '{"limit_w": 0}'),
    ("set_clock", "approved", None, '{"jump": true}'),
    ("disconnect", "sent", None, "{}"),
    ("read", "done", None, "{}"),
    ("read", "requested", None, "{}"),
    ("explode", "requested", None, "{}"),
]
ASTRAY = [
    "state = 'approved', approved_by = 'lan', approved_at = now()",
    "state = 'approved'",
    "state = 'sent', sent_at = now(), claimed_at = now(), epoch = 0",
    "state = 'done', finished_at = now()",
    "meter_id = (SELECT id FROM meter WHERE serial = 'OLD')",
    "kind = 'connect'",
    "requested_by = 'hoa'",
    "expires_at = expires_at + interval '1 day'",
    "parameters = '{\"limit_w\": 5}'",
]


def test_the_database_takes_no_order_that_skips_a_step(pool: Pool) -> None:
    for kind, begins, approver, parameters in SKIPPING:
        row = {"kind": kind, "state": begins, "by": approver, "parameters": parameters}
        with pytest.raises(psycopg.errors.CheckViolation), pool.connection() as conn:
            conn.execute(INSERT, row)


def test_the_database_lets_no_order_take_another_way(pool: Pool) -> None:
    order = place(pool)
    for change in ASTRAY:
        with pytest.raises(psycopg.errors.CheckViolation), pool.connection() as conn:
            conn.execute(f"UPDATE remote_order SET {change} WHERE id = {order.id}")
    assert state(pool, order) is OrderState.REQUESTED
