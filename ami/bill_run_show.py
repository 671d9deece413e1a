"""`ami bill show`, `runs` and `what-if`: billing runs looked at; nothing is written."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

import rich_click as click
from psycopg import Connection
from psycopg.rows import TupleRow

from ami import clocks, home
from ami.bill_number import Number
from ami.console import counted, dong, emit, facts, progress, say, table, when
from ami.instants import DAY, MONTH, last_full_month
from ami.options import AS_OF, JSON
from ami.settings import load
from model.jsonform import to_json
from model.period import Period, local_day
from operations import wording
from operations.runs import what_if as supposing
from storage import billing_runs, run_totals
from storage.billing_runs import Item, Run
from storage.pool import open_pool
from storage.run_totals import By, Total

MOST = 10_000  # held-back customers in one document


def document(conn: Connection[TupleRow], number: int) -> dict[str, Any]:
    """A run as JSON: who did what, its sums, its totals beside the month before, who is held back and why."""
    run = billing_runs.find(conn, number)
    told = billing_runs.items(conn, number, outcomes=("held", "conflict"), limit=MOST)
    return {
        "run": _run(run),
        "sums": to_json(run_totals.sums(conn, number)),
        "totals": {by.value: to_json(run_totals.totals(conn, number, by)) for by in By},
        "held_back": [_held(one) for one in told if one.outcome == "held"],
        "conflicts": [one.reason for one in told if one.outcome == "conflict"],
        "findings": to_json(billing_runs.findings(conn, number)),
    }


def _run(run: Run) -> dict[str, Any]:
    found: dict[str, Any] = to_json(run)
    for name in ("indices_sha256", "bills_sha256"):
        digest = getattr(run, name)
        found[name] = None if digest is None else digest.hex()
    return found


def _held(one: Item) -> dict[str, str]:
    return {
        "point": one.point,
        "customer": one.customer,
        "serial": one.serial,
        "kind": one.kind,
        "reason": one.reason,
    }


def report(found: Mapping[str, Any], language: str) -> None:
    """The document for a person."""
    run, sums = found["run"], found["sums"]
    span = Period(*(datetime.fromisoformat(run[name]) for name in ("from_at", "to_at"))).shown
    facts(
        [
            ("Run", f"{run['id']}, {run['state']}"),
            ("Period", span),
            ("Book", run["book"] or "all"),
            ("Invoice date", f"{date.fromisoformat(run['invoice_date']):%d/%m/%Y}"),
            *((word.capitalize(), by) for word in _STEPS if (by := _by(run, word))),
            ("Bills", f"{sums['bills']:,}, {sums['kwh']:,} kWh, {dong(sums['total'])}"),
            ("Reactive energy", dong(sums["reactive"]) if sums["reactive"] else None),
            ("Held back", f"{sums['held']:,}"),
            ("Issued before", f"{sums['standing']:,}"),
            ("Closing indices", run["indices_sha256"] and f"SHA-256 {run['indices_sha256']}"),
        ]
    )
    for by, title in ((By.PLAN, "Plan"), (By.STATION, "Station"), (By.BOOK, "Book")):
        rows = [_total(Total(**one)) for one in found["totals"][by.value]]
        columns = (title, "Bills", "kWh", "Total", "Before: bills", "kWh ", "Total ")
        table("", columns, rows, right=columns[1:])
    if found["held_back"]:
        rows = [
            (
                one["customer"],
                one["serial"] or one["point"],
                wording.hold(one["kind"], one["serial"] or one["point"], one["reason"], language),
            )
            for one in found["held_back"]
        ]
        table("Held back", ("Customer", "Meter", "Why"), rows)
    for one in found["findings"]:
        if not one["holds"]:
            say(wording.noticed(one["kind"], one["object"], one["said"], one["facts"], language))
    for sentence in found["conflicts"]:
        say(sentence)


_STEPS = ("drafted", "checked", "approved", "issued", "withdrawn")


def _by(run: Mapping[str, Any], step: str) -> str:
    at, by = run[f"{step}_at"], run[f"{step}_by"]
    return f"{by or 'at once'}, {when(datetime.fromisoformat(at))}" if at else ""


def _total(one: Total) -> tuple[str, ...]:
    now = (f"{one.bills:,}", f"{one.kwh:,}", dong(one.total))
    return one.key, *now, f"{one.bills_before:,}", f"{one.kwh_before:,}", dong(one.total_before)


@click.command()
@click.argument("number", metavar="RUN", type=Number())
@JSON
def show(number: int, as_json: bool) -> None:
    """A billing RUN: its state, totals by plan, station and book beside the month before, who is held back
    and why."""
    settings = load()
    with home.database(settings) as dsn, open_pool(dsn) as pool, pool.connection() as conn:
        found = document(conn, number)
    if as_json:
        emit(found)
    else:
        report(found, settings.language)


@click.command()
@click.option("--month", type=MONTH, help="Only those of this month, like 2026-10.")
@click.option(
    "--limit", type=click.IntRange(1, 10_000), default=50, show_default=True, help="At most so many."
)
@JSON
def runs(month: Period | None, limit: int, as_json: bool) -> None:
    """The billing runs, the latest first."""
    with home.database(load()) as dsn, open_pool(dsn) as pool, pool.connection() as conn:
        found = billing_runs.runs(conn, period=month, limit=limit)
    if as_json:
        emit({"runs": [_run(run) for run in found]})
        return
    if not found:
        say("There is no billing run: `ami bill draft` begins one.")
        return
    rows = [
        (
            r.id,
            f"{local_day(r.from_at):%m/%Y}",
            r.book or "all",
            r.state.value,
            r.drafted_by,
            when(r.drafted_at),
        )
        for r in found
    ]
    table("", ("Run", "Month", "Book", "State", "Drafted by", "At"), rows, right=("Run",))


@click.command("what-if")
@click.argument("decision")
@click.option("--month", type=MONTH, help="Like 2026-10; default: the last full one.")
@click.option("--book", help="Only the customers of this reading book.")
@click.option("--invoice-date", type=DAY, help="Decides the VAT rate; default: today.")
@AS_OF
@JSON
def what_if(
    decision: str,
    month: Period | None,
    book: str | None,
    invoice_date: date | None,
    as_of: datetime | None,
    as_json: bool,
) -> None:
    """What the use of a closed month would cost under another DECISION, also one not in force. Nothing is
    written.

    \b
    ami bill what-if 14/2025/QĐ-TTg --month 2026-10
    """
    clock = clocks.clock(as_of)
    period = month or last_full_month(clock())
    on = invoice_date or local_day(clock())
    with (
        home.database(load()) as dsn,
        open_pool(dsn) as pool,
        progress("Counting twice", "points") as step,
    ):
        found = supposing.what_if(pool, period, on, decision, clock(), book=book, progress=step)
    if as_json:
        emit(found)
        return
    columns = ("Plan", "Bills", "kWh", "As it is", f"Under {decision}", "More", "Less")
    rows = [
        (p.plan, f"{p.bills:,}", f"{p.kwh:,}", dong(p.total), dong(p.what_if), f"{p.more:,}", f"{p.less:,}")
        for p in found.plans
    ]
    table("", columns, rows, right=columns[1:])
    for kind, number in found.uncounted.items():
        say(f"{counted(number, 'point')} not counted: {kind.replace('_', ' ')}.")
