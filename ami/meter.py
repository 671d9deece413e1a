"""`ami meter`: the meter room."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import rich_click as click

from ami import clocks, home
from ami.collect import head_end_settings
from ami.console import emit, progress, say, table, when
from ami.failure import Exit, InputFailure, end
from ami.instants import INSTANT
from ami.meter_hang import add, change, take_down
from ami.meter_index import index
from ami.settings import load
from collector import meter_test
from model.period import local_day
from model.viewer import UserRole, Viewer
from protocols import meter_models
from protocols.meter_models.model import MeterModel
from storage import fleet, meters
from storage.pool import open_pool
from storage.secrets import WrappingKey

OFFICE = Viewer(login="ami", role=UserRole.ENGINEER)


@click.group("meter")
def command() -> None:
    """Hang, change, take down, list and test meters."""


command.add_command(add)
command.add_command(change)
command.add_command(take_down)
command.add_command(index)


@command.command()
@click.argument("serial")
@click.option("--as-of", type=INSTANT, help="Stand at this instant instead of now.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
def test(serial: str, as_of: datetime | None, as_json: bool) -> None:
    """Read meter SERIAL once over its own line, store nothing, and say what it said.

    It is asked for its serial, clock, registers, present values and the last twelve hours of its load
    profile.
    A modem that dials in is waited for; stop `ami collect` first, for both listen on the same port.

    Exit codes: 0 all of it was read, 3 some of it, 4 no link.
    """
    settings = load()
    with home.database(settings) as dsn:
        key = WrappingKey.load_or_create(settings.wrapping_key_path)
        with open_pool(dsn) as pool, pool.connection() as conn:
            lines = fleet.lines(conn, key.unwrap)
        found = next(((line, m) for line in lines for m in line.meters if m.serial == serial), None)
        if found is None:
            raise InputFailure(f"No meter {serial} is registered: see `ami meter list`.")
        with progress(f"Reading meter {serial}"):
            seen = meter_test.run(head_end_settings(settings, dsn), *found, clock=clocks.clock(as_of))
    if as_json:
        emit(seen.document())
    else:
        for sentence in seen.sentences():
            click.echo(sentence)
    if not seen.reached:
        end(Exit.NO_LINK)
    if not seen.whole:
        end(Exit.PARTLY)


@command.command("list")
@click.argument("text", default="")
@click.option("--station", help="Only meters of this station's code.")
@click.option(
    "--limit", type=click.IntRange(1, 100_000), default=200, show_default=True, help="At most so many."
)
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
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


@command.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
def models(as_json: bool) -> None:
    """The meter models this program can read."""
    found = [_model(meter_models.load(name)) for name in meter_models.names()]
    if as_json:
        emit({"models": found})
        return
    rows = [
        (m["name"], m["title"], m["maker"], m["protocol"], m["phases"], m["load_profile"], m["registers"])
        for m in found
    ]
    table("", ("Model", "What it is", "Maker", "Protocol", "Phases", "Load profile", "Registers"), rows)


def _model(model: MeterModel) -> dict[str, Any]:
    if model.profile is not None:
        profile = f"{model.profile.interval_seconds // 60} min"
    else:
        profile = "documented logger" if model.logger_columns else "none"
    return {
        "name": model.name,
        "title": model.title,
        "maker": model.maker,
        "protocol": model.speech.value,
        "phases": model.phases,
        "load_profile": profile,
        "registers": " ".join(dict.fromkeys(item.key.rate.code for item in model.registers)),
    }
