"""Doing queued work: a worker that stays, and one that does a single thing while somebody waits for it."""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from functools import reduce
from operator import add
from typing import Any

from procrastinate import App
from procrastinate.jobs import Status

from model.clock import Clock
from model.jsonform import from_json
from model.period import Period
from operations.bill import BillReport
from operations.class_curves import CurvesReport
from operations.close import CloseReport
from operations.customer_warnings import WarnReport
from operations.errors import JobFailed
from operations.inspections.learning import LearnReport
from operations.inspections.nightly import InspectReport
from operations.outages import OutagesReport
from operations.runs.sharded import ShardReport
from operations.tasks import QUEUE, SHARDS, UPKEEP_QUEUE, Office, lock_of, office_app
from operations.validate import ValidateReport
from operations.watch import WatchReport
from storage import runs
from storage.pool import open_pool
from storage.queue import HEARTBEAT_S, STALLED_S, take_over

REPORTS: dict[str, Any] = {
    "validate": ValidateReport,
    "warnings": WarnReport,
    "close": CloseReport,
    "bill": BillReport,
    "draft_bills": ShardReport,
    "issue_bills": ShardReport,
    "watch": WatchReport,
    "outages": OutagesReport,
    "curves": CurvesReport,
    "inspect": InspectReport,
    "learn": LearnReport,
}
SHARDED = ("draft_bills", "issue_bills")  # by shards of the points of a billing run
_UNDER_WAY = {Status.TODO, Status.DOING}


def work(
    dsn: str,
    *,
    clock: Clock,
    concurrency: int = 2,
    second_person: bool = False,
    alerts_per_1000: float = 1.0,
) -> None:
    """Work until a signal comes; what `ami worker` does."""
    asyncio.run(
        run_worker(
            dsn,
            clock,
            concurrency=concurrency,
            second_person=second_person,
            alerts_per_1000=alerts_per_1000,
        )
    )


async def run_worker(
    dsn: str,
    clock: Clock,
    *,
    concurrency: int = 2,
    stop: asyncio.Event | None = None,
    second_person: bool = False,
    alerts_per_1000: float = 1.0,
) -> None:
    """Work until a signal comes, or until `stop` is set.

    Returns too when the database goes away: run it under a supervisor that starts it again.
    """
    with open_pool(dsn, size=concurrency + 1) as pool:
        office = Office(pool, clock, second_person=second_person, alerts_per_1000=alerts_per_1000)
        async with office_app(dsn).open_async() as app:
            working = asyncio.create_task(
                app.run_worker_async(
                    queues=[QUEUE, UPKEEP_QUEUE],
                    name=f"office-{uuid.uuid4().hex[:8]}",
                    concurrency=concurrency + 1,  # upkeep must not wait behind a long bill run
                    additional_context={"office": office},
                    update_heartbeat_interval=HEARTBEAT_S,
                    stalled_worker_timeout=STALLED_S,
                    shutdown_graceful_timeout=10.0,
                    install_signal_handlers=stop is None,
                )
            )
            if stop is not None:
                stopped = asyncio.create_task(stop.wait())
                await asyncio.wait({working, stopped}, return_when=asyncio.FIRST_COMPLETED)
                stopped.cancel()
                working.cancel()
            await asyncio.gather(working, return_exceptions=stop is not None)


def _jobs(task: str, arguments: dict[str, Any]) -> list[tuple[str, dict[str, str | float]]]:
    """(lock, arguments as the queue keeps them) of every job the work is cut into."""
    if task in ("validate", "warnings"):
        return [(f"{task} {shard}", {"shard": shard, "shards": SHARDS}) for shard in range(SHARDS)]
    if task == "watch":  # whoever asks wants everything looked at
        return [
            (f"watch {shard}", {"shard": shard, "shards": SHARDS, "everything": True})
            for shard in range(SHARDS)
        ]
    if task == "inspect":
        return [
            (f"{task} {shard}", {"shard": shard, "shards": SHARDS, **arguments}) for shard in range(SHARDS)
        ]
    if task in SHARDED:
        number = arguments["run"]
        return [
            (f"{task} {number} {shard}", {"run": number, "shard": shard, "shards": SHARDS})
            for shard in range(SHARDS)
        ]
    kept: dict[str, str | float] = {}
    for name, value in arguments.items():
        if isinstance(value, Period):
            kept |= {"start": value.start.isoformat(), "end": value.end.isoformat()}
        else:
            kept[name] = value.isoformat() if isinstance(value, date) else value
    return [(lock_of(task, task), kept)]


