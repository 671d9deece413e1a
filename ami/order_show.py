"""`ami order list` and `ami order show`."""

from __future__ import annotations

import rich_click as click

from ami import clocks, home
from ami.console import emit, say, table, when
from ami.options import JSON
from ami.order_acting import document, show_order, what
from ami.settings import load
from operations import orders as rules
from storage import orders
from storage.orders import OrderState
from storage.pool import open_pool


@click.command("list")
@click.option("--meter", "serial", help="Only orders of this serial.")
@click.option("--open", "only_open", is_flag=True, help="Only those of which something may still come.")
@click.option(
    "--limit", type=click.IntRange(1, 100_000), default=50, show_default=True, help="At most so many."
)
@JSON
def listed(serial: str | None, only_open: bool, limit: int, as_json: bool) -> None:
    """Orders, the latest first, and whether disconnections are stopped."""
    states = tuple(state for state in OrderState if state.open) if only_open else None
    with home.database(load()) as dsn, open_pool(dsn) as pool:
        rules.expire(pool, clocks.wall())
        with pool.connection() as conn:
            found = orders.listed(conn, states=states, serial=serial, limit=limit)
            stop = orders.stop(conn)
    if as_json:
        emit({"orders": [document(order) for order in found], "stop": stop})
        return
    if stop is not None:
        say(
            f"Disconnections are stopped since {when(stop.since)} (order {stop.order}): "
            f"somebody other than {stop.tripped_by} has to lift that, `ami order lift`."
        )
    if not found:
        say("There are no such orders.")
        return
    rows = [
        (
            order.id, order.serial, what(order), order.state.value, order.requested_by, order.approved_by,
            when(order.requested_at), order.result.get("said") or order.result.get("waiting") or order.reason,
        )
        for order in found
    ]  # fmt: skip
    table("", ("Order", "Meter", "What", "State", "Placed by", "Approved by", "Placed", "Result"), rows)


@click.command()
@click.argument("number", type=int)
@JSON
def show(number: int, as_json: bool) -> None:
    """Order NUMBER: what, by whom, how far it has come and what came of it."""
    with home.database(load()) as dsn, open_pool(dsn) as pool:
        rules.expire(pool, clocks.wall())
        with pool.connection() as conn:
            order = orders.find(conn, number)
    if as_json:
        emit(document(order))
    else:
        show_order(order)
