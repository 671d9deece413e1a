"""`ami inspection assign`, `visit`, `confirm`, `dismiss`."""

from __future__ import annotations

from datetime import date

import rich_click as click

from ami import clocks, home
from ami.console import emit, say
from ami.inspection_show import whole
from ami.instants import DAY
from ami.options import JSON
from ami.order_acting import acting, proved
from ami.settings import load
from operations import orders
from operations.inspections import judging
from storage.inspection_sheet import InspectionSheet
from storage.pool import open_pool


@click.command()
@click.argument("number", type=int)
@click.argument("to", required=False, metavar="[LOGIN]")
@click.option("--nobody", is_flag=True, help="Take it from whoever has it.")
@click.option("--reason", default="", help="Why; it stays with the inspection.")
@click.option("--as", "login", required=True, metavar="LOGIN", help="Who gives it.")
@JSON
def assign(number: int, to: str | None, nobody: bool, reason: str, login: str, as_json: bool) -> None:
    """Give inspection NUMBER to the engineer LOGIN (without: to whoever gives it).

    \b
    ami inspection assign 12 minh --as minh
    """
    with home.database(load()) as dsn, open_pool(dsn) as pool:
        viewer = orders.named(pool, login)
        whom = None if nobody else to or viewer.login
        _told(judging.assign(pool, viewer, number, whom, reason=reason, now=clocks.wall()), as_json)


@click.command()
@click.argument("number", type=int)
@click.option("--reason", default="", help="What was seen; it stays with the inspection.")
@click.option("--as", "login", required=True, metavar="LOGIN", help="Who was there.")
@JSON
def visit(number: int, reason: str, login: str, as_json: bool) -> None:
    """Somebody was at the meter of inspection NUMBER; then `confirm` or `dismiss` it."""
    with home.database(load()) as dsn, open_pool(dsn) as pool:
        viewer = orders.named(pool, login)
        _told(judging.visit(pool, viewer, number, reason=reason, now=clocks.wall()), as_json)


@click.command()
@click.argument("number", type=int)
@click.option("--reason", required=True, help="What was found; it stays with the inspection.")
@click.option("--since", type=DAY, help="Since when use was not counted; default: since it seemed so.")
@acting
@JSON
def confirm(
    number: int, reason: str, since: date | None, login: str, password_stdin: bool, as_json: bool
) -> None:
    """Use was not counted at the meter of inspection NUMBER: its days since teach the score as false ones.

    \b
    ami inspection confirm 12 --as minh --since 2026-09-17 --reason "nối tắt pha B"
    """
    with home.database(load()) as dsn, open_pool(dsn) as pool:
        viewer = proved(pool, login, password_stdin)
        found = judging.confirm(pool, viewer, number, reason=reason, since=since, now=clocks.wall())
    _told(found, as_json)


@click.command()
@click.argument("number", type=int)
@click.option("--reason", required=True, help="What was found; it stays with the inspection.")
@acting
@JSON
def dismiss(number: int, reason: str, login: str, password_stdin: bool, as_json: bool) -> None:
    """All is as it should be at the meter of inspection NUMBER: it is not accused of the same again."""
    with home.database(load()) as dsn, open_pool(dsn) as pool:
        viewer = proved(pool, login, password_stdin)
        found = judging.dismiss(pool, viewer, number, reason=reason, now=clocks.wall())
    _told(found, as_json)


def _told(sheet: InspectionSheet, as_json: bool) -> None:
    row = sheet.row
    if as_json:
        emit(whole(sheet))
        return
    whose = f", {row.assigned_to}'s" if row.assigned_to else ""
    say(f"Inspection {row.id} of meter {row.serial} is {row.state.value}{whose}.")
