"""`ami bill`: the billing office."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path

import rich_click as click

from ami import clocks, home
from ami.console import emit, say, table
from ami.demo_world import last_full_month
from ami.failure import Exit, InputFailure, end
from ami.instants import DAY, INSTANT, MONTH
from ami.settings import load
from model.period import LOCAL, Period, local_day
from model.viewer import UserRole, Viewer
from operations import bill_print, jobs, wording
from operations.vietnamese import dong
from storage import bills
from storage.pool import open_pool

OFFICE = Viewer(login="ami", role=UserRole.BILLING)


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
    if as_json:
        emit(report)
    else:
        before = f"{report.unchanged:,} were issued before"
        say(f"{report.issued:,} bills issued, {before}; together {dong(report.amount)}.")
        if report.held:
            rows = [
                (
                    hold.customer,
                    hold.serial,
                    wording.hold(hold.kind, hold.serial, hold.reason, settings.language),
                )
                for hold in report.held
            ]
            table("Held", ("Customer", "Meter", "Why"), rows)
        for sentence in report.conflicts:
            say(sentence)
    if report.held or report.conflicts:
        end(Exit.PARTLY)


@command.command("list")
@click.option("--month", type=MONTH, help="Like 2026-10; default: the last full one.")
@click.option("--customer", help="Customer code.")
@click.option("--limit", type=click.IntRange(1, 100_000), default=200, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
def show(month: Period | None, customer: str | None, limit: int, as_json: bool) -> None:
    """Bills of a month."""
    period = month or last_full_month(clocks.wall())
    with home.database(load()) as dsn, open_pool(dsn) as pool, pool.connection() as conn:
        found = bills.bills(conn, OFFICE, customer=customer, month=local_day(period.start), limit=limit)
    if as_json:
        emit({"bills": found})
        return
    numbers = ("kWh", "Total")
    table(
        "",
        ("Bill", "Customer", "Name", "From", "To", *numbers),
        [
            (
                b.id,
                b.customer,
                b.customer_name,
                _day(b.period.start),
                _day(b.period.end),
                f"{b.kwh:,}",
                dong(b.total),
            )
            for b in found
        ],
        right=numbers,
    )


@command.command("print")
@click.argument("number", type=int)
@click.option(
    "--output", type=click.Path(path_type=Path, dir_okay=False), required=True, help="HTML file to write."
)
@click.option("--paper", type=click.Choice(["A5", "A4"]), default="A5", show_default=True)
def print_sheet(number: int, output: Path, paper: str) -> None:
    """Write bill NUMBER as a page that needs nothing but itself; open it in a browser and print."""
    settings = load()
    with home.database(settings) as dsn, open_pool(dsn) as pool, pool.connection() as conn:
        sheet = bills.bill(conn, OFFICE, number)
    if sheet is None:
        raise InputFailure(f"There is no bill {number}: see `ami bill list`.")
    printed = bill_print.PrintedBill(sheet.id, sheet.bill, sheet.customer, supplier=settings.office)
    output.write_text(bill_print.html(printed, paper), encoding="utf-8")
    say(f"Bill {number} is in {output}.")


def _day(at: datetime) -> str:
    return f"{at.astimezone(LOCAL):%d/%m/%Y}"
