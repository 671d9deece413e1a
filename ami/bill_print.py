"""`ami bill print`: bills as documents to print, to send and to keep."""

from __future__ import annotations

from pathlib import Path

import rich_click as click

from ami import home
from ami.bill_number import OFFICE, Number, chosen
from ami.console import counted, say
from ami.failure import InputFailure
from ami.instants import MONTH
from ami.settings import load
from model.period import Period
from operations import bill_print, paper
from operations.bill_sheets import printed
from storage.pool import open_pool

FILE = click.Path(path_type=Path, dir_okay=False)


@click.command("print")
@click.argument("number", type=Number(), required=False)
@click.option("--month", type=MONTH, help="All bills of this month instead, like 2026-10.")
@click.option("--output", type=FILE, required=True, help="File to write.")
@click.option("--pdf", is_flag=True, help="PDF on A4 instead of HTML; a file called .pdf is one anyhow.")
@click.option(
    "--paper", "size", type=click.Choice(["A5", "A4"]), help="Size of a sheet of HTML; default: A5."
)
@click.option("--force", is_flag=True, help="Write over a file that is there.")
def command(
    number: int | None, month: Period | None, output: Path, pdf: bool, size: str | None, force: bool
) -> None:
    """Write bill NUMBER, or all bills of a month, as a document that needs nothing but itself.

    Every bill begins on a sheet of its own. A PDF is a page a bill, with the months before and a code to
    pay by; HTML is opened in a browser and printed.

    \b
    ami bill print 17 --pdf --output bill-17.pdf
    ami bill print --month 2026-10 --pdf --output bills-2026-10.pdf
    ami bill print 17 --output bill-17.html
    """
    if (number is None) == (month is None):
        raise click.UsageError("name the NUMBER of a bill, or --month")
    pdf = pdf or output.suffix.lower() == ".pdf"
    if pdf and size == "A5":
        raise click.UsageError("a PDF is on A4: leave out --paper")
    if output.exists() and not force:
        raise InputFailure(f"{output} exists already: name another file, or write over it with --force.")
    settings = load()
    with home.database(settings) as dsn, open_pool(dsn) as pool, pool.connection() as conn:
        sheets = printed(conn, OFFICE, chosen(conn, number, month), settings.supplier)
    if pdf:
        output.write_bytes(paper.document(sheets))
    else:
        output.write_text(bill_print.pages(sheets, size or "A5"), encoding="utf-8")
    many = f"{counted(len(sheets), 'bill')} {'is' if len(sheets) == 1 else 'are'}"
    say(f"{f'Bill {number} is' if month is None else many} in {output}.")
