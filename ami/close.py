"""`ami close`: the closing indices of a month."""

from __future__ import annotations

from datetime import datetime

import rich_click as click

from ami import clocks, home
from ami.console import counted, emit, say, table
from ami.failure import Exit, end
from ami.instants import INSTANT, MONTH, last_full_month
from ami.options import AS_OF, JSON
from ami.settings import load
from model.bill import BETWEEN, ESTIMATE, INTERPOLATED
from model.period import Period
from operations import instant_close, jobs
from operations.close import CloseReport
from storage.pool import open_pool

_COUNTED = {
    INTERPOLATED: "counted from an earlier one and the half-hours since",
    BETWEEN: "counted evenly between two readings",
    ESTIMATE: "counted onwards at the pace of the days before",
}


@click.command("close")
@click.option("--month", type=MONTH, help="The month to close, like 2026-10; default: the last full one.")
@click.option(
    "--at", type=INSTANT, help="One instant instead, like 2026-10-15T00:00: every register by the best way."
)
@click.option("--book", help="With --at: only the customers of this reading book.")
@click.option(
    "--estimate", is_flag=True, help="With --at: at the pace of the last days where nothing is known."
)
@AS_OF
@JSON
def command(
    month: Period | None,
    at: datetime | None,
    book: str | None,
    estimate: bool,
    as_of: datetime | None,
    as_json: bool,
) -> None:
    """Take the index of every point at both ends of the month, from the meter's own snapshots; exit 3 when
    some have none.

    An index once closed never changes; a bill that stands upon a wrong one is corrected (`ami bill correct`).
    `ami export closing` gives them to other programs. With --at an index that nobody read is counted from an
    earlier one and the half-hours, or evenly between two readings; how is kept with it.

    \b
    ami close --month 2026-10
    ami close --at 2026-10-15T00:00 --book S1
    """
    clock = clocks.clock(as_of)
    if at is None and (book is not None or estimate):
        raise click.UsageError("--book and --estimate go with --at")
    if at is not None:
        if month is not None:
            raise click.UsageError("give --month or --at, not both")
        _at(at, book, estimate, clock(), as_json)
        return
    period = month or last_full_month(clock())
    with home.database(load()) as dsn:
        report = jobs.run_now(dsn, "close", clock=clock, period=period)
    _told(report, as_json)


def _at(at: datetime, book: str | None, estimate: bool, now: datetime, as_json: bool) -> None:
    with home.database(load()) as dsn, open_pool(dsn) as pool:
        found = instant_close.run(pool, at, book, now, estimate=estimate)
    if as_json:
        emit(found)
    else:
        for method, number in found.methods.items():
            how = _COUNTED.get(method, f"by {method.replace('_', ' ')}")
            say(f"{counted(number, 'index', 'indices')} {how}.")
    _told(found.closed, as_json, whole=not as_json)


def _told(report: CloseReport, as_json: bool, *, whole: bool = True) -> None:
    if as_json:
        if whole:
            emit(report)
    else:
        before = f"{report.unchanged:,} {'was' if report.unchanged == 1 else 'were'} closed before"
        say(f"{counted(report.closed, 'index', 'indices')} closed, {before}.")
        if not report.closed + report.unchanged + len(report.missing):
            say("No meter hung at any point then: `ami meter add` hangs one.")
        if report.missing:
            table("Without a closing index", ("Point", "Meter", "Why"), report.missing)
        for sentence in report.differing:
            say(sentence)
    if report.missing:
        end(Exit.PARTLY)
