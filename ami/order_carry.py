"""`ami order carry-out`: what was ordered is done now, by this process."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import rich_click as click

from ami import clocks, home, logs
from ami.collect import head_end_settings
from ami.console import counted, emit, say
from ami.failure import Failure
from ami.options import JSON
from ami.order_acting import document
from ami.settings import load
from collector.nodes.order_round import carry_out as carry
from operations import orders as rules
from storage import leases, orders
from storage.orders import OrderState
from storage.pool import open_pool


@click.command("carry-out")
@click.option(
    "--listen-port", type=click.IntRange(1, 65535), help="Where modems dial in; default: [collector]."
)
@JSON
def carry_out(listen_port: int | None, as_json: bool) -> None:
    """Carry out what waits, once, where no head-end stays: `ami collect` does it by itself."""
    logs.to_stderr()
    settings = load()
    home.require(settings)
    with (
        home.only_one(settings, "collect", f"collect-{settings.node_name}"),
        home.database(settings) as dsn,
        open_pool(dsn) as pool,
    ):
        rules.expire(pool, clocks.wall())
        with pool.connection() as conn:
            live = leases.at_work(conn)
            waiting = [
                order for order in orders.listed(conn, limit=100_000)
                if order.state in (OrderState.APPROVED, OrderState.SENT, OrderState.UNKNOWN)
            ]  # fmt: skip
        if live:
            raise Failure(
                f"Head-end {', '.join(live)} is at work and carries orders out by itself: `ami order list`."
            )
        if waiting:
            head_end = head_end_settings(
                settings, dsn, listen_port, tuple(sorted({order.serial for order in waiting}))
            )
            asyncio.run(carry(replace(head_end, broker=None), clock=clocks.wall))
        with pool.connection() as conn:
            after = [orders.find(conn, order.id) for order in waiting]
    if as_json:
        emit({"orders": [document(order) for order in after]})
        return
    for order in after:
        say(f"Order {order.id}, meter {order.serial}: {order.state.value}. {order.result.get('said', '')}")
    say(f"{counted(len(after), 'order')} looked at.")
