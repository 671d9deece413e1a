"""`ami case accept`, `reread`, `assign`."""

from __future__ import annotations

import rich_click as click

from ami import clocks, home
from ami.console import emit, say
from ami.options import JSON
from ami.order_acting import acting, document, follow, proved, rules_of
from ami.settings import load
from operations import cases, orders
from storage.case_sheet import CaseSheet
from storage.pool import open_pool


@click.command()
@click.argument("number", type=int)
@click.option("--reason", required=True, help="Why the readings stand; it stays with the case.")
@acting
@JSON
def accept(number: int, reason: str, login: str, password_stdin: bool, as_json: bool) -> None:
    """The readings of case NUMBER stand as they are: what the meter said counts, although it was doubted.

    \b
    ami case accept 12 --as lan --reason "hàn điện tại nhà, đã gọi hỏi"
    """
    with home.database(load()) as dsn, open_pool(dsn) as pool:
        viewer = proved(pool, login, password_stdin)
        sheet = cases.accept(pool, viewer, number, reason=reason, now=clocks.wall())
    _told(sheet, as_json)


@click.command()
@click.argument("number", type=int)
@click.option("--reason", default="", help="Why; it stays with the case.")
@click.option("--as", "login", required=True, metavar="LOGIN", help="Who asks.")
@JSON
def reread(number: int, reason: str, login: str, as_json: bool) -> None:
    """Have the meter of case NUMBER read again; the case waits for that.

    Registers and instants are read through the head-end that holds the line; the doubted days are asked for
    once more by the next `ami collect --once`, or when a head-end starts.
    """
    settings = load()
    with home.database(settings) as dsn, open_pool(dsn) as pool:
        viewer = orders.named(pool, login)
        now = clocks.wall()
        sheet, order = cases.reread(pool, viewer, number, reason=reason, now=now, rules=rules_of(settings))
        node = orders.wake(pool, dsn, order)
    if as_json:
        emit({"case": sheet.row, "order": document(order)})
    else:
        _told(sheet, as_json)
        follow(order, node)


@click.command()
@click.argument("number", type=int)
@click.argument("to", required=False, metavar="[LOGIN]")
@click.option("--nobody", is_flag=True, help="Take it from whoever has it.")
@click.option("--as", "login", required=True, metavar="LOGIN", help="Who gives it.")
@JSON
def assign(number: int, to: str | None, nobody: bool, login: str, as_json: bool) -> None:
    """Give case NUMBER to LOGIN (without: to whoever gives it).

    \b
    ami case assign 12 minh --as lan
    """
    with home.database(load()) as dsn, open_pool(dsn) as pool:
        viewer = orders.named(pool, login)
        sheet = cases.assign(pool, viewer, number, None if nobody else to or viewer.login, now=clocks.wall())
    _told(sheet, as_json)


def _told(sheet: CaseSheet, as_json: bool) -> None:
    row = sheet.row
    if as_json:
        emit({"case": row, "steps": sheet.steps})
        return
    whose = f", {row.assigned_to}'s" if row.assigned_to else ""
    days = cases.span(row.first_day, row.last_day)
    say(f"Case {row.id} of meter {row.serial} ({days}) is {row.state.value}{whose}.")
