"""Files of `ami export` for other programs: readings, the route of a book, bills."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import rich_click as click

from ami import clocks, home
from ami.bill_number import OFFICE
from ami.console import counted, emit, say
from ami.failure import Exit, InputFailure, end
from ami.instants import DAY, MONTH, last_full_month
from ami.settings import load
from model.jsonform import to_json
from model.period import Period, local_day, midnight
from operations import bills_out, customer_export, formats, readings_out, route, station_file
from operations.formats.numbers import plain
from operations.formats.values import Unusable
from operations.spreadsheet import csv_text, write_csv, write_xlsx
from storage import fleet
from storage.errors import Unknown
from storage.pool import open_pool
from storage.register import register, stations

OUTPUT = click.option(
    "--output", type=click.Path(path_type=Path, dir_okay=False), help="Write here instead of stdout."
)
FORMAT = click.option(
    "--format",
    "form",
    type=click.Choice(["csv", "json", "xlsx"]),
    default="csv",
    show_default=True,
    help="XLSX needs --output.",
)
SHEET = click.option(
    "--format",
    "form",
    type=click.Choice(["csv", "xlsx"]),
    default="csv",
    show_default=True,
    help="XLSX needs --output.",
)


def put(
    form: str, output: Path | None, title: str, columns: Sequence[str], rows: Iterable[Sequence[object]]
) -> None:
    """Write a table to a file or to stdout, in which no cell is a formula."""
    if form == "xlsx":
        if output is None:
            raise click.UsageError("an XLSX workbook needs a file: give --output")
        write_xlsx(output, title, columns, rows)
        return
    texts = ([plain(cell) if isinstance(cell, Decimal) else cell for cell in row] for row in rows)
    if output is not None:
        write_csv(output, columns, texts)
    else:
        sys.stdout.write(csv_text(columns, texts))


def _document(document: Any, output: Path | None) -> None:
    if output is None:
        emit(document)
        return
    import orjson

    output.write_bytes(orjson.dumps(to_json(document), option=orjson.OPT_INDENT_2) + b"\n")


@click.command("readings")
@click.option("--meter", "serial", required=True, help="Serial of the meter.")
@click.option("--from", "first", type=DAY, help="First local day; default: the first stored.")
@click.option("--to", "last", type=DAY, help="Local day to end before; default: after the last stored.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["nem12", "nem13", "greenbutton", "csv", "xlsx"]),
    required=True,
    help="NEM13 gives the closed indices, the others every interval.",
)
@OUTPUT
def readings(serial: str, first: date | None, last: date | None, form: str, output: Path | None) -> None:
    """The readings of one meter, all channels with their quality, as other programs read them.

    `ami import FILE --format …` takes each of them back as it was.

    \b
    ami export readings --meter 20260001 --from 2026-10-01 --to 2026-11-01 --format nem12 --output m.csv
    ami export readings --meter 20260001 --format greenbutton --output m.xml
    """
    if first and last and last < first:
        raise click.UsageError(f"--from {first} lies after --to {last}: exchange them")
    if form == "xlsx" and output is None:
        raise click.UsageError("an XLSX workbook needs a file: give --output")
    period = Period(midnight(first or date(1970, 1, 1)), midnight(last or date(2200, 1, 1)))
    made = clocks.wall()
    with home.database(load()) as dsn, open_pool(dsn) as pool, pool.connection() as conn:
        if serial not in fleet.meter_ids(conn, [serial]):
            raise InputFailure(f"No meter {serial} is registered: see `ami meter list`.")
        try:
            if form in ("csv", "xlsx"):
                put(form, output, serial[:31], readings_out.TABLE, readings_out.table(conn, serial, period))
                return
            text = getattr(readings_out, form)(conn, serial, period, made)
        except Unusable as refused:
            raise InputFailure(f"Meter {serial} cannot be written so: {refused.why}.") from refused
    if output is not None:
        output.write_text(text, encoding="utf-8", newline="")
    else:
        sys.stdout.write(text)


@click.command("route")
@click.option("--book", required=True, help="Code of the reading book.")
@click.option(
    "--month", type=MONTH, help="Whose indices are to be read, like 2026-10; default: the last full one."
)
@click.option("--again", is_flag=True, help="Only meters that came back with a code instead of an index.")
@click.option("--force", is_flag=True, help="Write over a file that is there.")
@FORMAT
@OUTPUT
def walk(book: str, month: Period | None, again: bool, force: bool, form: str, output: Path | None) -> None:
    """The registers to be read of a book's customers, with what they read before, for the reader's device.

    The device fills in CS_MOI (the index), TTR_MOI (the status), CS_DOC_LAI (read again) and ANH (the photo);
    `ami import FILE --format handheld` takes it back.

    \b
    ami export route --book S01 --month 2026-10 --output route-S01.csv
    """
    if output is not None and output.exists() and not force:
        raise InputFailure(f"{output} exists already: name another file, or write over it with --force.")
    period = month or last_full_month(clocks.wall())
    with home.database(load()) as dsn, open_pool(dsn) as pool:
        try:
            found = route.route(pool, book, period, again=again)
        except Unknown as error:
            raise InputFailure(str(error)) from error
    if form == "json":
        _document({"columns": found.columns, "rows": found.rows}, output)
    else:
        rows = [[row[name] for name in found.columns] for row in found.rows]
        put(form, output, book[:31], found.columns, rows)
    if output is not None:
        say(f"{counted(len(found.rows), 'register')} to read in {output}.")


@click.command("bills")
@click.option("--month", type=MONTH, help="Like 2026-10; default: the last full one.")
@click.option("--lines", "by_line", is_flag=True, help="A row for each line of a bill (tier or register).")
@FORMAT
@OUTPUT
def bills(month: Period | None, by_line: bool, form: str, output: Path | None) -> None:
    """The bills whose period ends with a month, under the trade's column names. Exit 3 when there is none.

    JSON gives each bill whole, with its lines and registers.

    \b
    ami export bills --month 2026-10 --format xlsx --output bills-2026-10.xlsx
    """
    period = month or last_full_month(clocks.wall())
    with home.database(load()) as dsn, open_pool(dsn) as pool, pool.connection() as conn:
        found = bills_out.month(conn, OFFICE, local_day(period.start))
        if form == "json":
            _document({"bills": [bills_out.document(one) for one in found]}, output)
        else:
            columns, rows = bills_out.lines(found) if by_line else bills_out.table(found)
            put(form, output, f"{local_day(period.start):%Y-%m}", columns, rows)
    if output is not None:
        say(f"{counted(len(found), 'bill')} in {output}.")
    if not found:
        say("There is no such bill; `ami bill run` makes those of a closed month.")
        end(Exit.PARTLY)


@click.command("schema")
@click.argument("name", type=click.Choice(["readings", "intervals", "route", "closing", "bills"]))
def schema(name: str) -> None:
    """The JSON Schema of a document: `readings` of what `ami import FILE --json` says."""
    sys.stdout.write((Path(formats.__file__).parent / f"{name}.schema.json").read_text(encoding="utf-8"))


@click.command("customers")
@SHEET
@OUTPUT
def customers(form: str, output: Path | None) -> None:
    """The customer file as it stands: a line for each measurement point with the supply agreed last.

    Changed and given a later “Từ ngày” where the change begins, `ami import customers` takes it again.

    \b
    ami export customers --format xlsx --output customers.xlsx
    """
    with home.database(load()) as dsn, open_pool(dsn) as pool, pool.connection() as conn:
        columns, rows = customer_export.table(register(conn))
    put(form, output, "Khách hàng", columns, rows)
    if output is not None:
        say(f"{counted(len(rows), 'point')} in {output}.")


@click.command("stations")
@SHEET
@OUTPUT
def substations(form: str, output: Path | None) -> None:
    """The file of stations as it stands: a line for each transformer; `ami import stations` takes it again.

    \b
    ami export stations --format xlsx --output stations.xlsx
    """
    with home.database(load()) as dsn, open_pool(dsn) as pool, pool.connection() as conn:
        columns, rows = station_file.table(stations(conn))
    put(form, output, "Trạm biến áp", columns, rows)
    if output is not None:
        say(f"{counted(len(rows), 'line')} in {output}.")
