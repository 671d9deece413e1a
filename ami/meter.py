"""`ami meter`: the meter room."""

from __future__ import annotations

import os
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any

import rich_click as click

from ami import clocks, home
from ami.collect import head_end_settings
from ami.console import emit, say, table, when
from ami.failure import Exit, InputFailure, end
from ami.instants import INSTANT
from ami.settings import load
from collector import meter_test
from model.period import LOCAL, add_months, local_day, midnight
from model.viewer import UserRole, Viewer
from operations import importing
from protocols import meter_models
from storage import fleet, meters
from storage.pool import open_pool
from storage.secrets import WrappingKey

OFFICE = Viewer(login="ami", role=UserRole.ENGINEER)


class _Number(click.ParamType[Any]):
    name = "number"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        try:
            return Decimal(value)
        except InvalidOperation:
            self.fail(f"{value!r} is no number", param, ctx)


@click.group("meter")
def command() -> None:
    """Add, list and test meters."""


@command.command()
@click.argument("serial")
@click.option("--model", required=True, help="Meter model; `ami meter models` lists them.")
@click.option("--address", default=1, show_default=True, help="DLMS logical device or Modbus unit.")
@click.option("--host", default="", help="Address of a modem we call.")
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="Its port.")
@click.option("--registration", default="", help="The name a modem that dials in registers with.")
@click.option("--dialect", default="transparent", show_default=True, help="How that modem registers.")
@click.option(
    "--modem", default="", help="Code of a modem that is there already (several meters on one line)."
)
@click.option("--point", default="", help="Measurement point; default: the customer's code and 001.")
@click.option("--customer", default="", help="Customer code.")
@click.option("--name", "customer_name", default="", help="Customer's name, when the customer is new.")
@click.option("--station", default="T01", show_default=True)
@click.option("--book", default="S01", show_default=True, help="Reading book of a new customer.")
@click.option("--plan", default="vn-household", show_default=True)
@click.option("--multiplier", type=_Number(), default="1", show_default=True, help="CT × VT of a new point.")
@click.option(
    "--digits", type=click.IntRange(4, 12), help="Digits of the register; default: as the model says."
)
@click.option("--since", type=INSTANT, help="When it was hung; default: the first of last month.")
@click.option("--index", "indices", multiple=True, metavar="CODE=RAW", help="Register at hanging, like KT=0.")
def add(indices: tuple[str, ...], since: datetime | None, **given: Any) -> None:
    """Hang a meter. Its password is taken from AMI_METER_PASSWORD, never from the command line.

    \b
    ami meter add 20260001 --model dk-1p --host 10.8.0.14 --port 4059 --customer HTX001 --name "Nguyễn Văn An"
    """
    settings = load()
    hung = since or midnight(add_months(local_day(clocks.wall()), -1))
    new = importing.NewMeter(
        since=hung, indices=_indices(indices), password=os.environ.get("AMI_METER_PASSWORD") or None, **given
    )
    key = WrappingKey.load_or_create(settings.wrapping_key_path)
    with home.database(settings) as dsn, open_pool(dsn) as pool:
        point = importing.add_meter(pool, new, key.wrap)
    say(f"Meter {new.serial} hangs at {point.code} since {hung.astimezone(LOCAL):%d/%m/%Y %H:%M}.")
    say(f"Try it: ami meter test {new.serial}")


def _indices(pairs: tuple[str, ...]) -> dict[str, int]:
    found: dict[str, int] = {}
    for pair in pairs:
        code, _, raw = pair.partition("=")
        if not raw.isdigit():
            raise click.UsageError(f"--index {pair!r}: write a register code and a whole number, like KT=0")
        found[code] = int(raw)
    return found


@command.command()
@click.argument("serial")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
def test(serial: str, as_json: bool) -> None:
    """Read meter SERIAL once, store nothing, and say what it said; exit 4 when there is no link."""
    settings = load()
    with home.database(settings) as dsn:
        key = WrappingKey.load_or_create(settings.wrapping_key_path)
        with open_pool(dsn) as pool, pool.connection() as conn:
            lines = fleet.lines(conn, key.unwrap)
        found = next(((line, m) for line in lines for m in line.meters if m.serial == serial), None)
        if found is None:
            raise InputFailure(f"No meter {serial} is registered: see `ami meter list`.")
        seen = meter_test.run(head_end_settings(settings, dsn), *found, clock=clocks.wall)
    if as_json:
        emit(seen.document())
    else:
        for sentence in seen.sentences():
            say(sentence)
    if not seen.reached:
        end(Exit.NO_LINK)
    if not seen.whole:
        end(Exit.PARTLY)


@command.command("list")
@click.argument("text", default="")
@click.option("--station")
@click.option("--limit", type=click.IntRange(1, 100_000), default=200, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
def show(text: str, station: str | None, limit: int, as_json: bool) -> None:
    """Meters whose serial, customer or address has TEXT in it; marks and capitals do not matter."""
    with home.database(load()) as dsn, open_pool(dsn) as pool, pool.connection() as conn:
        found = meters.find(conn, OFFICE, text, station=station, limit=limit, today=local_day(clocks.wall()))
    if as_json:
        emit({"meters": found})
        return
    table(
        "",
        ("Serial", "Model", "Point", "Customer", "Station", "Modem", "Last contact"),
        [
            (m.serial, m.model, m.point, m.customer_name or "", m.station, m.modem, when(m.last_contact))
            for m in found
        ],
    )


@command.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
def models(as_json: bool) -> None:
    """The meter models this program can read."""
    found = [meter_models.load(name) for name in meter_models.names()]
    if as_json:
        emit({"models": [{"name": m.name, "maker": m.maker, "protocol": m.speech.value} for m in found]})
    else:
        table("", ("Model", "Maker", "Protocol"), [(m.name, m.maker, m.speech.value) for m in found])
