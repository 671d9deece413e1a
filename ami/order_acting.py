"""Who acts on an order, and how an order is shown."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Callable
from typing import Any, TypeVar

import rich_click as click

from ami import clocks
from ami.console import facts, say, when
from ami.failure import UsageFailure
from ami.settings import Settings
from model.jsonform import to_json
from model.viewer import Viewer
from operations import orders
from operations.orders import Rules
from storage.orders import Order
from storage.pool import Pool

C = TypeVar("C", bound=Callable[..., Any])


def acting(command: C) -> C:
    """The options that say who acts."""
    command = click.option("--password-stdin", is_flag=True, help="Read the password from standard input.")(
        command
    )
    return click.option("--as", "login", required=True, metavar="LOGIN", help="Who acts.")(command)


def rules_of(settings: Settings) -> Rules:
    """How many orders there may be."""
    return Rules(settings.disconnections_per_hour, settings.orders_per_minute)


def proved(pool: Pool, login: str, password_stdin: bool) -> Viewer:
    """Who acts, by their password: from standard input, $AMI_PASSWORD, or asked for at the terminal."""
    return orders.proved(pool, login, _password(login, password_stdin), _here(), clocks.wall())


def _password(login: str, from_stdin: bool) -> str:
    if from_stdin:
        return sys.stdin.readline().rstrip("\n")
    if given := os.environ.get("AMI_PASSWORD"):
        return given
    if sys.stdin.isatty():
        return str(click.prompt(f"Password of {login}", hide_input=True))
    raise UsageFailure(
        f"The password of {login} is needed: set AMI_PASSWORD, or give it with --password-stdin."
    )


def _here() -> str:
    """Where somebody tries a password, for the count of failures."""
    return f"terminal of {socket.gethostname()}"


def document(order: Order) -> dict[str, Any]:
    """An order as JSON."""
    found: dict[str, Any] = to_json(order)
    found["result"] = dict(order.result)
    found["parameters"] = dict(order.parameters)
    return found


def show_order(order: Order) -> None:
    """An order for a person, the steps it has gone."""
    facts(
        [
            ("Order", order.id),
            ("Meter", order.serial),
            ("What", what(order)),
            ("State", order.state.value),
            ("Reason", order.reason or None),
            ("Placed", f"{order.requested_by}, {when(order.requested_at)}"),
            ("Approved", f"{order.approved_by}, {when(order.approved_at)}" if order.approved_by else None),
            ("Holds until", when(order.expires_at)),
            ("Sent", f"{when(order.sent_at)} {order.node}".strip() if order.sent_at else None),
            ("Finished", when(order.finished_at) if order.finished_at else None),
            ("Result", order.result.get("said") or order.result.get("waiting")),
        ]
    )


def what(order: Order) -> str:
    """What was ordered, in a few words."""
    text = orders.TITLES[order.kind]
    if "limit_w" in order.parameters:
        text += f" of {order.parameters['limit_w']:,} W"
    if order.parameters.get("items"):
        text += f": {', '.join(order.parameters['items'])}"
    if "jump" in order.parameters:
        text += ", however far"
    return text


def follow(order: Order, node: str | None) -> None:
    """Say what comes next."""
    if order.state.value == "requested":
        say(
            f"Order {order.id} waits for a second person: `ami order approve {order.id} --as …`, "
            f"until {when(order.expires_at)}."
        )
    elif node is None:
        say(
            f"Order {order.id} waits for a head-end: start `ami collect`, or run `ami order carry-out`, "
            f"until {when(order.expires_at)}."
        )
    else:
        say(f"Order {order.id} is with head-end {node}: `ami order show {order.id}`.")
