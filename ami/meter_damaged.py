"""`ami meter damaged`: what a meter that burnt, stuck or was lost is settled at."""

from __future__ import annotations

from datetime import date, datetime

import rich_click as click

from ami import clocks, home
from ami.console import emit, say, table
from ami.instants import DAY
from ami.options import AS_OF, JSON
from ami.settings import load
from analytics.vee.damage import STATE_OF_STATUS
from model.period import local_day
from operations import damage
from operations.formats.numbers import plain
from storage.pool import open_pool


@click.command("damaged")
@click.argument("serial")
@click.option(
    "--state",
    type=click.Choice([*STATE_OF_STATUS.values(), *STATE_OF_STATUS]),
    required=True,
    help="What was found, in words or as the reading's status code.",
)
@click.option("--stopped", type=DAY, help="The day it is known to have stopped; default: the last reading.")
@click.option("--mended", type=DAY, help="The day it was exchanged; default: today.")
@AS_OF
@JSON
def damaged(
    serial: str,
    state: str,
    stopped: date | None,
    mended: date | None,
    as_of: datetime | None,
    as_json: bool,
) -> None:
    """What is billed for the days in which meter SERIAL counted nothing, by the rule in force.

    The mean day of the billing periods before, times the days; and the index that the work sheet of the
    exchange bears for it. Nothing is written.

    \b
    ami meter damaged 20260001 --state stuck --stopped 2026-10-12
    ami meter damaged 20260001 --state burnt --mended 2026-10-20 --json
    """
    until = mended or local_day(clocks.clock(as_of)())
    with home.database(load()) as dsn, open_pool(dsn) as pool, pool.connection() as conn:
        found = damage.settle(conn, serial, state, until, stopped)
    if as_json:
        emit({"meter": serial, "state": state, "mended": until, "registers": list(map(_told, found))})
        return
    headings = ("Register", "Index", "Read on", "kWh a day", "Periods", "Days", "kWh", "Index to write")
    columns = ("register", "last_index", "last_read", "kwh_per_day", "periods", "days", "kwh", "index")
    table("", headings, [[str(_told(one)[name]) for name in columns] for one in found])
    use = found[0].use
    doubt = ": check its article before you bill by it" if use.confidence == "C" else ""
    say(f"By {use.decision} (confidence {use.confidence}){doubt}.")
    indices = " ".join(f"--index {one.register}={plain(one.index)}" for one in found)
    say(f"Exchange it: ami meter take-down {serial} --at {until} {indices}")


def _told(one: damage.Settled) -> dict[str, str | int]:
    return {
        "register": one.register,
        "last_index": plain(one.last_index),
        "last_read": one.last_read.isoformat(),
        "kwh_per_day": f"{float(one.use.mean_kwh_per_day):.3f}",
        "periods": one.use.periods,
        "days": one.use.days,
        "kwh": one.use.kwh,
        "index": plain(one.index),
        "decision": one.use.decision,
        "confidence": one.use.confidence,
    }
