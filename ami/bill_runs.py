"""`ami bill draft`, `check`, `accept`, `approve`, `issue`, `withdraw`: a month's bills by two persons."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime
from typing import Any

import rich_click as click

from ami import clocks, home
from ami.bill_number import Number
from ami.bill_run_show import document, report
from ami.console import counted, emit, progress, say
from ami.failure import Exit, end
from ami.instants import DAY, MONTH, last_full_month
from ami.options import AS_OF, JSON
from ami.order_acting import acting, proved
from ami.settings import load
from model.clock import Clock
from model.period import Period, local_day
from model.viewer import Viewer
from operations.runs import desk, stages
from storage import billing_runs
from storage.pool import Pool, open_pool

RUN = click.argument("number", metavar="RUN", type=Number())


@contextmanager
def _desk(login: str, password_stdin: bool) -> Iterator[tuple[str, Pool, Viewer]]:
    with home.database(load()) as dsn, open_pool(dsn) as pool:
        yield dsn, pool, proved(pool, login, password_stdin)


def _told(pool: Pool, number: int, as_json: bool) -> dict[str, Any]:
    with pool.connection() as conn:
        found = document(conn, number)
    if as_json:
        emit(found)
    else:
        report(found, load().language)
    return found


@click.command()
@click.option("--month", type=MONTH, help="Like 2026-10; default: the last full one.")
@click.option("--book", help="Only the customers of this reading book.")
@click.option("--invoice-date", type=DAY, help="Decides the VAT rate; default: today.")
@AS_OF
@acting
@JSON
def draft(
    month: Period | None,
    book: str | None,
    invoice_date: date | None,
    as_of: datetime | None,
    login: str,
    password_stdin: bool,
    as_json: bool,
) -> None:
    """Count what the bills of a month come to, and issue none; what cannot be billed is held (exit 3).

    A draft that was broken off is gone on with; one that was whole is made anew from what is known now.

    \b
    ami bill draft --month 2026-10 --book S1 --as lan
    """
    clock = clocks.clock(as_of)
    period = month or last_full_month(clock())
    on = invoice_date or local_day(clock())
    with _desk(login, password_stdin) as (dsn, pool, viewer), progress("Drafting", "points") as step:
        run = desk.draft(dsn, pool, viewer, period, on, book, clock=clock, progress=step)
        found = _told(pool, run.id, as_json)
    say(f"Next: `ami bill check {run.id} --as {login}`.")
    if found["held_back"]:
        end(Exit.PARTLY)


@click.command()
@RUN
@AS_OF
@acting
@JSON
def check(number: int, as_of: datetime | None, login: str, password_stdin: bool, as_json: bool) -> None:
    """Look a drafted RUN through: use far from the month before, no use, stations that sold more than they
    got. What wants a second reading is held (exit 3) until it was read or accepted."""
    with _desk(login, password_stdin) as (_, pool, viewer):
        stages.check(pool, viewer, number, clocks.clock(as_of)())
        found = _told(pool, number, as_json)
    say(f"Next, by somebody else: `ami bill approve {number} --as …`.")
    if found["held_back"]:
        end(Exit.PARTLY)


@click.command()
@RUN
@click.argument("point")
@click.option("--reason", required=True, help="Why the figure is right; it stands on the bill.")
@acting
def accept(number: int, point: str, reason: str, login: str, password_stdin: bool) -> None:
    """Let the bill of POINT go that a check of RUN holds; then check the run again."""
    with _desk(login, password_stdin) as (_, pool, viewer):
        stages.accept(pool, viewer, number, point, reason, clocks.wall())
    say(f"The bill of {point} goes with the next check: `ami bill check {number} --as {login}`.")


@click.command()
@RUN
@AS_OF
@acting
@JSON
def approve(number: int, as_of: datetime | None, login: str, password_stdin: bool, as_json: bool) -> None:
    """Approve a checked RUN, as somebody else than who drafted it. Its closing indices are frozen: `issue`
    sends out what they come to, or nothing."""
    with _desk(login, password_stdin) as (_, pool, viewer):
        stages.approve(pool, viewer, number, clocks.clock(as_of)())
        _told(pool, number, as_json)
    say(f"Next: `ami bill issue {number} --as …`.")


@click.command()
@RUN
@AS_OF
@acting
@JSON
def issue(number: int, as_of: datetime | None, login: str, password_stdin: bool, as_json: bool) -> None:
    """Send out the bills of an approved RUN; broken off, it goes on where it was."""
    clock: Clock = clocks.clock(as_of)
    with _desk(login, password_stdin) as (dsn, pool, viewer), progress("Issuing", "bills") as step:
        desk.issue(dsn, pool, viewer, number, clock=clock, progress=step)
        with pool.connection() as conn:
            gone = billing_runs.bills_issued(conn, number)
        _told(pool, number, as_json)
    say(f"{counted(gone, 'bill')} went out with run {number}.")


@click.command()
@RUN
@click.option("--reason", required=True, help="Why.")
@acting
def withdraw(number: int, reason: str, login: str, password_stdin: bool) -> None:
    """Take back a RUN of which no bill went out."""
    with _desk(login, password_stdin) as (_, pool, viewer):
        stages.withdraw(pool, viewer, number, reason, clocks.wall())
    say(f"Billing run {number} is withdrawn.")
