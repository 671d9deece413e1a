"""`ami bill`: the billing office."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import rich_click as click

from ami import clocks, home
from ami.console import counted, emit, say, table
from ami.failure import Exit, InputFailure, end
from ami.instants import DAY, INSTANT, MONTH, last_full_month
from ami.months import closed_or_said
from ami.settings import load
from model.jsonform import to_json
from model.period import Period, local_day
from model.viewer import UserRole, Viewer
from operations import bill_print, jobs, wording
from operations.vietnamese import dong
from storage import bills
from storage.pool import open_pool
from storage.register import has_customer

FILE = click.Path(path_type=Path, dir_okay=False)
OFFICE = Viewer(login="ami", role=UserRole.BILLING)


class _Number(click.ParamType[Any]):
    """The number of a bill, from 1 on."""

    name = "number"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if isinstance(value, int):
            return value
        if re.fullmatch(r"[0-9]{4}-[0-9]{2}", value):
            self.fail(f"{value} is a month: say --month {value}", param, ctx)
        if not re.fullmatch(r"[0-9]{1,17}", value):
            self.fail(f"{value!r} is no number of a bill: `ami bill list` gives them", param, ctx)
        return int(value)


@click.group("bill")
def command() -> None:
    """Bill a closed month, list and print bills."""


@command.command("run")
@click.option("--month", type=MONTH, help="Like 2026-10; default: the last full one.")
@click.option("--invoice-date", type=DAY, help="Decides the VAT rate; default: today.")
@click.option("--as-of", type=INSTANT, help="Stand at this instant instead of now.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
def run(month: Period | None, invoice_date: date | None, as_of: datetime | None, as_json: bool) -> None:
    """Bill the month; what cannot be billed is held with its reason (exit 3).

    A bill once issued never changes.
    """
    settings = load()
    clock = clocks.clock(as_of)
    period = month or last_full_month(clock())
    on = invoice_date or local_day(clock())
    with home.database(settings) as dsn:
        report = jobs.run_now(dsn, "bill", clock=clock, period=period, invoice_date=on)
        closed = bool(report.issued + report.unchanged) or closed_or_said(dsn, period)
    if as_json:
        wh = report.wh_billed  # exact, and a number as in the demo's document
        emit({**to_json(report), "wh_billed": int(wh) if wh == int(wh) else float(wh)})
    else:
        before = f"{report.unchanged:,} {'was' if report.unchanged == 1 else 'were'} issued before"
        say(f"{counted(report.issued, 'bill')} issued, {before}; together {dong(report.amount)}.")
        if report.held:
            rows = [
                (
                    hold.customer,
                    hold.named,
                    wording.hold(hold.kind, hold.named, hold.reason, settings.language),
                )
                for hold in report.held
            ]
            table("Held", ("Customer", "Meter", "Why"), rows)
        for sentence in report.conflicts:
            say(sentence)
    if report.held or report.conflicts or not closed:
        end(Exit.PARTLY)


@command.command("list")
@click.option("--month", type=MONTH, help="Like 2026-10; default: the last full one.")
@click.option("--customer", help="Only this customer's code.")
@click.option(
    "--limit", type=click.IntRange(1, 100_000), default=200, show_default=True, help="At most so many."
)
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
def show(month: Period | None, customer: str | None, limit: int, as_json: bool) -> None:
    """The bills whose period ends with a month, amounts in đồng with VAT."""
    period = month or last_full_month(clocks.wall())
    unknown = ""
    with home.database(load()) as dsn, open_pool(dsn) as pool, pool.connection() as conn:
        found = bills.bills(conn, OFFICE, customer=customer, month=local_day(period.start), limit=limit)
        if customer is not None and not found and not has_customer(conn, customer):
            unknown = f"No customer {customer} is registered: correct the code."
    if as_json:
        emit({"bills": found})
    if unknown:
        raise InputFailure(unknown)
    if as_json:
        return
    if not found:
        say("There is no such bill; `ami bill run` makes those of a closed month.")
        return
    rows = [(b.id, b.customer, b.customer_name, _days(b.period), f"{b.kwh:,}", dong(b.total)) for b in found]
    numbers = ("Bill", "kWh", "Total")
    table("", ("Bill", "Customer", "Name", "Period", "kWh", "Total"), rows, right=numbers)


@command.command("print")
@click.argument("number", type=_Number(), required=False)
@click.option("--month", type=MONTH, help="All bills of this month instead, like 2026-10.")
@click.option("--output", type=FILE, required=True, help="HTML file to write.")
@click.option(
    "--paper", type=click.Choice(["A5", "A4"]), default="A5", show_default=True, help="Size of a sheet."
)
@click.option("--force", is_flag=True, help="Write over a file that is there.")
def print_sheets(number: int | None, month: Period | None, output: Path, paper: str, force: bool) -> None:
    """Write bill NUMBER, or all bills of a month, as a document that needs nothing but itself.

    Open it in a browser and print; every bill begins on a sheet of its own.

    \b
    ami bill print 17 --output bill-17.html
    ami bill print --month 2026-10 --output bills-2026-10.html
    """
    if (number is None) == (month is None):
        raise click.UsageError("name the NUMBER of a bill, or --month")
    if output.exists() and not force:
        raise InputFailure(f"{output} exists already: name another file, or write over it with --force.")
    settings = load()
    with home.database(settings) as dsn, open_pool(dsn) as pool, pool.connection() as conn:
        if month is not None:
            listed = bills.bills(conn, OFFICE, month=local_day(month.start), limit=100_000)
            numbers = sorted(row.id for row in listed)
        else:
            numbers = [number or 0]
        sheets = [sheet for each in numbers if (sheet := bills.bill(conn, OFFICE, each)) is not None]
    if not sheets:
        asked = f"bill {number}" if month is None else f"bill of {local_day(month.start):%m/%Y}"
        raise InputFailure(f"There is no {asked}: see `ami bill list`.")
    printed = [
        bill_print.PrintedBill(
            sheet.id,
            sheet.bill,
            sheet.customer,
            settings.supplier,
            households=sheet.households,
        )
        for sheet in sheets
    ]
    output.write_text(bill_print.pages(printed, paper), encoding="utf-8")
    many = f"{counted(len(sheets), 'bill')} {'is' if len(sheets) == 1 else 'are'}"
    say(f"{f'Bill {number} is' if month is None else many} in {output}.")


def _days(period: Period) -> str:
    last = local_day(period.end) - timedelta(days=1)
    return f"{local_day(period.start):%d/%m/%Y} – {last:%d/%m/%Y}"
