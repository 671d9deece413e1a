"""`ami order read`, `disconnect`, `connect`, `clock`, `limit`: orders are placed."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import rich_click as click

from ami import clocks, home
from ami.console import emit, say, table
from ami.failure import Exit, end
from ami.options import JSON
from ami.order_acting import acting, document, follow, proved, rules_of, show_order
from ami.settings import load
from operations import orders
from operations.order_abilities import ITEMS
from storage import orders as stored
from storage.orders import Order, OrderKind, OrderState
from storage.pool import Pool, open_pool

LOOK_S = 0.1
_within = click.option(
    "--within", type=click.FloatRange(0.02, 168), metavar="HOURS", help="For how long it holds; else a day."
)
wait_option = click.option(
    "--wait", type=click.FloatRange(0, 3600), default=0.0, metavar="SECONDS", help="Wait for the outcome."
)


@click.command()
@click.argument("serial")
@click.argument("items", nargs=-1, type=click.Choice(ITEMS), metavar="[ITEMS]...")
@click.option("--as", "login", required=True, metavar="LOGIN", help="Who asks.")
@click.option(
    "--wait", type=click.FloatRange(0, 3600), default=60.0, show_default=True, metavar="SECONDS",
    help="Wait for the outcome.",
)  # fmt: skip
@JSON
def read(serial: str, items: tuple[str, ...], login: str, wait: float, as_json: bool) -> None:
    """Read meter SERIAL now, through the head-end that holds its line.

    ITEMS are registers, instants, profile (of today), switch and limit; without any: registers and, where
    the meter has them, instants. Exit codes: 0 read, 3 not read or not yet.

    \b
    ami order read 20260001 --as lan
    ami order read 20260001 registers switch --as lan --json
    """
    settings = load()
    with home.database(settings) as dsn, open_pool(dsn) as pool:
        viewer = orders.named(pool, login)
        order = orders.place(
            pool, viewer, serial, OrderKind.READ, {"items": list(items)} if items else {},
            now=clocks.wall(), rules=rules_of(settings),
        )  # fmt: skip
        node = orders.wake(pool, dsn, order)
        if node is not None:
            order = waited(pool, order, wait)
    told(order, node, as_json)


@click.command()
@click.argument("serial")
@click.option("--reason", required=True, help="Why; it stays with the order.")
@_within
@wait_option
@acting
@JSON
def disconnect(
    serial: str,
    reason: str,
    within: float | None,
    wait: float,
    login: str,
    password_stdin: bool,
    as_json: bool,
) -> None:
    """Order that the switch of meter SERIAL be opened. A second person has to approve it; --wait waits
    for that too."""
    _placed(serial, OrderKind.DISCONNECT, {}, reason, within, login, password_stdin, wait, as_json)


@click.command()
@click.argument("serial")
@click.option("--reason", default="", help="Why; it stays with the order.")
@_within
@wait_option
@acting
@JSON
def connect(
    serial: str,
    reason: str,
    within: float | None,
    wait: float,
    login: str,
    password_stdin: bool,
    as_json: bool,
) -> None:
    """Close the switch of meter SERIAL again; with some meters the customer has to press a button then."""
    _placed(serial, OrderKind.CONNECT, {}, reason, within, login, password_stdin, wait, as_json)


@click.command()
@click.argument("serial")
@click.option("--jump", is_flag=True, help="However far it is off; a second person has to approve that.")
@click.option("--reason", default="", help="Why; a jump needs it.")
@_within
@wait_option
@acting
@JSON
def clock(
    serial: str,
    jump: bool,
    reason: str,
    within: float | None,
    wait: float,
    login: str,
    password_stdin: bool,
    as_json: bool,
) -> None:
    """Set the clock of meter SERIAL, where it is off by less than the limit ([collector] clock_limit_s)."""
    parameters = {"jump": True} if jump else {}
    _placed(serial, OrderKind.SET_CLOCK, parameters, reason, within, login, password_stdin, wait, as_json)


@click.command()
@click.argument("serial")
@click.argument("watts", type=click.IntRange(0))
@click.option("--reason", required=True, help="Why; it stays with the order.")
@_within
@wait_option
@acting
@JSON
def limit(
    serial: str,
    watts: int,
    reason: str,
    within: float | None,
    wait: float,
    login: str,
    password_stdin: bool,
    as_json: bool,
) -> None:
    """Order that meter SERIAL let no more than WATTS through. A second person has to approve it; --wait waits
    for that too."""
    parameters = {"limit_w": watts}
    _placed(serial, OrderKind.SET_LIMIT, parameters, reason, within, login, password_stdin, wait, as_json)


def _placed(
    serial: str,
    kind: OrderKind,
    parameters: Mapping[str, Any],
    reason: str,
    within: float | None,
    login: str,
    password_stdin: bool,
    wait: float,
    as_json: bool,
) -> None:
    settings = load()
    with home.database(settings) as dsn, open_pool(dsn) as pool:
        viewer = proved(pool, login, password_stdin)
        order = orders.place(
            pool, viewer, serial, kind, parameters, reason=reason, now=clocks.wall(),
            rules=rules_of(settings), within=None if within is None else timedelta(hours=within),
        )  # fmt: skip
        node = None
        if order.state is OrderState.APPROVED:
            node = orders.wake(pool, dsn, order)
            if node is not None and wait:
                order = waited(pool, order, wait)
        elif wait:  # for the second person, and for what comes of it
            follow(order, None)
            order = waited(pool, order, wait)
            node = orders.holder(pool, order)
    told(order, node, as_json)


def waited(pool: Pool, order: Order, wait: float) -> Order:
    """The order as it is when it is finished, or after so many seconds."""
    until = time.monotonic() + wait
    while order.state.open and time.monotonic() < until:
        time.sleep(LOOK_S)
        with pool.connection() as conn:
            order = stored.find(conn, order.id)
    return order


def told(order: Order, node: str | None, as_json: bool) -> None:
    """How it stands; ends the command where it has come to another end than the one that was wanted."""
    if as_json:
        emit(document(order))
    elif order.state.open:
        follow(order, node)
    elif order.kind is OrderKind.READ and order.state is OrderState.DONE:
        _readings(order)
    else:
        show_order(order)
    if not order.state.open and order.state is not OrderState.DONE:
        end(Exit.PARTLY)
    if order.kind is OrderKind.READ and order.state.open:
        end(Exit.PARTLY)


def _readings(order: Order) -> None:
    result = order.result
    say(f"Order {order.id}: {result.get('said', '')}.")
    rows = [
        (f"{one['channel']} {one['rate']}", one["value"], one["unit"]) for one in result.get("registers", [])
    ]
    units = {
        "voltage_v": "V",
        "current_a": "A",
        "power_w": "W",
        "reactive_var": "var",
        "cos_phi": "",
        "frequency_hz": "Hz",
    }
    for name, unit in units.items():
        value = result.get("instants", {}).get(name)
        phases = value if isinstance(value, list | tuple) else [value]
        several = sum(phase is not None for phase in phases) > 1
        for number, phase in enumerate(phases, 1):
            if phase is not None:
                of = f" L{number}" if several else ""
                rows.append((name.rsplit("_", 1)[0] + of, f"{phase:g}", unit))
    for block in result.get("profile", []):
        rows += [(f"{block['channel']} {stamp}", value, block["unit"]) for stamp, value in block["rows"]]
    for name in ("switch", "limit"):
        rows += [(f"{name} {key}", str(value), "") for key, value in result.get(name, {}).items()]
    if "clock_offset_s" in result:
        rows.append(("clock ahead by", f"{result['clock_offset_s']:g}", "s"))
    table("", ("What", "Value", "Unit"), rows, right=("Value",))
