"""What head-ends say of themselves, and what they hold: the fleet at a glance."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from psycopg import AsyncConnection, Connection
from psycopg.rows import TupleRow
from psycopg.types.json import Jsonb

from storage.queue import STALLED_S

_SAVE: Final = "UPDATE node SET report = %s, reported_at = clock_timestamp() WHERE name = %s"
_NODES: Final = """
    SELECT n.name, n.started_at, n.seen_at,
        n.stopped_at IS NULL AND n.seen_at > clock_timestamp() - make_interval(secs => %s),
        n.stopped_at IS NOT NULL,
        extract(epoch FROM clock_timestamp() - n.seen_at)::double precision,
        n.listen, n.version, coalesce(l.shards, 0), coalesce(l.modems, 0), coalesce(s.sessions, 0), n.report,
        extract(epoch FROM clock_timestamp() - n.reported_at)::double precision
    FROM node n
    LEFT JOIN (SELECT l.node, count(DISTINCT l.shard) AS shards,
            count(d.code) FILTER (WHERE d.link <> 'dial_in') AS modems
        FROM shard_lease l LEFT JOIN modem d ON d.shard = l.shard AND d.link <> 'mqtt'
        GROUP BY l.node) l ON l.node = n.name
    LEFT JOIN (SELECT node, count(*) AS sessions FROM modem_session WHERE ended IS NULL GROUP BY node) s
        ON s.node = n.name
    WHERE n.stopped_at IS NULL OR n.stopped_at > clock_timestamp() - INTERVAL '1 day'
    ORDER BY n.name"""
_SIZE: Final = "SELECT pg_database_size(current_database())"
_OLDEST_JOBS: Final = """
    SELECT j.queue_name, max(extract(epoch FROM clock_timestamp()
        - coalesce(j.scheduled_at, (SELECT min(at) FROM procrastinate_events e
            WHERE e.job_id = j.id AND e.type = 'deferred'))))::double precision
    FROM procrastinate_jobs j
    WHERE j.status = 'todo' AND coalesce(j.scheduled_at, '-infinity') <= clock_timestamp()
        AND NOT EXISTS (SELECT FROM procrastinate_jobs d WHERE d.lock = j.lock AND d.status = 'doing')
    GROUP BY j.queue_name ORDER BY j.queue_name"""


@dataclass(frozen=True, slots=True)
class NodeSeen:
    """A head-end, last heard of `silent_s` seconds ago.

    `modems` are those it calls, `sessions` those that called it; `report` is its own word, `reported_s`
    seconds old (None: it never gave one).
    """

    name: str
    started_at: datetime
    seen_at: datetime
    alive: bool
    stopped: bool
    silent_s: float
    listen: str
    version: str
    shards: int
    modems: int
    sessions: int
    report: Mapping[str, Any]
    reported_s: float | None


async def save(conn: AsyncConnection[TupleRow], node: str, report: Mapping[str, Any]) -> None:
    """Keep what a node says of itself now."""
    await conn.execute(_SAVE, [Jsonb(dict(report)), node])


def nodes(conn: Connection[TupleRow]) -> list[NodeSeen]:
    """Every head-end that lives, fell silent, or stopped within a day."""
    return [NodeSeen(*row) for row in conn.execute(_NODES, [STALLED_S])]


def oldest_jobs(conn: Connection[TupleRow]) -> dict[str, float]:
    """By queue, for how many seconds the oldest job that may begin has waited."""
    return {queue: max(0.0, seconds or 0.0) for queue, seconds in conn.execute(_OLDEST_JOBS)}


def database_bytes(conn: Connection[TupleRow]) -> int:
    """How large the database is."""
    ((found,),) = conn.execute(_SIZE).fetchall()
    return int(found)


async def oldest_jobs_async(conn: AsyncConnection[TupleRow]) -> dict[str, float]:
    """The same in the loop."""
    found = await conn.execute(_OLDEST_JOBS)
    return {queue: max(0.0, seconds or 0.0) for queue, seconds in await found.fetchall()}
