"""`ami meter index`: what somebody read from a meter's display."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

import rich_click as click

from ami import clocks, home
from ami.console import emit, say, when
from ami.instants import INSTANT
from ami.meter_hang import INDEX
from ami.options import AS_OF, JSON
from ami.order_acting import proved
from ami.settings import load
from model.period import local_day, midnight
from model.series import REACTIVE_CODE
from operations import hand_reads, index_put_right
from storage.pool import open_pool


@click.command("index")
@click.argument("serial")
@click.argument("indices", type=INDEX, nargs=-1, required=True, metavar="CODE=KWH…")
@click.option("--at", type=INSTANT, help="When it showed that; default: 00:00 on the first of this month.")
@click.option("--status", type=click.Choice(["Q"]), help="Q: the register rolled over.")
@click.option("--correct", is_flag=True, help="It was closed wrongly, and no bill stands upon it yet.")
@click.option("--reason", default="", help="With --correct: what was wrong; it is kept.")
@click.option("--as", "login", metavar="LOGIN", help="With --correct: who puts it right.")
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input.")
@AS_OF
@JSON
def index(
    serial: str,
    indices: tuple[tuple[str, Decimal], ...],
    at: datetime | None,
    status: str | None,
    correct: bool,
    reason: str,
    login: str | None,
    password_stdin: bool,
    as_of: datetime | None,
    as_json: bool,
) -> None:
    """Enter what the display of meter SERIAL showed, in kWh by register (KT, BT, CD, TD), or kvarh (VC).

    `ami close` takes it where the meter itself has told no index of that instant, so that a held bill can be
    made. Entered twice for one instant, the last counts. An index once closed changes with --correct alone,
    also the one written down at hanging or taking down; once a bill stands upon it, with `ami bill correct`.

    \b
    ami meter index 20260001 KT=7543.2 --at 2026-10-01
    ami meter index 20260002 BT=812.5 CD=120.4 TD=97 VC=310.2 --at 2026-11-01
    ami meter index 20260001 KT=403 --at 2026-10-11T09:00 --correct --reason "mistyped at hanging" --as lan
    """
    if correct and login is None:
        raise click.UsageError("say who puts it right: --as LOGIN")
    settings = load()
    now = clocks.clock(as_of)()
    instant = at or midnight(local_day(now).replace(day=1))
    with home.database(settings) as dsn, open_pool(dsn) as pool:
        if correct:
            assert login is not None
            viewer = proved(pool, login, password_stdin)
            entered = index_put_right.put_right(
                pool, viewer, serial, instant, indices, reason, now, rolled_over=status == "Q"
            )
        else:
            entered = hand_reads.enter(
                pool, serial, instant, indices, rolled_over=status == "Q", by="ami", now=now
            )
    if as_json:
        emit(entered)
        return
    told = ", ".join(
        f"{code} {kwh:,f} {'kvarh' if code == REACTIVE_CODE else 'kWh'}" for code, kwh in indices
    )
    word = "put right" if correct else "entered"
    word = word if entered.new else "stood before" if correct else "was entered before"
    say(f"Meter {serial} at {entered.point}, {when(instant)}: {told} {word}.")
    say("Close and bill the month again: ami close, then ami bill run")
