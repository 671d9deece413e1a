"""`ami export`: what is stored, for other programs."""

from __future__ import annotations

import sys
from datetime import date
from pathlib import Path

import rich_click as click

from ami import clocks, home
from ami.console import counted, emit, say
from ami.export_files import bills, customers, put, readings, schema, substations, walk
from ami.failure import Exit, InputFailure, end
from ami.instants import DAY, MONTH, last_full_month
from ami.months import closed_or_said
from ami.settings import load
from model.period import LOCAL, Period, midnight
from operations import closing_sheet
from operations.spreadsheet import csv_text
from storage import fleet, profiles
from storage.pool import open_pool
from storage.register import register as known_register


@click.group("export")
def command() -> None:
    """Readings, closing indices, bills, routes, customers, stations and the register, for other programs."""


for _one in (readings, walk, bills, schema, customers, substations):
    command.add_command(_one)


def _both(as_json: bool, as_csv: bool) -> bool:
    if as_json == as_csv:
        raise click.UsageError("choose one of --json and --csv")
    return as_json


@command.command()
@click.option("--meter", "serial", required=True, help="Serial of the meter.")
@click.option("--from", "first", type=DAY, help="First local day; default: the first stored.")
@click.option(
    "--to", "last", type=DAY, help="Local day to end before, itself left out; default: after the last stored."
)
@click.option(
    "--quality",
    type=click.Choice(["actual", "estimated", "suspect", "edited", "missing"]),
    help="Only these.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
@click.option("--csv", "as_csv", is_flag=True, help="CSV with a header line.")
def intervals(
    serial: str, first: date | None, last: date | None, quality: str | None, as_json: bool, as_csv: bool
) -> None:
    """The intervals of one meter: local beginning, Wh (primary side), quality.

    \b
    ami export intervals --meter 20260001 --from 2026-10-01 --to 2026-11-01 --csv
    ami export intervals --meter 20260001 --quality actual --json
    """
    as_json = _both(as_json, as_csv)
    if first and last and last < first:
        raise click.UsageError(f"--from {first} lies after --to {last}: exchange them")
    period = Period(midnight(first or date(1970, 1, 1)), midnight(last or date(2200, 1, 1)))
    with home.database(load()) as dsn, open_pool(dsn) as pool, pool.connection() as conn:
        if serial not in fleet.meter_ids(conn, [serial]):
            raise InputFailure(f"No meter {serial} is registered: see `ami meter list`.")
        rows = [
            {
                "at": row.at.astimezone(LOCAL).isoformat(),
                "wh": row.wh,
                "quality": row.quality.word,
                "method": row.method.name.lower() if row.method else "",
            }
            for row in profiles.rows(conn, serial, period)
            if quality is None or row.quality.word == quality
        ]
    if as_json:
        emit({"meter": serial, "rows": rows})
    else:
        sys.stdout.write(
            csv_text(("meter", "at", "wh", "quality", "method"), [(serial, *row.values()) for row in rows])
        )


@command.command()
@click.option("--month", type=MONTH, help="Like 2026-10; default: the last full one.")
@click.option(
    "--output", type=click.Path(path_type=Path, dir_okay=False), help="Write here instead of stdout."
)
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
@click.option("--csv", "as_csv", is_flag=True, help="CSV with the billing trade's column names.")
@click.option("--xlsx", "as_xlsx", is_flag=True, help="The same as a workbook; needs --output.")
def closing(month: Period | None, output: Path | None, as_json: bool, as_csv: bool, as_xlsx: bool) -> None:
    """The closing indices of a month, as the billing trade names them (MA_KHANG, CS_CU, CS_MOI …).

    Exit 3 when the month is not closed.

    \b
    ami export closing --month 2026-10 --csv --output closing-2026-10.csv
    """
    if as_json + as_csv + as_xlsx != 1:
        raise click.UsageError("choose one of --json, --csv and --xlsx")
    if as_xlsx and output is None:
        raise click.UsageError("an XLSX workbook needs a file: give --output")
    period = month or last_full_month(clocks.wall())
    with home.database(load()) as dsn, open_pool(dsn) as pool:
        sheet = closing_sheet.sheet(pool, period)
        closed = bool(sheet.rows) or closed_or_said(dsn, period)
    if as_json:
        emit(
            {
                "columns": sheet.columns,
                "rows": [dict(zip(sheet.columns, row, strict=True)) for row in sheet.rows],
            }
        )
    else:
        rows = closing_sheet.with_numbers(sheet) if as_xlsx else sheet.rows
        put("xlsx" if as_xlsx else "csv", output, "closing", sheet.columns, rows)
        if output is not None:
            say(f"{counted(len(sheet.rows), 'row')} of closing indices in {output}.")
    if not closed:
        end(Exit.PARTLY)


@command.command()
@click.option("--json", "as_json", is_flag=True, help="JSON, which it is without this too.")
def register(as_json: bool) -> None:
    """Everything known of the grid, as JSON without passwords; `ami import register` takes it back."""
    with home.database(load()) as dsn, open_pool(dsn) as pool, pool.connection() as conn:
        emit(known_register(conn))
