"""The office's work as queued jobs: validate, close, bill and watch, each safe to run twice and to be killed.

Procrastinate keeps the queue in the same database. A lock per shard lets one worker at a time work on it; a
worker that was believed dead and wakes up does no harm: every step writes only what differs and never
rewrites a bill.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

import psycopg
from procrastinate import App, JobContext, RetryStrategy
from procrastinate.exceptions import AlreadyEnqueued

from model.clock import Clock
from model.jsonform import to_json
from model.period import LOCAL, Period, add_months, local_day
from model.viewer import NOBODY
from operations import bill, class_curves, close, customer_warnings, orders, outages, validate, watch
from operations.errors import RunRefused
from operations.inspections import learning, nightly
from operations.runs import sharded
from storage import days, runs, warnings_due
from storage.pool import Pool
from storage.queue import queue_app, take_over

QUEUE = "operations"
UPKEEP_QUEUE = "upkeep"
CLOSING_DAYS = 5  # of a month, in which the last one is closed and billed every hour
LATE_HOUR = 3  # on the other days once, for what came later or when no worker was there
MONTH_LOCK = "month"  # closing and billing go one after the other, in the order they were asked for
SHARDS = (
    4  # one worker at a time validates a shard; a constant, so that a lock means the same to every worker
)

logger = logging.getLogger(__name__)

# A server that goes away comes back: tried again after 5, 25 and 125 s.
_RETRY = RetryStrategy(max_attempts=4, exponential_wait=5, retry_exceptions=(psycopg.OperationalError,))


@dataclass(slots=True)
class Office:
    """What a worker hands to its jobs; `failures` are kept by job number for whoever waits for them here."""

    pool: Pool
    clock: Clock
    progress: Callable[[int, int, str], None] | None = None
    failures: dict[int, Exception] = field(default_factory=dict)
    went_away: Callable[[Exception], None] | None = None  # told, from a job's thread, when the database has
    steps: dict[int, tuple[int, int]] = field(default_factory=dict)
    second_person: bool = False  # whether bills that come due by the clock wait for somebody to approve them
    alerts_per_1000: float = 1.0  # inspections opened per 1,000 meters and day

    def step(self, job: int) -> Callable[[int, int, str], None] | None:
        """How one job tells its progress; what is shown is the sum over all that run here."""
        show = self.progress
        if show is None:
            return None

        def move(done: int, total: int, text: str) -> None:
            self.steps[job] = (done, total)
            known = list(self.steps.values())
            show(sum(d for d, _ in known), sum(t for _, t in known), text)

        return move


def _office(context: JobContext) -> Office:
    office = context.additional_context["office"]
    assert isinstance(office, Office)
    return office


def _run(context: JobContext, work: Callable[[Office], Any]) -> None:
    office = _office(context)
    number, task = context.job.id or 0, context.job.task_name
    try:
        report = work(office)
    except Exception as error:
        office.failures[number] = error
        if office.went_away is not None and isinstance(error, psycopg.OperationalError):
            office.went_away(error)
        raise
    office.failures.pop(number, None)  # tried again, it went well
    if report:  # a validation that found nothing to do leaves no trace
        with office.pool.connection() as conn:
            runs.save(conn, task, number, office.clock(), to_json(report))
    logger.info("%s: %s", task, report)


def _period(start: str, end: str) -> Period:
    return Period(datetime.fromisoformat(start), datetime.fromisoformat(end))


def validate_days(context: JobContext, shard: int, shards: int) -> None:
    """Validate what is due of one shard of meters."""
    _run(
        context,
        lambda office: validate.run(
            office.pool, office.clock(), progress=office.step(context.job.id or 0), shard=(shard, shards)
        ),
    )


def warn_customers(context: JobContext, shard: int, shards: int) -> None:
    """Look at the use of the customers of one shard of stations whose days were validated."""
    _run(
        context,
        lambda office: customer_warnings.run(
            office.pool,
            office.clock(),
            progress=office.step(context.job.id or 0),
            shard=(shard, shards),
        ),
    )


def close_period(context: JobContext, start: str, end: str) -> None:
    """Fix the closing indices at both ends of a period."""
    _run(context, lambda office: close.run(office.pool, _period(start, end), office.clock()))


def bill_period(
    context: JobContext,
    start: str,
    end: str,
    invoice_date: str,
    second_person: bool = False,
    by_clock: bool = False,
) -> None:
    """Bill a closed period, or draft and check it where a second person has to approve it. By the clock it
    gives way to a run that somebody has open."""
    period, invoice = _period(start, end), date.fromisoformat(invoice_date)

    def work(office: Office) -> bill.BillReport:
        try:
            if second_person:
                return bill.prepare(office.pool, period, invoice, office.clock())
            return bill.run(office.pool, period, invoice, office.clock())
        except RunRefused as refused:
            if not by_clock:
                raise
            logger.info("not billed by the clock: %s", refused.sentence)
            return bill.BillReport()

    _run(context, work)


def draft_bills(context: JobContext, run: int, shard: int, shards: int) -> None:
    """Count the points of one shard of a billing run."""
    _run(
        context,
        lambda office: sharded.draft(
            office.pool, run, (shard, shards), office.clock(), office.step(context.job.id or 0)
        ),
    )


def issue_bills(context: JobContext, run: int, shard: int, shards: int) -> None:
    """Send out the approved bills of one shard of a billing run."""
    _run(
        context,
        lambda office: sharded.issue(
            office.pool, run, (shard, shards), office.clock(), office.step(context.job.id or 0)
        ),
    )


def watch_meters(context: JobContext, shard: int = 0, shards: int = 1, everything: bool = True) -> None:
    """Look for what somebody ought to look at, in one shard of meters and stations."""
    _run(
        context,
        lambda office: watch.run(office.pool, office.clock(), (shard, shards), everything=everything),
    )


def make_curves(context: JobContext) -> None:
    """Make the curves of the customer classes out of what meters measured."""
    _run(context, lambda office: class_curves.run(office.pool, office.clock()))


def inspect_stations(
    context: JobContext, shard: int, shards: int, per_1000: float, anyway: bool = False
) -> None:
    """Score days and look through the stations of one shard; the last one opens the night's inspections."""
    _run(
        context,
        lambda office: nightly.run(
            office.pool,
            office.clock(),
            per_1000=per_1000,
            shard=(shard, shards),
            anyway=anyway,
            progress=office.step(context.job.id or 0),
        ),
    )


