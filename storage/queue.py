"""The queue of work: Procrastinate on the store's own database, its tables made by migration `0006_queue`."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable
from datetime import UTC, datetime
from typing import Any, Final, LiteralString

from procrastinate import App, PsycopgConnector
from procrastinate.exceptions import UniqueViolation
from procrastinate.jobs import Job, Status
from procrastinate.manager import JobManager

from storage.pool import session

HEARTBEAT_S: Final = 3.0
STALLED_S: Final = 12.0
"""A worker, or a node, that was silent for so long is believed dead."""

_STATEMENT_TIMEOUT_S: Final = 60.0
# In one statement, and the row locked: between looking and doing nobody else takes it.
_OURS: Final = """
    FROM (SELECT id FROM procrastinate_jobs WHERE id = %(job)s AND status = 'doing'
        AND worker_id IS NOT DISTINCT FROM %(worker)s FOR UPDATE) AS ours"""
_FINISH: Final = "SELECT procrastinate_finish_job_v1(ours.id, %(status)s, %(delete_job)s)" + _OURS
_RETRY: Final = (
    "SELECT procrastinate_retry_job_v2(ours.id, %(at)s, %(priority)s, %(queue)s, %(lock)s)" + _OURS
)

_WITHOUT_JOB: Final = """
    SELECT wanted.lock FROM unnest(%(locks)s::text[]) AS wanted (lock)
    WHERE NOT EXISTS (SELECT FROM procrastinate_jobs j
        WHERE j.lock = wanted.lock AND j.status IN ('todo', 'doing'))"""

logger = logging.getLogger(__name__)


class OwnJobs(JobManager):
    """Ends a job, or gives it back, only while it is still its worker's.

    A worker that was believed dead and wakes up would else end the job of the one that took it over.
    """

    async def finish_job(self, job: Job, status: Status, delete_job: bool) -> None:
        await self._if_ours(_FINISH, job, status=status.value, delete_job=delete_job)

    async def retry_job(
        self,
        job: Job,
        retry_at: datetime | None = None,
        priority: int | None = None,
        queue: str | None = None,
        lock: str | None = None,
    ) -> None:
        at = retry_at or datetime.now(UTC)
        try:
            await self._if_ours(_RETRY, job, at=at, priority=priority, queue=queue, lock=lock)
        except UniqueViolation:
            # The same work is queued already: this copy of it is not needed.
            await self.finish_job(job, Status.FAILED, delete_job=False)

    async def _if_ours(self, statement: LiteralString, job: Job, **arguments: Any) -> None:
        done = await self.connector.execute_query_all_async(
            statement, job=job.id, worker=job.worker_id, **arguments
        )
        if not done:
            logger.warning("job %s (%s) is somebody else's by now: left to him", job.id, job.task_name)


def queue_app(dsn: str, *, import_paths: Iterable[str] = (), size: int = 4) -> App:
    """The queue at `dsn`, not yet open: `with app.open():` to defer, `async with app.open_async():` to work.

    `import_paths` name the modules whose tasks a worker must know; `size` is the most connections it opens.
    """
    connector = PsycopgConnector(
        conninfo=dsn, kwargs=session(_STATEMENT_TIMEOUT_S), min_size=1, max_size=size
    )
    app = App(connector=connector, import_paths=list(import_paths))
    app.job_manager = OwnJobs(connector)
    return app


async def take_over(app: App) -> None:
    """Give the jobs of workers that fell silent to somebody else."""
    for job in await app.job_manager.get_stalled_jobs(seconds_since_heartbeat=STALLED_S):
        await app.job_manager.retry_job(job)
        logger.warning("job %s (%s) was taken over from a worker that fell silent", job.id, job.task_name)


async def without_job(app: App, locks: Collection[str]) -> set[str]:
    """Those of the locks for which no job waits or runs."""
    rows = await app.connector.execute_query_all_async(_WITHOUT_JOB, locks=list(locks))
    return {row["lock"] for row in rows}
