"""`ami bench run`: a month's bills for a million customers, database to database, beside bare COPYs.

An approved run is issued: closing indices, supplies, multipliers out of the store, rated, bills with lines
and registers into it. In the same run the same input is copied out bare, and the same output copied in bare,
into the same tables with their indexes and constraints.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial
from pathlib import Path
from typing import Any, Final

import rich_click as click

from ami.bench.memory import watched
from ami.bench.store import private_server
from ami.bench.verb import machine
from ami.console import emit, say, table
from ami.failure import Contradiction
from ami.options import JSON
from model.period import LOCAL, Period
from operations.bill import OFFICE
from operations.runs import stages
from storage import bench_customers, billing_runs, run_totals
from storage.pool import Pool, connect, open_pool

SIZES: Final = (10_000, 100_000)
OCTOBER: Final = Period.of_month(2026, 10)
NOW: Final = datetime(2026, 11, 2, 9, tzinfo=LOCAL)
INVOICE: Final = date(2026, 11, 2)
WHOLE: Final = (0, 1)
WORKERS: Final = 2
ROUNDS: Final = 3  # of which the median counts, where a round is short
SHORT: Final = 50_000  # customers
ALLOWED: Final = 2.0  # times the bare COPYs
STRAIGHT: Final = 1.3  # the pace of the largest against that of the smallest


@dataclass(frozen=True, slots=True)
class Result:
    """Seconds of the steps; `ratio`: issuing (determinants to issued bills) against the two bare COPYs,
    `ratio_all`: drafting, checking and approving too. Memory at its most from drafting to issuing.
    """

    customers: int
    bills: int
    lines: int
    total: int
    draft_s: float
    check_s: float
    approve_s: float
    issue_s: float
    copy_out_s: float
    copy_in_s: float
    ratio: float
    ratio_all: float
    us_per_customer: float  # of issuing
    bills_per_s: float
    peak_rss_mb: float
    postgres_peak_mb: float | None
    input_mb: float
    output_mb: float


def _timed(work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def measure(dsn: str, pool: Pool, folder: Path, customers: int, server: int | None = None) -> Result:
    """One size: fill, draft, check, approve, issue; then the bare COPYs. `server`: the postmaster's pid."""
    with connect(dsn) as conn:
        bench_customers.fill(conn, customers, OCTOBER, NOW)
    with pool.connection() as conn:
        number = billing_runs.begin(conn, OCTOBER, INVOICE, None, OFFICE.login, NOW, at_once=True)
        billing_runs.draft(conn, number, OFFICE.login, NOW, anew=False)
    with watched(server) as held:
        draft_s = _timed(lambda: stages.draft_shard(pool, number, WHOLE, NOW))
        with connect(dsn, autocommit=True) as conn:
            conn.execute("ANALYZE billing_run_item")
        check_s = _timed(lambda: stages.check(pool, OFFICE, number, NOW))
        approve_s = _timed(lambda: stages.approve_at_once(pool, number, NOW))
        issue_s = _timed(lambda: _issue(pool, number))
        stages.finish_issue(pool, number, OFFICE.login, NOW)
    with connect(dsn) as conn:
        sums = run_totals.sums(conn, number)
        issued, lines, total = run_totals.issued(conn, number)
        if (issued, total) != (sums.bills, sums.total) or issued != customers:
            raise Contradiction(f"Bench run: {issued} bills of {total} went out, {sums.bills} were approved.")
        sizes = [
            bench_customers.bytes_of(conn, of) / 1e6 for of in (bench_customers.INPUT, bench_customers.OUTPUT)
        ]
        bench_customers.save(conn, folder)
    copy_out_s = _timed(lambda: _copy_out(dsn))
    with connect(dsn) as conn:
        bench_customers.empty_output(conn)
    copy_in_s = _timed(lambda: _copy_in(dsn, folder))
    with connect(dsn) as conn:
        if run_totals.issued(conn, number) != (issued, lines, total):
            raise Contradiction("Bench run: the bare COPY brought something else than was issued.")
    copies_s = copy_out_s + copy_in_s
    return Result(
        customers, issued, lines, total, draft_s, check_s, approve_s, issue_s, copy_out_s, copy_in_s,
        issue_s / copies_s, (draft_s + check_s + approve_s + issue_s) / copies_s, issue_s / customers * 1e6,
        issued / issue_s, held.ours_mb, held.server_mb, *sizes,
    )  # fmt: skip


