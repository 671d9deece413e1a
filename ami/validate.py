"""`ami validate`: from what meters said to validated days."""

from __future__ import annotations

from datetime import datetime

import rich_click as click

from ami import clocks, home
from ami.console import counted, emit, progress, say
from ami.options import AS_OF, JSON
from ami.settings import load
from operations import jobs


@click.command("validate")
@click.option("--curves", is_flag=True, help="Then make the curves of the customer classes anew.")
@AS_OF
@JSON
def command(curves: bool, as_of: datetime | None, as_json: bool) -> None:
    """Validate every day whose evidence is new: gaps, rollovers, sums against registers, estimates.

    `ami worker` does the same by itself as evidence comes in, and makes the curves every night.
    """
    with home.database(load()) as dsn, progress("Validating days", "meter-days") as step:
        report = jobs.run_now(dsn, "validate", clock=clocks.clock(as_of), progress=step)
        made = jobs.run_now(dsn, "curves", clock=clocks.clock(as_of)) if curves else None
    if as_json:
        emit(report)
    else:
        rows = counted(report.new + report.changed, "row")
        say(f"{counted(report.days, 'meter-day')} validated, {rows} new or changed.")
        if made is not None:
            say(f"Curves of {made.classes} customer classes, out of {counted(made.days, 'day')}.")
