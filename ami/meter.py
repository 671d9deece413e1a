"""`ami meter`: the meter room."""

from __future__ import annotations

import rich_click as click

from ami import clocks, home
from ami.console import emit, say, table, when
from ami.office import OFFICE
from ami.options import JSON
from ami.settings import load
from ami.verbs import Verbs
from model.period import local_day
from storage import meters
from storage.pool import open_pool


@click.group(
    "meter",
    cls=Verbs,
    verbs={
        "add": ("meter_hang:add", None),
        "change": ("meter_hang:change", None),
        "take-down": ("meter_hang:take_down", None),
        "index": ("meter_index:index", None),
        "damaged": ("meter_damaged:damaged", None),
        "test": ("meter_test:test", None),
        "list": ("meter:show", None),
        "quality": ("meter_quality:quality", None),
        "models": ("meter_models:models", None),
    },
)
def command() -> None:
    """Hang, change, take down, list and test meters."""


@click.command("list")
@click.argument("text", default="")
@click.option("--station", help="Only meters of this station's code.")
@click.option(
    "--limit", type=click.IntRange(1, 100_000), default=200, show_default=True, help="At most so many."
)
@JSON
def show(text: str, station: str | None, limit: int, as_json: bool) -> None:
    """Meters whose serial, customer or address has TEXT in it; marks and capitals do not matter.

    \b
    ami meter list
    ami meter list nguyen --station T01
    """
    with home.database(load()) as dsn, open_pool(dsn) as pool, pool.connection() as conn:
        found = meters.find(conn, OFFICE, text, station=station, limit=limit, today=local_day(clocks.wall()))
    if as_json:
        emit({"meters": found})
        return
    if not found:
        say(
            "No such meter is registered."
            if text or station
            else "No meter is registered yet: `ami meter add`."
        )
        return
    rows = [
        (m.serial, m.model, _place(m), m.customer_name or "", m.station, m.modem, when(m.last_contact))
        for m in found
    ]
    table("", ("Serial", "Model", "Point", "Customer", "Station", "Modem", "Last contact"), rows)


def _place(found: meters.MeterSummary) -> str:
    if not found.removed:
        return found.point or ""
    return f"{found.point} (taken down)" if found.point else "hangs nowhere"
