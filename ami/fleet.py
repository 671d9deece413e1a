"""What `ami status --live` shows: head-ends, what they hold, what they read, and what waits."""

from __future__ import annotations

import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import psycopg
from prometheus_client.parser import text_string_to_metric_families
from psycopg import Connection
from psycopg.rows import TupleRow

from model.clock import Clock
from model.period import local_day
from storage import completeness, contact_reports, node_reports
from storage.completeness import Completeness
from storage.contact_reports import Silent
from storage.errors import Unreachable
from storage.node_reports import NodeSeen
from storage.pool import connect

SLOW_S = 60.0  # between two looks at what costs something
SILENT_S = 15.0
SILENT_AFTER = timedelta(hours=24)
WITHIN_S = 30.0
SCRAPE_S = 1.0
FRESH_S = 30.0  # a node's word is believed for so long
LONGEST_SCRAPE = 4 << 20
STOPPED = {
    "disk": "the disk that holds its spool is full",
    "spool": "its spool is full",
    "unusable": "its spool cannot be used",
    "other": "its log says why",
}


@dataclass(frozen=True, slots=True)
class Node:
    """One head-end; what it says of itself is None where it said nothing lately. `why` is the sentence why
    it does not poll, `broker_away` why it hears nothing from its MQTT broker (None: it has none)."""

    name: str
    state: str  # ready, not ready, silent, stopped
    why: str
    silent_s: float
    shards: int
    calls: int
    sessions: int
    spool_rows: int | None
    spool_full: float | None
    spool_oldest_s: float | None
    spool_aside: int | None
    reads: int | None
    loop_lag_p99_s: float | None
    metrics: str
    broker_away: str | None = None


@dataclass(frozen=True, slots=True)
class Fleet:
    """Everything at one instant. `database_ms` None: it does not answer, `away` says why; what else is shown
    is then what was known before, but for nodes that still show their metrics.

    `reads`, `sessions` and `rejected` are what nodes say of the last minute, None while nobody does: then
    `heard_at` is when somebody last did (None: not since the look-out began, or never)."""

    at: datetime
    nodes: tuple[Node, ...] = ()
    database_ms: float | None = None
    database_bytes: int | None = None
    away: str = ""
    today: Completeness | None = None
    yesterday: Completeness | None = None
    counted_at: datetime | None = None
    too_long: bool = False
    heard_at: datetime | None = None
    reads: dict[str, int] | None = None
    sessions: dict[str, int] | None = None
    rejected: dict[str, int] | None = None
    fenced: int = 0
    jobs: dict[str, float] = field(default_factory=dict)
    silent: tuple[Silent, ...] = ()


