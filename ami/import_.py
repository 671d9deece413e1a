"""`ami import`: what the office already has."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import rich_click as click

from ami import clocks, home
from ami.console import emit, say
from ami.failure import InputFailure
from ami.import_readings import readings
from ami.instants import last_full_month
from ami.options import JSON
from ami.refused_lines import each_told
from ami.settings import load
from model.errors import ModelError
from model.grid import Register
from model.jsonform import from_json
from model.period import local_day
from operations import customer_file, importing, meter_file, meter_template, opening, station_file
from operations.errors import FileError
from storage.grid import RegisterCounts
from storage.pool import Pool, open_pool

FILE = click.Path(path_type=Path, dir_okay=False)


class _Import(click.RichGroup):
    """A group that takes a file of readings too: `ami import FILE --format …`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        named = any(word == "--format" or word.startswith("--format=") for word in args)
        if args and args[0] not in self.commands and (named or Path(args[0]).is_file()):
            args = ["readings", *args]
        return super().parse_args(ctx, args)


@click.group("import", cls=_Import)
def command() -> None:
    """Bring in customers, stations, meters, the register, and readings (`ami import FILE --format …`)."""


command.add_command(readings)


@command.command()
@click.argument("file", type=FILE)
@click.option(
    "--of",
    "what",
    type=click.Choice(["customers", "meters", "stations"]),
    default="customers",
    show_default=True,
    help="What the file is to list.",
)
def template(file: Path, what: str) -> None:
    """Write an empty file of customers, meters or stations (.xlsx or .csv) with one example line, to fill in.

    The .xlsx has a second sheet that says, in Vietnamese, what goes into which column.
    """
    if file.exists():
        raise InputFailure(f"{file} exists already: name another file.")
    if file.suffix.lower() not in (".xlsx", ".csv"):
        raise InputFailure(f"{file}: end the name in .xlsx or .csv.")
    if what == "meters":
        meter_template.write(file)
        say(f"{file}: put a line for each meter to be hung in the place of the example,")
        say(f"then bring it in: ami import meters {file}")
        return
    if what == "stations":
        station_file.write_template(file)
        say(f"{file}: put a line for each station's transformer in the place of the example,")
        say(f"then bring it in: ami import stations {file}")
        return
    month = last_full_month(clocks.wall())
    customer_file.write_template(file, local_day(month.start))
    say(f"{file}: put a line for each measurement point in the place of the example,")
    say(f"then bring it in: ami import customers {file}")


@command.command()
@click.argument("file", type=FILE)
@JSON
def customers(file: Path, as_json: bool) -> None:
    """Bring in customers and their measurement points from FILE (.xlsx or .csv), all lines or none.

    The line that the template came with may stay in it: it is left out.
    """
    with _store(file) as (pool, wrap), each_told():
        counts = customer_file.bring_in(pool, file, wrap, _remark)
    _report(file, counts, as_json)


@command.command()
@click.argument("file", type=FILE)
@JSON
def meters(file: Path, as_json: bool) -> None:
    """Hang the meters of FILE (.xlsx or .csv) at customers' points, all lines or none.

    Like `ami meter add`, a line each. The line that the template came with may stay in it. Passwords are kept
    wrapped: delete the file then.
    """
    with _store(file) as (pool, wrap):
        with each_told():
            counts, serials = meter_file.bring_in(pool, file, wrap, _remark)
        with pool.connection() as conn:
            lacking = opening.unopened(conn, serials).sentences()
    _report(file, counts, as_json)
    for sentence in lacking:
        say(sentence)


@command.command()
@click.argument("file", type=FILE)
@JSON
def stations(file: Path, as_json: bool) -> None:
    """Bring in stations and what feeds them (kVA, losses) from FILE (.xlsx or .csv), all lines or none.

    A transformer that was exchanged is one more line with its day. Load is judged by its kVA, the technical
    loss of a balance is reckoned from its losses. The line that the template came with may stay in it.

    \b
    ami import template stations.xlsx --of stations
    ami import stations stations.xlsx
    """
    with _store(file) as (pool, wrap), each_told():
        counts = station_file.bring_in(pool, file, wrap, _remark)
    _report(file, counts, as_json)


@command.command()
@click.argument("file", type=FILE)
@JSON
def register(file: Path, as_json: bool) -> None:
    """Bring in a whole register of a grid (JSON, as `ami export register` writes it), all of it or nothing.

    What it names is added or changed, what it does not name is left alone. An exported register has no
    passwords; meters keep those they have.
    """
    try:
        document = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputFailure(
            f"{file} is no JSON document that can be read ({error}): give what `ami export register` wrote."
        ) from error
    if isinstance(document, dict) and "ready" in document:
        document = document.get("register")  # what `ami simulate fleet` printed
    try:
        found = from_json(Register, document)
    except ModelError as error:
        raise InputFailure(
            f"{file} is no register of a grid, nothing was stored ({error}): correct it there."
        ) from error
    with _store(file) as (pool, wrap):
        counts = importing.import_register(pool, found, wrap)
        with pool.connection() as conn:
            closed = opening.unopened(conn, [meter.serial for meter in found.meters])
    _report(file, counts, as_json)
    for sentence in closed.sentences():
        say(sentence)


@contextmanager
def _store(file: Path) -> Iterator[tuple[Pool, importing.Wrap]]:
    """Where what stands in the file goes, and what wraps the passwords in it."""
    if not file.exists():
        raise InputFailure(f"There is no file {file}.")
    settings = load()
    with home.database(settings) as dsn, open_pool(dsn) as pool:
        yield pool, home.key_file(settings, dsn).wrap


def _remark(what: FileError) -> None:
    say(f"  {what}")


def _report(file: Path, counts: RegisterCounts, as_json: bool) -> None:
    if as_json:
        emit(counts)
    elif not sum(counts.added.values()) + sum(counts.changed.values()):
        say(f"{file}: everything in it was there already.")
    else:
        say(f"{file}: {_told(counts.added)} added, {_told(counts.changed)} changed.")


def _told(counts: Mapping[str, int]) -> str:
    """Like `2 stations, 1 supply`."""
    parts = [f"{count:,} {noun if count > 1 else SINGULAR[noun]}" for noun, count in counts.items() if count]
    return ", ".join(parts) or "nothing"


SINGULAR = {
    "stations": "station",
    "transformers": "transformer",
    "feeders": "feeder",
    "books": "book",
    "customers": "customer",
    "modems": "modem",
    "meters": "meter",
    "passwords": "password",
    "keys": "key",
    "points": "point",
    "multipliers": "multiplier",
    "supplies": "supply",
    "installations": "installation",
}