def learn_score(context: JobContext, login: str = NOBODY) -> None:
    """Learn the score of abnormal days anew."""
    _run(context, lambda office: learning.run(office.pool, office.clock(), login=login))


def find_outages(context: JobContext) -> None:
    """Look for outages in what meters said and in who fell silent."""
    _run(context, lambda office: outages.run(office.pool, office.clock()))


def _shards_to_warn(pool: Pool, now: datetime) -> list[int]:
    with pool.connection() as conn:
        return [shard for shard in range(SHARDS) if warnings_due.take(conn, 1, now, (shard, SHARDS))]


def _shards_due(pool: Pool) -> list[int]:
    with pool.connection() as conn:
        return [shard for shard in range(SHARDS) if days.take_due(conn, 1, (shard, SHARDS))]


def _shards_to_watch(pool: Pool, now: datetime) -> list[int]:
    with pool.connection() as conn:
        return watch.shards_due(conn, now, SHARDS)


async def validate_due(context: JobContext, timestamp: int) -> None:
    """Queue the validation of every shard in which something is due, unless it waits already."""
    for shard in await asyncio.to_thread(_shards_due, _office(context).pool):
        await _queue_once(context.app, "validate", f"validate {shard}", shard=shard, shards=SHARDS)


async def warnings_of_due(context: JobContext, timestamp: int) -> None:
    """Queue a look at the customers of every shard in which some are due, unless it waits already."""
    office = _office(context)
    for shard in await asyncio.to_thread(_shards_to_warn, office.pool, office.clock()):
        await _queue_once(context.app, "warnings", f"warnings {shard}", shard=shard, shards=SHARDS)


async def close_due(context: JobContext, timestamp: int) -> None:
    """Queue the closing of the last month, then its bills: what a late meter brings is closed and billed too.

    A bill that was issued stays as it is; a point without its indices is held until they come.
    """
    now = _office(context).clock().astimezone(LOCAL)
    today = local_day(now)
    if today.day > CLOSING_DAYS and now.hour != LATE_HOUR:
        return
    month = Period.of_days(add_months(today, -1), add_months(today, 0))
    asked = {"start": month.start.isoformat(), "end": month.end.isoformat()}
    await _queue_once(context.app, "close", "close", **asked)
    asked_for = {**asked, "second_person": _office(context).second_person, "by_clock": True}
    await _queue_once(context.app, "bill", "bill", **asked_for, invoice_date=today.isoformat())


