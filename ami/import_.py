"""`ami import`: what the office already has."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import rich_click as click

from ami import home
from ami.console import emit, say
from ami.failure import InputFailure
from ami.settings import load
from model.errors import ModelError
from model.grid import Register
from model.jsonform import from_json
from operations import customer_file, importing
from storage.pool import open_pool
from storage.secrets import WrappingKey

FILE = click.Path(path_type=Path, dir_okay=False)


@click.group("import")
def command() -> None:
    """Bring in customers, meters and the register of the grid."""


@command.command()
@click.argument("file", type=FILE)
def template(file: Path) -> None:
    """Write an empty customer file (.xlsx or .csv) with one example line, to be filled in."""
    if file.exists():
        raise InputFailure(f"{file} exists already: name another file.")
    if file.suffix.lower() not in (".xlsx", ".csv"):
        raise InputFailure(f"{file}: end the name in .xlsx or .csv.")
    customer_file.write_template(file)
    say(f"{file}: fill in a line for each measurement point, then `ami import customers {file}`.")


@command.command()
@click.argument("file", type=FILE)
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
def customers(file: Path, as_json: bool) -> None:
    """Bring in customers and their measurement points from FILE (.xlsx or .csv), all lines or none."""
    if not file.exists():
        raise InputFailure(f"There is no file {file}.")
    settings = load()
    key = WrappingKey.load_or_create(settings.wrapping_key_path)
    with home.database(settings) as dsn, open_pool(dsn) as pool:
        counts = importing.import_customers(pool, file, key.wrap)
    if as_json:
        emit(counts)
    else:
        say(f"{file}: {_told(counts.added)} added, {_told(counts.changed)} changed.")


@command.command()
@click.argument("file", type=FILE)
def register(file: Path) -> None:
    """Bring in a whole register of a grid (JSON, as `ami export register` writes it)."""
    try:
        document = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputFailure(
            f"{file} is no JSON document that can be read ({error}): give what `ami export register` wrote."
        ) from error
    try:
        found = from_json(Register, document)
    except ModelError as error:
        raise InputFailure(
            f"{file} is no register of a grid, nothing was stored ({error}): correct it there."
        ) from error
    settings = load()
    key = WrappingKey.load_or_create(settings.wrapping_key_path)
    with home.database(settings) as dsn, open_pool(dsn) as pool:
        counts = importing.import_register(pool, found, key.wrap)
    say(f"{file}: {_told(counts.added)} added, {_told(counts.changed)} changed.")


def _told(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {noun}" for noun, count in counts.items() if count) or "nothing"
