"""Hanging a meter, changing how it is reached, taking it down."""

from __future__ import annotations

import os
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any

import rich_click as click

from ami import clocks, home
from ami.console import say, when
from ami.instants import INSTANT
from ami.options import AS_OF
from ami.settings import load
from collector.keys import meter_keys
from model.period import add_months, local_day, midnight
from operations import importing, meter_changes, opening
from storage.pool import Pool, open_pool

PASSWORD_VARIABLE = "AMI_METER_PASSWORD"
PORT = click.IntRange(1, 65535)
DIGITS = click.IntRange(4, 12)
SECONDS = click.IntRange(0, 86_400)


class _Number(click.ParamType[Any]):
    name = "number"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        try:
            return Decimal(value)
        except InvalidOperation:
            self.fail(f"{value!r} is no number", param, ctx)


class _LiveEvery(click.ParamType[Any]):
    """Seconds, or `usual`."""

    name = "seconds"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if value == "usual":
            return meter_changes.USUAL
        return SECONDS.convert(value, param, ctx)


class _Index(click.ParamType[Any]):
    """A register code and what the display shows, in kWh."""

    name = "code=kwh"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if isinstance(value, tuple):
            return value
        code, _, text = value.partition("=")
        try:
            kwh = Decimal(text)
        except InvalidOperation:
            kwh = Decimal(-1)
        if not code or not kwh.is_finite() or kwh < 0:
            self.fail(f"{value!r}: write a register's code and its kWh, like KT=1234.5", param, ctx)
        return code, kwh


INDEX = _Index()


