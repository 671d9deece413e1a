"""Shards of modems as jobs of the queue: one job a shard and period, run by the node that holds it.

A job that ends before its period is given back, at once or after a pause; a worker that falls silent loses
its jobs to others (`storage.queue.take_over`).
"""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Collection, Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from procrastinate import App, BaseRetryStrategy, JobContext, RetryDecision
from procrastinate.exceptions import AlreadyEnqueued
from procrastinate.jobs import Job
from procrastinate.worker import Worker

from storage.queue import HEARTBEAT_S, STALLED_S, queue_app, without_job

QUEUE: Final = "shards"
TASK: Final = "shard"
ORDERS_TASK: Final = "orders"
DEFERRED_AT_ONCE: Final = 100
MOST: Final = 4000  # shards on one node
LOOK_S: Final = 1.0  # between two looks for a shard that somebody gave back

Hold = Callable[[int], Awaitable[None]]
Wake = Callable[[list[str]], Awaitable[None]]


def node_queue(node: str) -> str:
    """The queue of what only this node can do."""
    return f"node.{node}"


def queues(node: str, *, shards: bool = True) -> list[str]:
    """Where a node's worker looks for work: what only it can do, and shards that anybody may have."""
    return [QUEUE, node_queue(node)] if shards else [node_queue(node)]


class GiveBack(Exception):
    """This node ends with a shard before its period does; others may have it after `pause_s` seconds."""

    def __init__(self, why: str, pause_s: float = 0.0) -> None:
        super().__init__(why)
        self.pause_s = pause_s


class _Returned(BaseRetryStrategy):
    """However a shard's job was broken off, it goes back into the queue."""

    def get_retry_decision(self, *, exception: BaseException, job: Job) -> RetryDecision:
        pause = exception.pause_s if isinstance(exception, GiveBack) else 0.0
        return RetryDecision(retry_at=datetime.now(UTC) + timedelta(seconds=pause))


def lock_of(shard: int) -> str:
    """What a shard's job holds while it runs."""
    return f"shard {shard}"


def shard_app(dsn: str, hold: Hold, wake: Wake) -> App:
    """The queue with a node's tasks: `hold` polls a shard until it is to end; `wake` is told of modems for
    which an order waits."""
    app = queue_app(dsn, size=3)

    async def shard_task(context: JobContext, shard: int) -> None:
        await hold(shard)
        await defer(context.app, [shard])  # the next period

    async def orders_task(context: JobContext, modems: list[str]) -> None:
        await wake(modems)

    app.task(name=TASK, queue=QUEUE, pass_context=True, retry=_Returned())(shard_task)
    app.task(name=ORDERS_TASK, pass_context=True)(orders_task)
    return app


async def defer(app: App, shards: Collection[int]) -> None:
    """Queue a job for each of these shards that has none waiting."""
    jobs = [_job(app, shard) for shard in shards]
    for first in range(0, len(jobs), DEFERRED_AT_ONCE):
        some = jobs[first : first + DEFERRED_AT_ONCE]
        try:
            await app.job_manager.batch_defer_jobs_async(some)
            continue
        except AlreadyEnqueued:
            if len(some) == 1:
                continue
        for job in some:  # another node was quicker with one of them, nobody says which
            with suppress(AlreadyEnqueued):
                await app.job_manager.batch_defer_jobs_async([job])


def _job(app: App, shard: int) -> Job:
    name = lock_of(shard)
    return app.configure_task(
        TASK, queue=QUEUE, lock=name, queueing_lock=name, task_kwargs={"shard": shard}
    ).job


async def ensure(app: App, shards: Collection[int]) -> None:
    """Queue a job for each of these shards that has none at all."""
    idle = await without_job(app, [lock_of(shard) for shard in shards])
    await defer(app, [shard for shard in shards if lock_of(shard) in idle])


def worker(app: App, node: str) -> Worker:
    """The worker of a node, not yet running; it goes on until `stop`, or until the database goes away."""
    options: dict[str, Any] = {
        "queues": queues(node),
        "name": f"node-{node}",
        "concurrency": MOST,
        "fetch_job_polling_interval": LOOK_S,
        "shutdown_graceful_timeout": 0.5,
        "install_signal_handlers": False,
        "update_heartbeat_interval": HEARTBEAT_S,
        "stalled_worker_timeout": STALLED_S,
    }
    return Worker(app, **options)


def surplus(me: str, held: Mapping[str, int], shards: int) -> int:
    """How many shards this node has too many, of `shards` in all, `held` by the nodes that live."""
    if len(held) < 2 or me not in held:
        return 0
    most, least = math.ceil(shards / len(held)), shards // len(held)
    if held[me] > most:
        return held[me] - most
    # The last one goes where there is less than anybody's least: from one alone of those who could give it.
    if held[me] > least and min(held.values()) < least:
        return int(me == max(held, key=lambda name: (held[name], name)))
    return 0


def may_take(me: str, mine: int, held: Mapping[str, int], shards: int) -> bool:
    """Whether one more is a fair share, with `mine` held by now."""
    nodes = len(held) or 1
    if mine < shards // nodes:
        return True
    others_have_enough = all(count >= shards // nodes for name, count in held.items() if name != me)
    return mine < math.ceil(shards / nodes) and others_have_enough
