"""`ami validate`: from what meters said to validated days."""

from __future__ import annotations

from datetime import datetime

import rich_click as click

from ami import clocks, home
from ami.console import emit, progress, say
from ami.instants import INSTANT
from ami.settings import load
from operations import validate
from storage.pool import open_pool


@click.command("validate")
@click.option("--as-of", type=INSTANT, help="Stand at this instant instead of now.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
def command(as_of: datetime | None, as_json: bool) -> None:
    """Validate every day whose evidence is new: gaps, rollovers, sums against registers, estimates."""
    now = clocks.clock(as_of)()
    with home.database(load()) as dsn, open_pool(dsn) as pool, progress("Validating days") as step:
        report = validate.run(pool, now, progress=step)
    if as_json:
        emit(report)
    else:
        say(f"{report.days:,} meter-days validated, {report.findings:,} findings.")