@click.command()
@click.argument("serial")
@click.option("--model", required=True, help="Meter model; `ami meter models` lists them.")
@click.option(
    "--address",
    type=click.IntRange(0, 65535),
    default=1,
    show_default=True,
    help="DLMS logical device (on a bus and in a call: physical address), or Modbus unit.",
)
@click.option("--host", default="", help="Name or IP address of a modem that we call.")
@click.option("--port", type=PORT, help="Its port; default: 4059 for DLMS, 502 for Modbus.")
@click.option("--udp", is_flag=True, help="Datagrams to --host and --port (the DLMS wrapper), no connection.")
@click.option(
    "--device",
    default="",
    metavar="PORT",
    help="A serial port of the head-end's machine, its speed and bits where they are not 9600 8N1: "
    "'/dev/ttyUSB0 300 7E1'. With --dials: our modem's.",
)
@click.option(
    "--dials",
    default="",
    metavar="NUMBER",
    help="Telephone number of the meter's modem (CSD); ours is at --device, or at --host and --port.",
)
@click.option("--registration", default="", help="The name under which a modem dials in, or a gateway's id.")
@click.option(
    "--dialect", default="transparent", show_default=True, help="How that modem registers; mqtt: gateway."
)
@click.option(
    "--modem",
    default="",
    help="Code of a modem: alone, of one that is there already (several meters on one line); with --host, "
    "--device, --dials or --registration, of a new one (default: M- and the serial).",
)
@click.option("--cell", default="", help="Radio cell of a new modem: the head-end does not press it.")
@click.option(
    "--live-every", "live_every_s", type=SECONDS, help="Seconds between two looks at its volts; 0: never."
)
@click.option("--point", default="", help="Measurement point; default: the customer's code and 001.")
@click.option("--customer", default="", help="Customer's code.")
@click.option("--name", "customer_name", default="", help="Customer's name, for a customer who is new.")
@click.option("--station", default="T01", show_default=True, help="Station of a new point.")
@click.option("--book", default="S01", show_default=True, help="Reading book of a new customer.")
@click.option("--plan", default="vn-household", show_default=True, help="Tariff plan of a new point.")
@click.option(
    "--multiplier",
    type=_Number(),
    help="CT × VT of a new point; default: 1, and to be said for a model behind transformers.",
)
@click.option("--digits", type=DIGITS, help="kWh digits of the register; default: as the model says.")
@click.option("--since", type=INSTANT, help="When it was hung; default: the first of last month.")
@click.option(
    "--index", "indices", type=INDEX, multiple=True, help="What it showed then, in kWh, like KT=1234.5."
)
@AS_OF
def add(
    serial: str,
    indices: tuple[tuple[str, Decimal], ...],
    port: int | None,
    since: datetime | None,
    as_of: datetime | None,
    **given: Any,
) -> None:
    """Hang a meter at a customer's measurement point.

    What is not there yet is made with it: modem, point and, with --name, the customer. What the meter keeps
    since --since in its own buffer is read by the next `ami collect`. Its password is taken from the
    environment variable AMI_METER_PASSWORD, its keys from the file that AMI_METER_KEYS names (TOML or JSON:
    encryption_key, authentication_key, master_key, in hex) or from AMI_METER_ENCRYPTION_KEY,
    AMI_METER_AUTHENTICATION_KEY and AMI_METER_MASTER_KEY; never from the command line.

    \b
    A modem with an address of its own, at a customer who was imported:
      AMI_METER_PASSWORD=… ami meter add 20260001 --model dk-1p --host 10.8.0.14 --customer HTX001
    The next meter on the same line:
      AMI_METER_PASSWORD=… ami meter add 20260002 --model dk-1p --modem M-20260001 --address 2 \\
          --customer HTX002
    A modem that dials in, at a customer who is new:
      ami meter add 20260003 --model dk-mb-log --registration 861234567890123 --dialect text-once \\
          --customer HTX003 --name 'Nguyễn Văn An'
    On a serial port of this machine, and reached by telephone, at customers who were imported:
      ami meter add 20260004 --model eastron-sdm120 --device /dev/ttyUSB0 --address 4 --customer HTX004
      AMI_METER_PASSWORD=… ami meter add 20260005 --model dk-1p --device /dev/ttyUSB1 \\
          --dials 0912345678 --address 17 --customer HTX005
    """
    settings = load()
    hung = since or midnight(add_months(local_day(clocks.clock(as_of)()).replace(day=1), -1))
    called = given["host"] and not given["dials"]
    new = importing.NewMeter(
        serial,
        since=hung,
        port=port or (meter_changes.usual_port(given["model"]) if called else 0),
        indices=meter_changes.raw_indices(serial, given["model"], indices),
        password=os.environ.get(PASSWORD_VARIABLE) or None,
        keys=meter_keys.of_the_fleet(serial, os.environ),
        **given,
    )
    with home.database(settings) as dsn, open_pool(dsn) as pool:
        key = home.key_file(settings, dsn)
        point = importing.add_meter(pool, new, key.wrap)
        closed = _closed(pool, serial)
    say(f"Meter {serial} hangs at {point.code} since {when(hung)}.")
    if closed:
        say(closed)
        return
    say(f"Try it: ami meter test {serial}")