def median(rounds: Sequence[Result]) -> Result:
    """The round whose ratio is the middle one: a second more or less decides a short one."""
    return sorted(rounds, key=lambda one: one.ratio)[len(rounds) // 2]


def steady(once: Callable[[], Result], customers: int) -> Result:
    """A size measured, three times where a round is short."""
    return median([once() for _ in range(ROUNDS if customers < SHORT else 1)])


def document(found: Sequence[Result]) -> dict[str, Any]:
    """What was measured, with whether it holds: twice the bare COPYs, and the pace a customer."""
    by_size = sorted(found, key=lambda one: one.customers)
    growth = by_size[-1].us_per_customer / by_size[0].us_per_customer
    return {
        "bench": "run",
        "machine": machine(),
        "results": [{name: _figure(getattr(one, name)) for name in Result.__slots__} for one in found],
        "ratios": {"issue vs bare COPY out and in": round(max(one.ratio for one in found), 2)},
        "linear": {
            "us_per_customer": {f"{one.customers}": round(one.us_per_customer, 1) for one in by_size},
            "growth": round(growth, 2),
        },
        "held": {
            f"at most {ALLOWED:g} x bare COPYs": all(one.ratio <= ALLOWED for one in found),
            f"linear: the pace grows at most {STRAIGHT:g} x": growth <= STRAIGHT,
        },
    }


def _issue(pool: Pool, number: int) -> None:
    """By two workers, a shard each, as the office's jobs do it."""
    with ThreadPoolExecutor(WORKERS) as workers:
        shards = [(shard, WORKERS) for shard in range(WORKERS)]
        list(workers.map(lambda shard: stages.issue_shard(pool, number, shard, NOW), shards))


def _copy_out(dsn: str) -> None:
    with connect(dsn) as conn:
        for name in bench_customers.INPUT:
            for _ in bench_customers.copied_out(conn, name):
                pass


def _copy_in(dsn: str, folder: Path) -> None:
    with connect(dsn) as conn:
        bench_customers.copy_in(conn, folder)


@click.command("run")
@click.option(
    "--size",
    "sizes",
    type=click.IntRange(100, 20_000_000),
    multiple=True,
    help="Customers; several times for several sizes. Default: 10,000 and 100,000.",
)
@JSON
def command(sizes: tuple[int, ...], as_json: bool) -> None:
    """A month's bills for so many customers, database to database, beside a bare COPY of the same; below
    50,000 the median of three rounds.

    \b
    ami bench run --size 10000 --size 100000 --size 1000000
    """
    found = []
    with private_server() as (server, folder), open_pool(server.dsn(), statement_timeout_s=0) as pool:
        for customers in sorted(set(sizes or SIZES)):
            say(f"{customers:,} customers …")
            once = partial(measure, str(server.dsn()), pool, folder, customers, server.status().pid)
            found.append(steady(once, customers))
    told = document(found)
    if as_json:
        emit(told)
    else:
        _show(found, told)


def _show(found: Sequence[Result], told: Mapping[str, Any]) -> None:
    columns = (
        "Customers", "Lines", "Draft s", "Issue s", "COPY out s", "COPY in s", "Ratio", "µs/customer",
        "Peak MB", "Postgres MB",
    )  # fmt: skip
    rows = [
        (
            f"{one.customers:,}", f"{one.lines:,}", f"{one.draft_s:.1f}", f"{one.issue_s:.1f}",
            f"{one.copy_out_s:.1f}", f"{one.copy_in_s:.1f}", f"{one.ratio:.2f}", f"{one.us_per_customer:.0f}",
            f"{one.peak_rss_mb:.0f}", "–" if one.postgres_peak_mb is None else f"{one.postgres_peak_mb:.0f}",
        )
        for one in found
    ]  # fmt: skip
    table("Billing run", columns, rows, right=columns)
    for what, holds in told["held"].items():
        say(f"{'Held' if holds else 'NOT held'}: {what}")


def _figure(value: float | None) -> float | None:
    return round(value, 3) if isinstance(value, float) else value
