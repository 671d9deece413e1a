"""A head-end's side of orders: what waits for its lines, the claim before anything is sent, the outcome.

An order is claimed by one UPDATE that only one can win: from then on nobody sends it again. Who claims must
hold the line under the epoch it says (0: a head-end outside the nodes, which runs only when there are none).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from psycopg import AsyncConnection
from psycopg.rows import TupleRow
from psycopg.types.json import Jsonb

from model.period import require_aware
from storage import orders, people
from storage.orders import CUTS, Order, OrderState, order_of

HOUR: Final = timedelta(hours=1)

_WAITING: Final = (
    orders.SELECT
    + """
    WHERE (%(modems)s::text[] IS NULL OR m.modem = ANY (%(modems)s)) AND (
        (o.state = 'approved' AND o.expires_at > %(now)s)
        OR (o.state IN ('sent', 'unknown')
            AND o.claimed_at < clock_timestamp() - make_interval(secs => %(forsaken_s)s)))
    ORDER BY o.kind <> 'read', o.id"""
)
_FOUND: Final = orders.SELECT + " WHERE o.id = %s"
# Dialled in: the session says whose it is; called: the lease of the modem's shard does.
_HELD: Final = """
    SELECT s.epoch, s.node FROM modem_session s WHERE s.modem = %(modem)s AND s.ended IS NULL
        AND s.epoch = %(epoch)s AND s.node = %(node)s FOR SHARE"""
_HELD_BY_SHARD: Final = """
    SELECT l.epoch, l.node FROM shard_lease l JOIN modem d ON d.shard = l.shard
    WHERE d.code = %(modem)s AND l.epoch = %(epoch)s AND l.node = %(node)s FOR SHARE OF l"""
_STOPPED: Final = "SELECT FROM order_stop WHERE lifted_at IS NULL"
_CLAIM: Final = """
    UPDATE remote_order o SET state = 'sent', node = %(node)s, epoch = %(epoch)s, sent_at = %(now)s,
        claimed_at = clock_timestamp()
    FROM meter m
    WHERE o.id = %(id)s AND o.state = 'approved' AND o.expires_at > %(now)s
        AND m.id = o.meter_id AND m.modem = %(modem)s"""
_FINISH: Final = """
    UPDATE remote_order SET state = %(state)s, result = %(result)s,
        finished_at = CASE WHEN %(state)s <> 'unknown' THEN %(now)s::timestamptz END
    WHERE id = %(id)s AND state = ANY (%(from)s)"""
_WAITS: Final = """
    UPDATE remote_order SET result = %s WHERE id = %s AND state IN ('approved', 'unknown')"""


@dataclass(frozen=True, slots=True)
class Holder:
    """Who claims: a node and the epoch under which it holds the modem (0: no nodes are at work)."""

    node: str
    epoch: int

    @property
    def login(self) -> str:
        """As it stands in the book of deeds."""
        return f"node {self.node}" if self.node else "ami"


async def waiting(
    conn: AsyncConnection[TupleRow], modems: Collection[str] | None, now: datetime, forsaken_s: float
) -> list[Order]:
    """What is to be carried out behind these modems, or any: approved, or sent and nobody said how it went.

    Reads first, then by age. What was sent is nobody's any more `forsaken_s` later, by the server's clock.
    """
    asked = {
        "modems": None if modems is None else list(modems),
        "now": require_aware(now),
        "forsaken_s": forsaken_s,
    }
    return [order_of(row) async for row in await conn.execute(_WAITING, asked)]


async def find(conn: AsyncConnection[TupleRow], number: int) -> Order | None:
    """One order as it stands."""
    row = await (await conn.execute(_FOUND, [number])).fetchone()
    return None if row is None else order_of(row)


async def claim(
    conn: AsyncConnection[TupleRow], order: Order, holder: Holder, now: datetime, cuts_an_hour: int
) -> bool:
    """Take the order for sending; False when it may not be sent, or not by us, and nothing may be.

    Commits. A disconnection over the number an hour trips the stop in its place.
    """
    asked = {
        "id": order.id, "modem": order.modem, "node": holder.node, "epoch": holder.epoch,
        "now": require_aware(now),
    }  # fmt: skip
    async with conn.transaction():
        if holder.epoch and not await _holds(conn, asked):
            return False
        if order.kind in CUTS and not await _room(conn, order, now, cuts_an_hour):
            return False
        if not (await conn.execute(_CLAIM, asked)).rowcount:
            return False
        detail = {"epoch": holder.epoch, "kind": order.kind.value, "meter": order.serial}
        await _note(conn, now, holder, "order.send", order, detail)
    return True


async def _holds(conn: AsyncConnection[TupleRow], asked: Mapping[str, Any]) -> bool:
    for query in (_HELD, _HELD_BY_SHARD):
        if await (await conn.execute(query, asked)).fetchone() is not None:
            return True
    return False


async def _room(conn: AsyncConnection[TupleRow], order: Order, now: datetime, cuts_an_hour: int) -> bool:
    await conn.execute(orders.CUT_LOCK)
    if await (await conn.execute(_STOPPED)).fetchone() is not None:
        return False
    row = await (await conn.execute(orders.CUTS_SENT, {"since": now - HOUR})).fetchone()
    if row is None or row[0] < cuts_an_hour:
        return True
    by = order.approved_by
    await conn.execute(orders.TRIP, [now, order.id, by, cuts_an_hour])
    await _audit(conn, now, by, "order.stop", order, {"allowed": cuts_an_hour})
    return False


async def finish(
    conn: AsyncConnection[TupleRow],
    order: Order,
    state: OrderState,
    result: Mapping[str, Any],
    holder: Holder,
    now: datetime,
) -> bool:
    """Say what became of it; False when somebody else has said so already. Commits."""
    before = [OrderState.UNKNOWN.value, OrderState.SENT.value]
    if state is OrderState.REFUSED:
        before = [OrderState.APPROVED.value, OrderState.SENT.value]
    elif state is OrderState.UNKNOWN:
        before = [OrderState.SENT.value]
    asked = {"state": state.value, "result": Jsonb(dict(result)), "now": now, "id": order.id, "from": before}
    async with conn.transaction():
        if not (await conn.execute(_FINISH, asked)).rowcount:
            return False
        await _note(conn, now, holder, f"order.{state.value}", order, result)
    return True


async def waits(conn: AsyncConnection[TupleRow], order: Order, why: str) -> None:
    """Say why it has not been carried out yet. Commits."""
    async with conn.transaction():
        await conn.execute(_WAITS, [Jsonb({**order.result, "waiting": why}), order.id])


async def _note(
    conn: AsyncConnection[TupleRow],
    now: datetime,
    holder: Holder,
    action: str,
    order: Order,
    detail: Mapping[str, Any],
) -> None:
    await _audit(conn, now, holder.login, action, order, detail)


async def _audit(
    conn: AsyncConnection[TupleRow],
    now: datetime,
    login: str,
    action: str,
    order: Order,
    detail: Mapping[str, Any],
) -> None:
    await conn.execute(people.AUDIT, people.audit_row(now, login, action, f"order {order.id}", detail))
