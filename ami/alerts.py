"""`ami alerts`: what is abnormal."""

from __future__ import annotations

from datetime import datetime

import rich_click as click

from ami import clocks, home
from ami.console import counted, emit, say, table
from ami.office import OFFICE
from ami.options import AS_OF, JSON
from ami.settings import load
from model.alert import Alert, AlertKind
from model.jsonform import to_json
from model.period import LOCAL
from operations import jobs, wording
from storage import alerts
from storage.pool import open_pool


@click.group("alerts")
def command() -> None:
    """Look for what is abnormal, and list it."""


@command.command("run")
@AS_OF
@JSON
def look(as_of: datetime | None, as_json: bool) -> None:
    """Apply every rule to what is stored and raise what is new; `ami worker` does the same by itself."""
    with home.database(load()) as dsn:
        report = jobs.run_now(dsn, "watch", clock=clocks.clock(as_of))
    if as_json:
        emit(report)
    else:
        say(f"{counted(report.new, 'new alert')}, {report.standing:,} stand, {report.closed:,} have passed.")


@command.command("list")
@click.option("--kind", type=click.Choice([kind.value for kind in AlertKind]), help="Only of this kind.")
@click.option("--meter", help="Only of the meter with this serial.")
@click.option("--state", type=click.Choice(["open", "acknowledged", "closed"]), help="Only in this state.")
@JSON
def show(kind: str | None, meter: str | None, state: str | None, as_json: bool) -> None:
    """Alerts, the loudest first, of one loudness the newest first; closed ones come last."""
    settings = load()
    with home.database(settings) as dsn, open_pool(dsn) as pool, pool.connection() as conn:
        wanted = AlertKind(kind) if kind else None
        found = alerts.alerts(conn, OFFICE, state=state, kind=wanted, serial=meter, limit=1000)  # type: ignore[arg-type]
    if as_json:
        emit(
            {
                "alerts": [
                    to_json(row)
                    | {"said": {language: said(row.alert, language) for language in ("vi", "en")}}
                    for row in found
                ]
            }
        )
    elif not found:
        say("There is no such alert; `ami alerts run` looks for new ones.")
    else:
        rows = [
            (
                f"{row.alert.since.astimezone(LOCAL):%d/%m/%Y}",
                row.alert.serial,
                row.state,
                said(row.alert, settings.language),
            )
            for row in found
        ]
        table("", ("Since", "Meter", "State", "What"), rows)


def said(alert: Alert, language: str) -> str:
    """Why somebody ought to look, in one sentence that names the meter."""
    return wording.alert(alert.kind, alert.evidence, language, alert.serial, alert.since)
