"""A head-end seen from outside while it works: its pulse, gauges, word in the database, and /metrics."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import psycopg
from psycopg import AsyncConnection
from psycopg.rows import TupleRow

from collector.watch import metrics
from collector.watch.health import Health, show
from collector.watch.pulse import Pulse
from collector.watch.standing import Watch, Watched
from model.clock import Clock
from model.period import local_day
from storage import completeness, node_reports
from storage.pool import session

log = logging.getLogger("ami.health")

LOOK_S = 2.0
REPORT_S = 5.0
JOBS_S = 15.0
COUNT_S = (20.0, 300.0)  # the pause between two counts: within this, COUNT_PAUSES as long as a count took
COUNT_PAUSES = 20
COUNT_WITHIN_S = 60.0  # what takes longer in a large fleet is not worth its price here: `ami report` tells it
AWAY = (psycopg.Error, OSError, TimeoutError)


@asynccontextmanager
async def seen(
    watched: Watched, *, host: str, port: int | None, dsn: str, node: str, clock: Clock
) -> AsyncIterator[Watch]:
    """Everything of that kind for as long as the block runs. `port` None: without HTTP; `node` "": without a
    row in the database."""
    pulse = Pulse()
    watch = Watch(watched, pulse)
    await watch.look()
    shown = None
    if port is not None:
        shown = show(Health(lambda: pulse.silent_s, lambda: watch.standing.unready), host, port)
    if shown is not None:
        watch.metrics_at = shown.where
        log.info("metrics at http://%s/metrics", shown.where)
    tasks = [
        _task(work) for work in (pulse.beat(), _look(watch), _report(watch, dsn, node), _count(dsn, clock))
    ]
    try:
        yield watch
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if shown is not None:
            await asyncio.to_thread(shown.close)


def _task(work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
    """Looking on must not end what is looked at: what goes wrong is in the log."""
    task = asyncio.create_task(work)

    def ended(task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("this head-end is no longer seen from outside as it should be", exc_info=error)

    task.add_done_callback(ended)
    return task


async def _look(watch: Watch) -> None:
    while True:
        await asyncio.sleep(LOOK_S)
        await watch.look()


async def _report(watch: Watch, dsn: str, node: str) -> None:
    """Tell the database how this node stands, and hear from it how long jobs wait."""
    loop = asyncio.get_running_loop()
    connection: AsyncConnection[TupleRow] | None = None
    asked_at = -JOBS_S
    try:
        while True:
            try:
                if connection is None:
                    connection = await AsyncConnection.connect(dsn, autocommit=True, **session(10))
                if node:
                    await node_reports.save(connection, node, watch.standing.document())
                if loop.time() - asked_at > JOBS_S:
                    asked_at = loop.time()
                    _note_jobs(await node_reports.oldest_jobs_async(connection))
                watch.reachable = True
            except AWAY:
                # The ingest says so in the log, and knows since when.
                watch.reachable = False
                metrics.JOB_OLDEST_SECONDS.clear()
                if connection is not None:
                    await connection.close()
                    connection = None
            await asyncio.sleep(REPORT_S * random.uniform(0.9, 1.1))
    finally:
        if connection is not None:
            await connection.close()


def _note_jobs(oldest: dict[str, float]) -> None:
    waits: dict[str, float] = dict.fromkeys((*metrics.QUEUES, metrics.OTHER), 0.0)
    for queue, seconds in oldest.items():
        label = metrics.queue_label(queue)
        waits[label] = max(waits[label], seconds)
    for label, seconds in waits.items():
        metrics.JOB_OLDEST_SECONDS.labels(label).set(seconds)


async def _count(dsn: str, clock: Clock) -> None:
    """How complete today and yesterday are."""
    loop = asyncio.get_running_loop()
    shortest, longest = COUNT_S
    pause = shortest  # what an earlier run left in the spool comes in first
    while True:
        await asyncio.sleep(pause * random.uniform(0.9, 1.1))
        began = loop.time()
        try:
            shares = await _shares(dsn, clock)
        except AWAY:
            metrics.COMPLETENESS.clear()
        else:
            for day, share in shares.items():
                if share is not None:
                    metrics.COMPLETENESS.labels(day).set(share)
        pause = min(max(COUNT_PAUSES * (loop.time() - began), shortest), longest)


async def _shares(dsn: str, clock: Clock) -> dict[str, float | None]:
    now = clock()
    today = local_day(now)
    days = {"today": today, "yesterday": today - timedelta(days=1)}
    async with await AsyncConnection.connect(dsn, autocommit=True, **session(COUNT_WITHIN_S)) as connection:
        return {
            name: (await completeness.total_async(connection, day, day, now)).share
            for name, day in days.items()
        }