class Lookout:
    """Looks again and again; keeps one connection, and what was costly to find out."""

    def __init__(self, dsn: str, clock: Clock, metrics_at: str) -> None:
        self._dsn, self._clock, self._metrics_at = dsn, clock, metrics_at
        self._connection: Connection[TupleRow] | None = None
        self._counted = self._looked = float("-inf")
        self._fleet = Fleet(clock())

    def close(self) -> None:
        """Hang up."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def look(self) -> Fleet:
        """How everything stands now."""
        now = self._clock()
        try:
            if self._connection is None:
                self._connection = connect(self._dsn, autocommit=True, statement_timeout_s=WITHIN_S)
            self._fleet = self._ask(self._connection, now)
        except (Unreachable, psycopg.Error) as error:
            self.close()
            self._fleet = self._without(error, now)
        return self._fleet

    def _ask(self, conn: Connection[TupleRow], now: datetime) -> Fleet:
        began = time.perf_counter()
        rows = node_reports.nodes(conn)
        took = (time.perf_counter() - began) * 1000
        words = [row.report for row in rows if _fresh(row)]
        told = [row.reported_s for row in rows if row.reported_s is not None]
        fleet = replace(
            self._fleet,
            at=now,
            nodes=tuple([_node(row) for row in rows]),
            database_ms=took,
            away="",
            heard_at=now - timedelta(seconds=min(told)) if told else None,
            reads=_sum(words, "reads_per_minute") if words else None,
            sessions=_sum(words, "sessions") if words else None,
            rejected=_sum(words, "rejected") if words else None,
            fenced=sum(int(word.get("fenced", 0)) for word in words),
            jobs=node_reports.oldest_jobs(conn),
        )
        if time.monotonic() - self._looked > SILENT_S:
            self._looked = time.monotonic()
            fleet = replace(fleet, silent=tuple(contact_reports.silent(conn, now, now - SILENT_AFTER)))
        if time.monotonic() - self._counted > SLOW_S:
            self._counted = time.monotonic()
            fleet = _counted(conn, fleet, now)
        return fleet

    def _without(self, error: Exception, now: datetime) -> Fleet:
        """The database is away: the nodes that still show their metrics tell what waits."""
        said = error.said if isinstance(error, Unreachable) else str(error).strip()
        known = {node.metrics: node for node in self._fleet.nodes if node.metrics}
        if not known and self._metrics_at:
            known = {self._metrics_at: _UNKNOWN}
        nodes = tuple(_scraped(node, where) for where, node in known.items())
        why = [line for line in said.splitlines() if not line.startswith("\t")] or [type(error).__name__]
        # Whoever looks on knows the address; what is wrong comes last.
        return replace(
            self._fleet, at=now, nodes=nodes, database_ms=None, reads=None, sessions=None, rejected=None,
            away=why[-1].rsplit(": ", 1)[-1].strip(),
        )  # fmt: skip


_UNKNOWN = Node("here", "silent", "", 0.0, 0, 0, 0, None, None, None, None, None, None, "")


def head_ends(conn: Connection[TupleRow]) -> tuple[Node, ...]:
    """Those that live, fell silent, or stopped within a day, by name."""
    return tuple(map(_node, node_reports.nodes(conn)))


def _fresh(row: NodeSeen) -> bool:
    return row.alive and row.reported_s is not None and row.reported_s < FRESH_S


def _node(row: NodeSeen) -> Node:
    word = row.report if _fresh(row) else {}
    spool = word.get("spool", {})
    why = str(word.get("stopped", ""))
    if row.stopped:
        state = "stopped"
    elif not row.alive:
        state = "silent"
    elif word and not word.get("ready", True):
        state = "not ready"
    else:
        state = "ready"
    reads = word.get("reads_per_minute")
    return Node(
        row.name, state, why, row.silent_s, row.shards, row.modems, row.sessions,
        spool.get("rows"), spool.get("full"), spool.get("oldest_s"), spool.get("aside"),
        None if reads is None else sum(reads.values()), word.get("loop_lag_p99_s"), word.get("metrics", ""),
        word.get("broker_away"),
    )  # fmt: skip


def _sum(words: Sequence[Any], name: str) -> dict[str, int]:
    total: Counter[str] = Counter()
    for word in words:
        total.update({key: int(count) for key, count in word.get(name, {}).items()})
    return dict(total.most_common())


def _counted(conn: Connection[TupleRow], fleet: Fleet, now: datetime) -> Fleet:
    day = local_day(now)
    before = day - timedelta(days=1)
    try:
        today = completeness.total(conn, day, day, now)
        yesterday = completeness.total(conn, before, before, now)
    except psycopg.errors.QueryCanceled:
        return replace(fleet, too_long=True)
    return replace(
        fleet, today=today, yesterday=yesterday, counted_at=now, too_long=False,
        database_bytes=node_reports.database_bytes(conn),
    )  # fmt: skip


def _scraped(node: Node, where: str) -> Node:
    """A node as its own /metrics tells."""
    try:
        with urllib.request.urlopen(f"http://{where}/metrics", timeout=SCRAPE_S) as answer:
            text = answer.read(LONGEST_SCRAPE).decode()
        samples = [one for family in text_string_to_metric_families(text) for one in family.samples]
    except (OSError, ValueError, urllib.error.URLError):
        return replace(node, state="silent", reads=None, loop_lag_p99_s=None)
    found = {sample.name: sample.value for sample in samples if not sample.labels}
    stopped = [
        sample.labels["reason"] for sample in samples if sample.name == "ami_polling_stopped" and sample.value
    ]
    return replace(
        node,
        state="not ready" if stopped else "ready",
        why=STOPPED.get(stopped[0], STOPPED["other"]) if stopped else "",
        spool_rows=int(found.get("ami_spool_rows", 0)),
        spool_full=found.get("ami_spool_full_ratio"),
        spool_oldest_s=found.get("ami_spool_oldest_seconds"),
        spool_aside=int(found.get("ami_spool_aside_rows", 0)),
        reads=None,
        loop_lag_p99_s=None,
    )
