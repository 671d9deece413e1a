"""`ami bill einvoice`, `ami bill einvoiced`: out to the provider that signs, and what it tells afterwards."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import rich_click as click

from ami import clocks, home
from ami.bill_number import OFFICE, Number, chosen
from ami.console import counted, emit, say
from ami.failure import Exit, InputFailure, end
from ami.instants import MONTH
from ami.options import JSON
from ami.refused_lines import each_told
from ami.settings import load
from model.period import Period
from model.series import REACTIVE_CODE
from operations import einvoice, einvoice_numbers
from operations.bill_print import PrintedBill, number_of
from operations.bill_sheets import printed
from operations.einvoice import Issuing
from operations.errors import InputError
from storage import einvoices
from storage.einvoices import EInvoiceConflict, EInvoiceCounts
from storage.errors import Unknown
from storage.pool import open_pool

FOLDER = click.Path(path_type=Path, file_okay=False)
FILE = click.Path(path_type=Path, exists=True, dir_okay=False)


@click.command("einvoice")
@click.argument("number", type=Number(), required=False)
@click.option("--month", type=MONTH, help="All bills of this month instead, like 2026-10.")
@click.option("--out", type=FOLDER, required=True, help="Folder to write to; made where it is not there.")
@click.option("--force", is_flag=True, help="Write over files that are there.")
@JSON
def out(number: int | None, month: Period | None, out: Path, force: bool, as_json: bool) -> None:
    """Write bill NUMBER, or all bills of a month, as XML of electronic invoices, one file a bill.

    They are not signed: the provider whose program signs and sends them takes them, and tells afterwards
    which number each got (`ami bill einvoiced`). A bill of 0 kWh is no sale and is left out (exit 3). The
    surcharge for reactive energy is an invoice of its own: 0000017-VC.xml. Of a month what can go out does,
    and the rest is named (exit 3): a correction waits until the number of what it corrects is known.

    \b
    ami bill einvoice 17 --out e-invoices
    ami bill einvoice --month 2026-10 --out e-invoices-2026-10
    """
    settings = load()
    issuing = Issuing(settings.einvoice_series, settings.einvoice_provider)
    with home.database(settings) as dsn, open_pool(dsn) as pool, pool.connection() as conn:
        sheets = printed(conn, OFFICE, chosen(conn, number, month), settings.supplier)
    einvoice.refuse_office(settings.supplier, issuing)
    files: dict[Path, bytes] = {}
    refused: list[tuple[str, str]] = []
    for name, sheet, reactive in _invoices(sheets):
        try:
            files[out / f"{name}.xml"] = einvoice.xml(sheet, issuing, reactive=reactive)
        except InputError as error:
            if number is not None:
                raise
            refused.append((name, str(error)))
    there = [file for file in files if file.exists()]
    if there and not force:
        raise InputFailure(f"{there[0]} exists already: name another folder, or write over it with --force.")
    out.mkdir(parents=True, exist_ok=True)
    for file, document in files.items():
        file.write_bytes(document)
    left = [sheet.number for sheet in sheets if not sheet.bill.lines]
    if as_json:
        why = [{"invoice": name, "why": said} for name, said in refused]
        emit({"files": [str(file) for file in files], "nothing_sold": left, "refused": why})
    else:
        say(f"{counted(len(files), 'e-invoice')} {'is' if len(files) == 1 else 'are'} in {out}, unsigned.")
        if left:
            say(f"{counted(len(left), 'bill')} of 0 kWh left out: {', '.join(map(str, left))}.")
        for _, said in refused:
            say(f"Not written: {said}.")
    if left or refused:
        end(Exit.PARTLY)


def _invoices(sheets: Sequence[PrintedBill]) -> Iterator[tuple[str, PrintedBill, bool]]:
    """Each invoice that bills ask for: its name, the bill, whether it is the surcharge's."""
    for sheet in sheets:
        if sheet.bill.lines:
            yield number_of(sheet.number), sheet, False
    for sheet in sheets:
        if sheet.bill.reactive is not None and sheet.bill.reactive.total:
            yield f"{number_of(sheet.number)}-{REACTIVE_CODE}", sheet, True


@click.command("einvoiced")
@click.argument("file", type=FILE)
@JSON
def told(file: Path, as_json: bool) -> None:
    """Keep which number each bill's e-invoice got: CSV or XLSX with the columns bill, series, number, date
    and, where there is one, code.

    Bills say it from then on, and a correction names it. All of the file is kept, or nothing. The surcharge
    of bill 17 is called 17-VC.

    \b
    ami bill einvoiced numbers-2026-10.csv
    """
    with each_told():
        read = einvoice_numbers.read(file)
    try:
        with home.database(load()) as dsn, open_pool(dsn) as pool, pool.connection() as conn:
            counts = einvoices.record(conn, read.bills, clocks.wall())
            apart = einvoices.record(conn, read.surcharges, clocks.wall(), reactive=True)
            counts = EInvoiceCounts(counts.new + apart.new, counts.unchanged + apart.unchanged)
    except EInvoiceConflict as error:
        raise InputFailure(f"{file.name} was not taken: {error}") from error
    except Unknown as error:
        raise InputFailure(f"{file.name} was not taken: there is no bill {error.name}.") from error
    if as_json:
        emit(counts)
    else:
        was = "was" if counts.unchanged == 1 else "were"
        say(f"{counted(counts.new, 'e-invoice')} recorded, {counts.unchanged:,} {was} known before.")
