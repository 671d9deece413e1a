"""`ami inspection away`: what customers told of being away."""

from __future__ import annotations

from datetime import date

import rich_click as click

from ami import clocks, home
from ami.console import emit, say, table
from ami.failure import InputFailure, UsageFailure
from ami.instants import DAY
from ami.options import JSON
from ami.settings import load
from operations import orders
from operations.inspections import away as absence
from storage import absences
from storage.pool import open_pool


@click.command("away")
@click.argument("point", required=False)
@click.option("--from", "first", type=DAY, help="The first day away.")
@click.option("--to", "last", type=DAY, help="The last day away.")
@click.option("--note", default="", help="What was told.")
@click.option("--withdraw", type=int, metavar="NUMBER", help="It was none after all.")
@click.option("--as", "login", metavar="LOGIN", help="Who writes it down.")
@JSON
def away(
    point: str | None,
    first: date | None,
    last: date | None,
    note: str,
    withdraw: int | None,
    login: str | None,
    as_json: bool,
) -> None:
    """When the customer of POINT told to be away; without days: what was told.

    A fall of use on such days is no reason to visit.

    \b
    ami inspection away P001 --from 2026-10-01 --to 2026-10-14 --as lan --note "về quê"
    ami inspection away
    """
    given = first is not None or last is not None
    if given and (point is None or first is None or last is None):
        raise UsageFailure("An absence needs POINT, --from and --to.")
    if (given or withdraw is not None) and not login:
        raise UsageFailure("Say who writes it down: --as LOGIN.")
    with home.database(load()) as dsn, open_pool(dsn) as pool:
        if given and point and first and last and login:
            viewer = orders.named(pool, login)
            number = absence.tell(pool, viewer, point, first, last, note=note, now=clocks.wall())
            emit({"absence": number}) if as_json else say(f"Absence {number} is written down.")
            return
        if withdraw is not None and login:
            if not absence.withdraw(pool, orders.named(pool, login), withdraw, now=clocks.wall()):
                raise InputFailure(f"There is no absence {withdraw} that stands: see `ami inspection away`")
            emit({"withdrawn": withdraw}) if as_json else say(f"Absence {withdraw} is taken back.")
            return
        with pool.connection() as conn:
            found = absences.told(conn, point)
    if as_json:
        emit({"absences": found})
    elif not found:
        say("Nobody told of being away.")
    else:
        rows = [
            (one.id, one.point, f"{one.first:%d/%m/%Y}", f"{one.last:%d/%m/%Y}", one.note, one.login)
            for one in found
            if one.withdrawn_at is None
        ]
        table("", ("No", "Point", "From", "To", "Note", "Who"), rows)