async def watch_due(context: JobContext, timestamp: int) -> None:
    """Queue a look at every shard of meters in which there is something to look at."""
    office = _office(context)
    for shard in await asyncio.to_thread(_shards_to_watch, office.pool, office.clock()):
        asked = {"shard": shard, "shards": SHARDS, "everything": False}
        await _queue_once(context.app, "watch", f"watch {shard}", **asked)


async def curves_due(context: JobContext, timestamp: int) -> None:
    """Queue the curves of the classes, unless they wait already."""
    await _queue_once(context.app, "curves", "curves")


async def inspect_due(context: JobContext, timestamp: int) -> None:
    """Queue a look through the stations of every shard in which one is due, unless it waits already."""
    office = _office(context)
    asked = {"shards": SHARDS, "per_1000": office.alerts_per_1000}
    for shard in await asyncio.to_thread(nightly.shards_due, office.pool, office.clock(), SHARDS):
        await _queue_once(context.app, "inspect", f"inspect {shard}", shard=shard, **asked)


async def learn_due(context: JobContext, timestamp: int) -> None:
    """Queue the learning of the score where there is none, or it is a month old."""
    office = _office(context)
    if await asyncio.to_thread(learning.is_due, office.pool, office.clock()):
        await _queue_once(context.app, "learn", "learn")


async def outages_due(context: JobContext, timestamp: int) -> None:
    """Queue a look for outages, unless one waits already."""
    await _queue_once(context.app, "outages", "outages")


def lock_of(task: str, name: str) -> str:
    """What a job holds while it runs; of those with one lock, the one asked for first goes first."""
    return MONTH_LOCK if task in ("close", "bill") else name


async def _queue_once(app: App, task: str, name: str, **arguments: Any) -> None:
    try:
        await app.configure_task(task, lock=lock_of(task, name), queueing_lock=name).defer_async(**arguments)
    except AlreadyEnqueued:
        logger.debug("%s waits already", name)


async def take_over_due(context: JobContext, timestamp: int) -> None:
    """`take_over`, by the clock."""
    await take_over(context.app)


async def expire_orders(context: JobContext, timestamp: int) -> None:
    """End the orders to meters that were neither approved nor sent in their time."""
    office = _office(context)
    await asyncio.to_thread(orders.expire, office.pool, office.clock())


async def sweep(context: JobContext, timestamp: int) -> None:
    """Forget jobs done hours ago (what they came to stays in the audit); failed ones stay to be looked at."""
    await context.app.job_manager.delete_old_jobs(nb_hours=2)


_WORK: dict[str, Callable[..., None]] = {
    "validate": validate_days,
    "warnings": warn_customers,
    "close": close_period,
    "bill": bill_period,
    "draft_bills": draft_bills,
    "issue_bills": issue_bills,
    "watch": watch_meters,
    "outages": find_outages,
    "curves": make_curves,
    "inspect": inspect_stations,
    "learn": learn_score,
}
_UPKEEP: dict[str, tuple[Callable[..., Awaitable[None]], str]] = {  # cron with the seconds last
    "validate_due": (validate_due, "* * * * * */10"),
    "warnings_due": (warnings_of_due, "* * * * * */30"),
    "close_due": (close_due, "5 * * * *"),
    "watch_due": (watch_due, "*/2 * * * *"),
    "curves_due": (curves_due, "40 2 * * *"),
    "inspect_due": (inspect_due, "*/5 * * * *"),
    "learn_due": (learn_due, "20 */6 * * *"),
    "outages_due": (outages_due, "1-59/2 * * * *"),
    "take_over": (take_over_due, "* * * * * */5"),
    "expire_orders": (expire_orders, "* * * * *"),
    "sweep": (sweep, "17 * * * *"),
}


def office_app(dsn: str, *, upkeep: bool = True) -> App:
    """The queue of a database with the office's tasks; `upkeep` adds what is done by the clock."""
    app = queue_app(dsn)
    for name, work in _WORK.items():
        app.task(name=name, queue=QUEUE, pass_context=True, retry=_RETRY, lock=lock_of(name, name))(work)
    if upkeep:
        for name, (task, cron) in _UPKEEP.items():
            registered = app.task(name=name, queue=UPKEEP_QUEUE, queueing_lock=name, pass_context=True)(task)
            app.periodic(cron=cron, periodic_id=name)(registered)
    return app
