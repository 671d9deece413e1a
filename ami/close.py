"""`ami close`: the closing indices of a month."""

from __future__ import annotations

from datetime import datetime

import rich_click as click

from ami import clocks, home
from ami.console import counted, emit, say, table
from ami.failure import Exit, end
from ami.instants import INSTANT, MONTH, last_full_month
from ami.settings import load
from model.period import Period
from operations import jobs


@click.command("close")
@click.option("--month", type=MONTH, help="The month to close, like 2026-10; default: the last full one.")
@click.option("--as-of", type=INSTANT, help="Stand at this instant instead of now.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
def command(month: Period | None, as_of: datetime | None, as_json: bool) -> None:
    """Take the index of every point at both ends of the month, from the meter's own snapshots; exit 3 when
    some have none.

    An index once closed never changes. `ami export closing` gives them to other programs.

    \b
    ami close --month 2026-10
    """
    clock = clocks.clock(as_of)
    period = month or last_full_month(clock())
    with home.database(load()) as dsn:
        report = jobs.run_now(dsn, "close", clock=clock, period=period)
    if as_json:
        emit(report)
    else:
        before = f"{report.unchanged:,} {'was' if report.unchanged == 1 else 'were'} closed before"
        say(f"{counted(report.closed, 'index', 'indices')} closed, {before}.")
        if not report.closed + report.unchanged + len(report.missing):
            say("No meter hung at any point in that month: `ami meter add` hangs one.")
        if report.missing:
            table("Without a closing index", ("Point", "Meter", "Why"), report.missing)
        for sentence in report.differing:
            say(sentence)
    if report.missing:
        end(Exit.PARTLY)