async def _work_off(app: App, office: Office, numbers: list[int]) -> dict[int, Status]:
    while True:
        await app.run_worker_async(
            queues=[QUEUE],
            name=f"now-{uuid.uuid4().hex[:8]}",
            concurrency=2,
            wait=False,
            listen_notify=False,
            install_signal_handlers=False,
            additional_context={"office": office},
            update_heartbeat_interval=HEARTBEAT_S,
            stalled_worker_timeout=STALLED_S,
        )
        states = {number: await app.job_manager.get_job_status_async(number) for number in numbers}
        if not _UNDER_WAY & set(states.values()):
            return states
        await take_over(app)  # the lock may be held by somebody who is no more
        await asyncio.sleep(0.25)


async def _run_now(
    dsn: str,
    task: str,
    clock: Clock,
    progress: Callable[[int, int, str], None] | None,
    arguments: dict[str, Any],
) -> Any:
    with open_pool(dsn, size=3) as pool:
        loop = asyncio.get_running_loop()
        away: asyncio.Future[Exception] = loop.create_future()

        def went_away(error: Exception) -> None:
            loop.call_soon_threadsafe(_settle, away, error)

        office = Office(pool, clock, progress, went_away=went_away)
        async with office_app(dsn, upkeep=False).open_async() as app:
            numbers = [
                await app.configure_task(task, lock=lock).defer_async(**kept)
                for lock, kept in _jobs(task, arguments)
            ]
            working = asyncio.create_task(_work_off(app, office, numbers))
            waiting: set[asyncio.Future[Any]] = {working, away}
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        # The queue's connections are closed: a worker that waits for one in vain ends as well.
        (states,) = await asyncio.gather(working, return_exceptions=True)
        if away.done():
            # Whoever waits is told at once; the job is taken over when the same is asked for again. What the
            # queue's own tasks met when they wanted to write that down is the same once more.
            loop.set_exception_handler(lambda _loop, _context: None)
            raise away.result()
        if isinstance(states, BaseException):
            raise states
        for number in numbers:
            if number in office.failures:
                raise office.failures[number]
            if states[number] is not Status.SUCCEEDED:
                ended = states[number].value
                said = f"the job “{task}” ended as {ended}: see the worker's log, then run it again"
                raise JobFailed(task, number, said)
        with pool.connection() as conn:
            kept_reports = [runs.report(conn, task, number) for number in numbers]
    report_class = REPORTS[task]
    return reduce(
        add, [from_json(report_class, kept) for kept in kept_reports if kept is not None], report_class()
    )


def run_now(
    dsn: str,
    task: str,
    *,
    clock: Clock,
    progress: Callable[[int, int, str], None] | None = None,
    **arguments: Any,
) -> Any:
    """Queue one of `REPORTS`, do it here and return its report.

    `close` wants `period`, `bill` wants `period` and `invoice_date`, `draft_bills` and `issue_bills` want
    `run`. Waits while another worker has the
    same work in hand. What the work raised is raised again; `JobFailed` when somebody else ended the job.
    """
    with _unlogged("procrastinate", "psycopg.pool", "asyncio"):
        return asyncio.run(_run_now(dsn, task, clock, progress, arguments))


def _settle(future: asyncio.Future[Exception], error: Exception) -> None:
    if not future.done():
        future.set_result(error)


@contextmanager
def _unlogged(*names: str) -> Iterator[None]:
    """What is raised to a person need not be told a second time, with a traceback, by the queue's own log."""
    loggers = [logging.getLogger(name) for name in names]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
