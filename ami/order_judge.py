"""`ami order approve`, `cancel`, `lift`: a second person agrees, somebody takes back, somebody lets go on."""

from __future__ import annotations

import rich_click as click

from ami import clocks, home
from ami.console import emit, say
from ami.options import JSON
from ami.order_acting import acting, document, proved, rules_of, show_order
from ami.order_place import told, wait_option, waited
from ami.settings import load
from operations import orders
from storage.pool import open_pool


@click.command()
@click.argument("number", type=int)
@wait_option
@acting
@JSON
def approve(number: int, wait: float, login: str, password_stdin: bool, as_json: bool) -> None:
    """Approve order NUMBER as a second person; it is then carried out as soon as the meter can be reached.

    One disconnection more than [orders] disconnections_per_hour stops them all: see `ami order lift`.
    """
    settings = load()
    with home.database(settings) as dsn, open_pool(dsn) as pool:
        viewer = proved(pool, login, password_stdin)
        order = orders.approve(pool, viewer, number, now=clocks.wall(), rules=rules_of(settings))
        node = orders.wake(pool, dsn, order)
        if node is not None and wait:
            order = waited(pool, order, wait)
    told(order, node, as_json)


@click.command()
@click.argument("number", type=int)
@click.option("--reason", default="", help="Why; it stands in the book of deeds.")
@acting
@JSON
def cancel(number: int, reason: str, login: str, password_stdin: bool, as_json: bool) -> None:
    """Take back order NUMBER, if it has not been sent."""
    with home.database(load()) as dsn, open_pool(dsn) as pool:
        viewer = proved(pool, login, password_stdin)
        order = orders.cancel(pool, viewer, number, now=clocks.wall(), reason=reason)
    if as_json:
        emit(document(order))
    else:
        show_order(order)


@click.command()
@click.option("--reason", required=True, help="Why disconnections may go on.")
@acting
def lift(reason: str, login: str, password_stdin: bool) -> None:
    """Let disconnections go on after a stop: by somebody other than who approved the one too many."""
    with home.database(load()) as dsn, open_pool(dsn) as pool:
        viewer = proved(pool, login, password_stdin)
        orders.lift(pool, viewer, reason=reason, now=clocks.wall())
    say("Disconnections go on; what was approved before is carried out now.")