@click.command()
@click.argument("serial")
@click.option("--model", help="Meter model; `ami meter models` lists them.")
@click.option(
    "--address",
    type=click.IntRange(0, 65535),
    help="DLMS logical device (on a bus and in a call: physical address), or Modbus unit.",
)
@click.option("--host", help="Name or IP address of its modem, which we call.")
@click.option("--port", type=PORT, help="The modem's port.")
@click.option("--udp/--tcp", "udp", default=None, help="Datagrams to host and port, or a connection.")
@click.option(
    "--device", metavar="PORT", help="Serial port it hangs at, or our modem does: '/dev/ttyUSB0 300 7E1'."
)
@click.option(
    "--dials", metavar="NUMBER", help="Telephone number of its modem; '' for a line that is no call any more."
)
@click.option("--registration", help="The name under which its modem dials in, or its gateway's id.")
@click.option("--dialect", help="How that modem registers; mqtt: a gateway.")
@click.option("--modem", help="Put the meter behind this modem, which is there already.")
@click.option("--digits", type=DIGITS, help="kWh digits of the register.")
@click.option("--cell", help="Radio cell of its modem; '' for none that is known.")
@click.option(
    "--live-every",
    "live_every_s",
    type=_LiveEvery(),
    help="Seconds between two looks at its volts; 0: never, usual: as [collector] live_every_s says.",
)
def change(serial: str, **given: Any) -> None:
    """Change how meter SERIAL is reached; what is not named stays as it is.

    A new password is taken from the environment variable AMI_METER_PASSWORD, keys as `ami meter add` takes
    them: those the meter has already (new ones are sent to it by `ami key rotate`). A modem that several
    meters share changes for all of them.

    \b
    AMI_METER_PASSWORD=… ami meter change 20260001
    AMI_METER_KEYS=keys.toml ami meter change 20260001
    ami meter change 20260001 --host 10.8.0.99 --port 4060
    """
    password = os.environ.get(PASSWORD_VARIABLE) or None
    keys = meter_keys.of_the_fleet(serial, os.environ)
    if password is None and keys is None and all(value is None for value in given.values()):
        said = f"nothing is to be changed: name an option, or set {PASSWORD_VARIABLE}"
        raise click.UsageError(f"{said} or {meter_keys.FILE_VARIABLE}")
    settings = load()
    with home.database(settings) as dsn, open_pool(dsn) as pool:
        key = home.key_file(settings, dsn)
        wanted = meter_changes.Change(password=password, keys=keys, **given)
        changed = meter_changes.change(pool, serial, wanted, key.wrap)
        closed = _closed(pool, serial)
    nouns = " and ".join(noun.removesuffix("s") for noun in changed)
    say(f"Meter {serial}: {nouns} changed." if changed else f"Meter {serial} is as it was.")
    if closed:
        say(closed)
    elif changed:
        say(f"Try it: ami meter test {serial}")


def _closed(pool: Pool, serial: str) -> str:
    """What its model wants and nobody has given, in a sentence; empty where it can be opened."""
    with pool.connection() as conn:
        return " ".join(opening.unopened(conn, [serial]).sentences())


@click.command("take-down")
@click.argument("serial")
@click.option("--at", type=INSTANT, help="When it was taken down; default: now.")
@click.option(
    "--index", "indices", type=INDEX, multiple=True, help="What it showed then, in kWh, like KT=1234.5."
)
@click.option("--undo", is_flag=True, help="It was a mistake: the meter never ceased to hang there.")
@AS_OF
def take_down(
    serial: str,
    at: datetime | None,
    indices: tuple[tuple[str, Decimal], ...],
    undo: bool,
    as_of: datetime | None,
) -> None:
    """Meter SERIAL was taken down; its readings stay, and it is billed up to then.

    For an exchange, hang the new one with `ami meter add … --point POINT --since THE-SAME-INSTANT` after it.

    \b
    ami meter take-down 20260001 --at 2026-10-14T09:30 --index KT=8123.4
    ami meter take-down 20260001 --undo
    """
    if undo and (at is not None or indices):
        raise click.UsageError("--undo takes back what was said: leave --at and --index out")
    settings = load()
    now = clocks.clock(as_of)()
    with home.database(settings) as dsn, open_pool(dsn) as pool:
        key = home.key_file(settings, dsn)
        if undo:
            stay = meter_changes.take_down_undone(pool, serial, key.wrap, by="ami", now=now)
            say(f"Meter {serial} hangs at {stay.point} since {when(stay.since)}, as if never taken down.")
            return
        stay = meter_changes.take_down(pool, serial, at or now, indices, key.wrap, by="ami", now=now)
    say(f"Meter {serial} hung at {stay.point} until {when(stay.until)}.")
    say(f"If that was a mistake: ami meter take-down {serial} --undo")
