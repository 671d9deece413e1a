"""`ami alerts`: what is abnormal."""

from __future__ import annotations

from datetime import datetime

import rich_click as click

from ami import clocks, home
from ami.console import emit, say, table
from ami.instants import INSTANT
from ami.settings import load
from model.alert import AlertKind
from model.viewer import UserRole, Viewer
from operations import watch, wording
from storage import alerts
from storage.pool import open_pool

OFFICE = Viewer(login="ami", role=UserRole.ENGINEER)


@click.group("alerts")
def command() -> None:
    """Look for what is abnormal, and list it."""


@command.command("run")
@click.option("--as-of", type=INSTANT, help="Stand at this instant instead of now.")
def look(as_of: datetime | None) -> None:
    """Apply every rule to what is stored and raise what is new."""
    with home.database(load()) as dsn, open_pool(dsn) as pool:
        report = watch.run(pool, clocks.clock(as_of)())
    say(f"{report.new:,} new alerts, {report.standing:,} stand.")


@command.command("list")
@click.option("--kind", type=click.Choice([kind.value for kind in AlertKind]))
@click.option("--meter", help="Serial of one meter.")
@click.option("--state", type=click.Choice(["open", "acknowledged", "closed"]))
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
def show(kind: str | None, meter: str | None, state: str | None, as_json: bool) -> None:
    """Alerts, newest first."""
    settings = load()
    with home.database(settings) as dsn, open_pool(dsn) as pool, pool.connection() as conn:
        found = alerts.alerts(conn, OFFICE, state=state, kind=kind, serial=meter, limit=1000)
    if as_json:
        emit({"alerts": found})
    else:
        rows = [
            (f"{row.since:%d/%m/%Y}", row.serial, row.state, wording.alert(row.kind, row.evidence, settings.language))
            for row in found
        ]
        table("", ("Since", "Meter", "State", "What"), rows)
