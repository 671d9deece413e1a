"""`ami bill run` and `list`: a month billed at once, and its bills."""

from __future__ import annotations

from datetime import date, datetime

import rich_click as click

from ami import clocks, home
from ami.bill_number import OFFICE
from ami.console import counted, dong, emit, say, table
from ami.failure import Exit, InputFailure, end
from ami.instants import DAY, MONTH, last_full_month
from ami.months import closed_or_said
from ami.options import AS_OF, JSON
from ami.settings import load
from model.jsonform import to_json
from model.period import Period, local_day
from operations import jobs, wording
from storage import bills
from storage.bills import BillRow
from storage.pool import open_pool
from storage.register import has_customer


@click.command("run")
@click.option("--month", type=MONTH, help="Like 2026-10; default: the last full one.")
@click.option("--invoice-date", type=DAY, help="Decides the VAT rate; default: today.")
@AS_OF
@JSON
def run(month: Period | None, invoice_date: date | None, as_of: datetime | None, as_json: bool) -> None:
    """Bill the month at once; what cannot be billed is held with its reason (exit 3).

    A bill once issued never changes. Where `[office] second_person` is set, this drafts and checks a run,
    which somebody has to approve: see `ami bill approve`.
    """
    settings = load()
    clock = clocks.clock(as_of)
    period = month or last_full_month(clock())
    on = invoice_date or local_day(clock())
    with home.database(settings) as dsn:
        second = settings.second_person
        report = jobs.run_now(dsn, "bill", clock=clock, period=period, invoice_date=on, second_person=second)
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
    if second and not report.issued:
        say("What is drafted and checked waits for a second person: `ami bill runs` names the run.")
    if report.held or report.conflicts or second or not closed:
        end(Exit.PARTLY)


@click.command("list")
@click.option("--month", type=MONTH, help="Like 2026-10; default: the last full one.")
@click.option("--customer", help="Only this customer's code.")
@click.option(
    "--limit", type=click.IntRange(1, 100_000), default=200, show_default=True, help="At most so many."
)
@JSON
def listed(month: Period | None, customer: str | None, limit: int, as_json: bool) -> None:
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
    rows = [
        (b.id, b.customer, b.customer_name, b.period.shown, f"{b.kwh:,}", dong(b.total), _corrects(b))
        for b in found
    ]
    heads = ("Bill", "Customer", "Name", "Period", "kWh", "Total", "Correction")
    table("", heads, rows, right=("Bill", "kWh", "Total"))
    if len(found) == limit:
        say(f"The first {limit:,}; --limit shows more.")


def _corrects(row: BillRow) -> str:
    """Which bill this one adjusts or replaces, or which one holds instead of it."""
    if row.replaced_by is not None:
        return f"replaced by {row.replaced_by}"
    return "" if row.corrects is None else f"{row.correction} {row.corrects}"
