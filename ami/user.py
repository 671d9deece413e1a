"""`ami user`: who may sign in."""

from __future__ import annotations

import secrets
import sys

import rich_click as click

from ami import clocks, home
from ami.console import emit, say, table
from ami.options import JSON
from ami.settings import load
from model.viewer import UserRole
from operations import accounts
from storage import people
from storage.pool import open_pool


@click.group("user")
def command() -> None:
    """Add, list and disable those who may sign in."""


@command.command()
@click.argument("login")
@click.option(
    "--role",
    type=click.Choice([role.value for role in UserRole]),
    required=True,
    help="What LOGIN may see and do.",
)
@click.option("--customer", default="", help="Customer code, for the role customer.")
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input.")
def add(login: str, role: str, customer: str, password_stdin: bool) -> None:
    """Add LOGIN, who may then sign in on the pages.

    Without --password-stdin a password is asked for, or made up and shown where there is no terminal.

    \b
    ami user add kythuat --role engineer
    ami user add chihoa --role customer --customer HTX01000001
    """
    password, shown = _password(password_stdin)
    with home.database(load()) as dsn, open_pool(dsn) as pool:
        accounts.add_user(pool, login, UserRole(role), password, customer=customer, now=clocks.wall())
    say(f"{login} may sign in as {role}." + (f" Password: {password}" if shown else ""))


@command.command("list")
@JSON
def show(as_json: bool) -> None:
    """Everybody who may sign in."""
    with home.database(load()) as dsn, open_pool(dsn) as pool, pool.connection() as conn:
        users = people.users(conn)
    rows = [
        {"login": u.login, "role": u.role.value, "customer": u.customer, "disabled": u.disabled}
        for u in users
    ]
    if as_json:
        emit({"users": rows})
    elif not rows:
        say("Nobody may sign in yet: `ami user add`.")
    else:
        table(
            "",
            ("Login", "Role", "Customer", "Disabled"),
            [(r["login"], r["role"], r["customer"], "yes" if r["disabled"] else "") for r in rows],
        )


@command.command()
@click.argument("login")
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input.")
def password(login: str, password_stdin: bool) -> None:
    """Give LOGIN a new password; open sessions end."""
    new, shown = _password(password_stdin)
    with home.database(load()) as dsn, open_pool(dsn) as pool:
        accounts.change_password(pool, login, new, now=clocks.wall())
    say(f"{login} has a new password." + (f" It is {new}" if shown else ""))


@command.command()
@click.argument("login")
def disable(login: str) -> None:
    """LOGIN may no longer sign in; open sessions end."""
    with home.database(load()) as dsn, open_pool(dsn) as pool:
        accounts.disable_user(pool, login, now=clocks.wall())
    say(f"{login} may no longer sign in.")


def _password(from_stdin: bool) -> tuple[str, bool]:
    if from_stdin:
        return sys.stdin.readline().rstrip("\n"), False
    if sys.stdin.isatty():
        return click.prompt("Password", hide_input=True, confirmation_prompt=True), False
    return secrets.token_urlsafe(12), True
