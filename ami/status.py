"""`ami status`: how the whole stands."""

from __future__ import annotations

from datetime import datetime

import rich_click as click

from ami import clocks, home
from ami.console import emit, facts, table, when
from ami.instants import INSTANT
from ami.settings import load
from model.period import LOCAL, local_day
from model.viewer import UserRole, Viewer
from operations import wording
from storage import bills
from storage.overview import overview
from storage.pool import open_pool
from storage.register import points_without_meter

OFFICE = Viewer(login="ami", role=UserRole.ENGINEER)


@click.command("status")
@click.option("--as-of", type=INSTANT, help="Stand at this instant instead of now.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
def command(as_of: datetime | None, as_json: bool) -> None:
    """What is read, what is silent, what is held, what is abnormal; changes nothing."""
    settings = load()
    now = clocks.clock(as_of)()
    with home.database(settings) as dsn, open_pool(dsn) as pool, pool.connection() as conn:
        found = overview(conn, OFFICE, now)
        held = bills.holds(conn, OFFICE)
        bare = points_without_meter(conn, now)
    assert found is not None  # staff see the overview
    if as_json:
        emit({"overview": found, "held": held, "points_without_meter": bare})
        return
    click.echo(f"As of {now.astimezone(LOCAL):%d/%m/%Y %H:%M}")
    rows = [
        ("Meters", f"{found.meters:,}"),
        ("Read in the last 24 h", f"{found.meters_read_24h:,}"),
        ("Polls that succeeded (24 h)", _share(found.read_rate_24h)),
        ("Half-hours of yesterday that came", _share(found.complete_yesterday)),
        ("Silent modems", f"{len(found.silent_modems):,}"),
        ("Points without a meter", f"{len(bare):,}"),
        ("Bills held", f"{len(held):,}"),
        ("Open alerts", f"{sum(found.open_alerts.values()):,}"),
    ]
    facts(rows)
    if found.silent_modems:
        silent = [(m.modem, when(m.last_contact), ", ".join(m.serials)) for m in found.silent_modems]
        table("Silent modems", ("Modem", "Last contact", "Meters"), silent)
    if bare:
        more = f" and {len(bare) - 10:,} more" if len(bare) > 10 else ""
        click.echo(f"No meter hangs at {', '.join(bare[:10])}{more}: `ami meter add` hangs one.")
    if held:
        why = [
            (
                f"{local_day(h.hold.period.start):%m/%Y}",
                h.hold.named,
                wording.hold(h.hold.kind, h.hold.named, h.hold.reason, settings.language),
            )
            for h in held
        ]
        table("Held bills", ("Month", "Meter", "Why"), why)


def _share(value: float | None) -> str:
    return "–" if value is None else f"{value:.1%}"
