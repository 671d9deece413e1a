"""`ami key`: the keys of meters, which are never shown."""

from __future__ import annotations

import time
from datetime import timedelta

import rich_click as click

from ami import clocks, home
from ami.console import emit, say, table, when
from ami.failure import Exit, end
from ami.options import JSON
from ami.order_acting import acting, document, follow, proved
from ami.settings import load
from operations import orders
from operations.errors import OrderRefused
from operations.orders import Rules
from storage import meter_keys
from storage import orders as stored
from storage.meter_keys import KeyStatus
from storage.orders import Order, OrderKind, OrderState
from storage.pool import Pool, open_pool

LOOK_S = 0.2


@click.group("key")
def command() -> None:
    """Keys of meters that are opened by them: which there are, and new ones.

    Keys a meter has already are given with `ami meter add` and `ami meter change`. They lie in the database
    wrapped under wrapping.key of $AMI_HOME, and are shown nowhere.
    """


@command.command("list")
@click.argument("serials", nargs=-1)
@JSON
def listed(serials: tuple[str, ...], as_json: bool) -> None:
    """Meters with keys of their own: whether new ones can be sent, and when that was done last."""
    with home.database(load()) as dsn, open_pool(dsn) as pool, pool.connection() as conn:
        found = [one for one in meter_keys.status(conn, list(serials) or None) if one.keyed or serials]
    if as_json:
        emit(
            {
                "meters": [
                    {
                        "serial": one.serial, "model": one.model, "keys": one.keyed,
                        "rotatable": one.rotatable, "unsettled": one.unsettled, "rotated_at": one.rotated_at,
                    }
                    for one in found
                ]
            }
        )  # fmt: skip
        return
    rows = [
        (one.serial, one.model, _takes(one), "change broken off" if one.unsettled else _when(one))
        for one in found
    ]
    table("", ("Meter", "Model", "New keys", "Changed"), rows)


def _takes(one: KeyStatus) -> str:
    if not one.keyed:
        return "its own are not known"
    return "can be sent" if one.rotatable else "its master key is not known"


def _when(one: KeyStatus) -> str:
    return "never" if one.rotated_at is None else when(one.rotated_at)


@command.command()
@click.argument("serials", nargs=-1)
@click.option("--all", "every", is_flag=True, help="Every meter whose keys can be changed from afar.")
@click.option(
    "--within", type=click.FloatRange(0.02, 168), metavar="HOURS", help="For how long it holds; else a day."
)
@click.option(
    "--wait", type=click.FloatRange(0, 3600), default=0.0, metavar="SECONDS", help="Wait for the outcome."
)
@acting
@JSON
def rotate(
    serials: tuple[str, ...],
    every: bool,
    within: float | None,
    wait: float,
    login: str,
    password_stdin: bool,
    as_json: bool,
) -> None:
    """Order new keys for meters SERIALS; the head-end that holds their lines changes them.

    New keys are drawn by the head-end, kept wrapped, sent under the meter's master key, proved by opening
    the meter with them, and only then take the place of the old ones. What is broken off settles itself.
    Exit code 3: not all was ordered or, with --wait, not all is done.

    \b
    ami key rotate 20260001 20260002 --as minh
    ami key rotate --all --as minh --within 48
    """
    if every == bool(serials):
        raise click.UsageError("name the meters, or say --all")
    settings = load()
    with home.database(settings) as dsn, open_pool(dsn) as pool:
        viewer = proved(pool, login, password_stdin)
        if every:
            with pool.connection() as conn:
                serials = tuple(one.serial for one in meter_keys.status(conn) if one.rotatable)
        placed: list[Order] = []
        refused: dict[str, str] = {}
        rules = Rules(settings.disconnections_per_hour, max(settings.orders_per_minute, 2 * len(serials)))
        for serial in serials:
            try:
                order = orders.place(
                    pool, viewer, serial, OrderKind.ROTATE_KEYS, {}, now=clocks.wall(), rules=rules,
                    within=None if within is None else timedelta(hours=within),
                )  # fmt: skip
            except OrderRefused as no:
                if len(serials) == 1:
                    raise
                refused[serial] = str(no)
            else:
                placed.append(order)
        nodes = {order.modem: order for order in placed}
        node = {modem: orders.wake(pool, dsn, order) for modem, order in nodes.items()}
        placed = _waited(pool, placed, wait)
    if as_json:
        emit({"orders": [document(order) for order in placed], "refused": refused})
    else:
        for order in placed:
            if order.state.open:
                follow(order, node[order.modem])
            else:
                say(f"Order {order.id}: {order.result.get('said', order.state.value)}.")
        for sentence in refused.values():
            say(sentence)
    if refused or (wait and any(order.state is not OrderState.DONE for order in placed)):
        end(Exit.PARTLY)


def _waited(pool: Pool, placed: list[Order], wait: float) -> list[Order]:
    until = time.monotonic() + wait
    while any(order.state.open for order in placed) and time.monotonic() < until:
        time.sleep(LOOK_S)
        with pool.connection() as conn:
            placed = [stored.find(conn, order.id) if order.state.open else order for order in placed]
    return placed
