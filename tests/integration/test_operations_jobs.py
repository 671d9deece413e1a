"""The office's work through the queue: done here, done by a worker, taken over from one that was killed."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from model.alert import AlertKind
from model.clock import frozen
from model.period import Period
from model.series import Channel
from operations import importing, jobs, tasks, validate
from operations.bill import BillReport
from operations.close import CloseReport
from operations.errors import InputError
from operations.validate import ValidateReport
from storage import days, people
from storage.fleet import meter_ids
from storage.pool import Pool, open_pool
from tests.operations_grid import NOW, OCTOBER, grid, read_month

CLOCK = frozen(NOW)
REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.fixture
def pool(database: str) -> Iterator[Pool]:
    with open_pool(database) as pool:
        importing.import_register(pool, grid(), lambda raw: raw)
        yield pool


def test_a_job_done_here_gives_its_report_and_leaves_it_in_the_audit(database: str, pool: Pool) -> None:
    read_month(database)
    closed = jobs.run_now(database, "close", clock=CLOCK, period=OCTOBER)
    assert isinstance(closed, CloseReport)
    assert closed.closed > 0
    billed = jobs.run_now(database, "bill", clock=CLOCK, period=OCTOBER, invoice_date=date(2026, 11, 2))
    assert isinstance(billed, BillReport)
    assert (billed.issued, len(billed.held)) == (4, 1)
    again = jobs.run_now(database, "bill", clock=CLOCK, period=OCTOBER, invoice_date=date(2026, 11, 2))
    assert (again.issued, again.unchanged, again.amount) == (0, 4, billed.amount)
    validated = jobs.run_now(database, "validate", clock=CLOCK)
    assert isinstance(validated, ValidateReport)
    assert validated.days > 0
    watched = jobs.run_now(database, "watch", clock=CLOCK)
    assert {(alert.kind, alert.serial) for alert in watched.alerts} == {
        (AlertKind.ROLLOVER, "R5"),
        (AlertKind.METER_SWAP, "NEW"),
    }
    assert jobs.run_now(database, "watch", clock=CLOCK).new == 0
    with pool.connection() as conn:
        told = [entry.action for entry in people.audited(conn, login="office")]
    assert told.count("run.bill") == 2
    assert told.count("run.close") == 1


def test_what_the_work_refuses_reaches_the_person_who_asked(database: str, pool: Pool) -> None:
    november = Period.of_month(2026, 11)
    with pytest.raises(InputError, match="still to come"):
        jobs.run_now(database, "close", clock=CLOCK, period=november)


async def test_a_worker_validates_what_is_due_without_being_told(database: str, pool: Pool) -> None:
    await asyncio.to_thread(read_month, database)
    stop = asyncio.Event()
    worker = asyncio.create_task(jobs.run_worker(database, CLOCK, stop=stop))

    def due() -> int:
        with pool.connection() as conn:
            return len(days.take_due(conn, 100))

    assert await asyncio.to_thread(due) > 0
    for _ in range(300):
        if not await asyncio.to_thread(due):
            break
        await asyncio.sleep(0.1)
    stop.set()
    await asyncio.wait_for(worker, 20)
    assert await asyncio.to_thread(due) == 0


_HANGS = """
import sys, time
from datetime import datetime
from operations import jobs, tasks, close
close.run = lambda *_: (print("began", flush=True), time.sleep(600))
jobs.work(sys.argv[1], clock=lambda: datetime.fromisoformat(sys.argv[2]))
"""


@pytest.mark.long
def test_the_job_of_a_killed_worker_is_taken_over(database: str, pool: Pool) -> None:
    read_month(database)
    app = tasks.office_app(database, upkeep=False)
    with app.open():
        app.configure_task("close", lock=tasks.MONTH_LOCK).defer(
            start=OCTOBER.start.isoformat(), end=OCTOBER.end.isoformat()
        )
    child = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(_HANGS), database, NOW.isoformat()],
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert child.stdout is not None
        assert child.stdout.readline() == "began\n"
    finally:
        os.kill(child.pid, signal.SIGKILL)
        child.wait()
        if child.stdout is not None:
            child.stdout.close()
    began = time.monotonic()
    # The lock is held by the dead: who asks for the same work waits until it counts as stalled.
    report = jobs.run_now(database, "close", clock=CLOCK, period=OCTOBER)
    assert time.monotonic() - began < 40
    assert report.closed + report.unchanged > 0
    with pool.connection() as conn:
        assert len(people.audited(conn, action="run.close")) == 2


def test_a_batch_that_dies_leaves_its_days_due(
    database: str, pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    read_month(database)

    def dies(*_: object) -> int:
        raise RuntimeError("the disk went away")

    with pool.connection() as conn:
        before = days.take_due(conn, 1000)
    with monkeypatch.context() as patched:
        patched.setattr(days, "clear_due", dies)
        with pytest.raises(RuntimeError):
            validate.run(pool, NOW)
    with pool.connection() as conn:
        assert days.take_due(conn, 1000) == before
        ids = list(meter_ids(conn).values())
        matrix = days.matrix(conn, ids, Channel.ACTIVE_IMPORT, date(2026, 9, 1), date(2026, 11, 3))
        assert not matrix.quality.any(), "nothing of the batch was saved"
    assert validate.run(pool, NOW).days == len(before)
    assert validate.run(pool, NOW) == ValidateReport()
