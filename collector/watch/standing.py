"""How a head-end stands, gathered every few seconds: for its gauges, for /readyz, for its row `node`."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from prometheus_client import Counter, Gauge

from collector.errors import SpoolError
from collector.polling.caller import Office
from collector.spool.ingest import Ingest
from collector.spool.spool import Spool
from collector.watch import metrics
from collector.watch.counted import Counted
from collector.watch.pulse import Pulse

HEADROOM = 0.8
"""Below this share of the spool a node without its database is still ready: what it reads has a place."""
RATE_S = 60.0
TRIPS_S = 10.0
SLOWEST = 10  # modems that are named


class Watched(Protocol):
    """The head-end that is looked at; `stopped` is the sentence why it does not poll, empty while it does,
    `stopped_by` the same as a word; `broker_away` why the MQTT broker sends nothing, None without one."""

    @property
    def spool(self) -> Spool: ...
    @property
    def ingest(self) -> Ingest: ...
    @property
    def stopped(self) -> str: ...
    @property
    def stopped_by(self) -> str: ...
    @property
    def broker_away(self) -> str | None: ...
    @property
    def office(self) -> Office: ...


@dataclass(frozen=True, slots=True)
class RoundTrips:
    """Smoothed round trips: half and 95 % of `modems` answer within so many seconds; the slowest by name."""

    modems: int
    median_s: float
    p95_s: float
    slowest: tuple[tuple[str, float], ...]

    def document(self) -> dict[str, Any]:
        return {
            "modems": self.modems,
            "median_s": round(self.median_s, 4),
            "p95_s": round(self.p95_s, 4),
            "slowest": [[modem, round(seconds, 3)] for modem, seconds in self.slowest],
        }


@dataclass(frozen=True, slots=True)
class Standing:
    """`reads` by outcome in the last minute; `rejected` callers by reason since the start; `round_trips` how
    quick the modems answer a short question."""

    spool_rows: int = 0
    spool_full: float = 0.0
    spool_oldest_s: float = 0.0
    spool_aside: int = 0
    database: bool = True
    database_away_s: float = 0.0
    stopped: str = ""
    broker_away: str | None = None
    sessions: Mapping[str, int] = field(default_factory=dict)
    reads: Mapping[str, int] = field(default_factory=dict)
    rejected: Mapping[str, int] = field(default_factory=dict)
    fenced: int = 0
    takeovers: int = 0
    loop_lag_p99_s: float = 0.0
    round_trips: RoundTrips | None = None
    metrics: str = ""  # where this node shows its metrics, host:port

    @property
    def unready(self) -> str:
        """Why this node should not be given work, one sentence; empty where it may."""
        if self.stopped:
            return f"polling has stopped: {self.stopped}"
        if not self.database and self.spool_full >= HEADROOM:
            return f"the database is away and the spool is {self.spool_full:.0%} full"
        return ""

    def document(self) -> dict[str, Any]:
        """As it stands in the row `node` of the database."""
        return {
            "spool": {
                "rows": self.spool_rows,
                "full": round(self.spool_full, 4),
                "oldest_s": round(self.spool_oldest_s, 1),
                "aside": self.spool_aside,
            },
            "stopped": self.stopped,
            "broker_away": self.broker_away,
            "ready": not self.unready,
            "sessions": dict(self.sessions),
            "reads_per_minute": dict(self.reads),
            "rejected": dict(self.rejected),
            "fenced": self.fenced,
            "takeovers": self.takeovers,
            "loop_lag_p99_s": round(self.loop_lag_p99_s, 4),
            "round_trips": None if self.round_trips is None else self.round_trips.document(),
            "metrics": self.metrics,
        }


class Watch:
    """Looks at one head-end; `standing` is what it saw last."""

    def __init__(self, watched: Watched, pulse: Pulse) -> None:
        self._watched, self._pulse = watched, pulse
        self._past: deque[tuple[float, dict[str, int]]] = deque()
        self._began = {
            name: by_label(counter)
            for name, counter in (("rejected", metrics.LISTENER_REJECTED), ("reads", metrics.READS))
        }
        self._fenced, self._takeovers = value(metrics.FENCED_WRITES), value(metrics.SHARD_TAKEOVERS)
        self._oldest: tuple[int, float] = (0, 0.0)
        self._trips: RoundTrips | None = None
        self._timed = float("-inf")
        self.metrics_at = ""
        self.reachable: bool | None = None  # what somebody who asked the database last saw
        self.standing = Standing()

    async def look(self) -> Standing:
        """See how it stands now, and set the gauges."""
        watched, now = self._watched, time.monotonic()
        spool, away = watched.spool, watched.ingest.away_since
        database = away is None and self.reachable is not False
        metrics.SPOOL_ROWS.set(spool.rows)
        metrics.SPOOL_FULL_RATIO.set(spool.fullness)
        metrics.SPOOL_ASIDE_ROWS.set(spool.set_aside)
        metrics.DATABASE_UP.set(database)
        stopped_by = metrics.bounded(watched.stopped_by, metrics.STOPS) if watched.stopped else ""
        for reason in (*metrics.STOPS, metrics.OTHER):
            metrics.POLLING_STOPPED.labels(reason).set(reason == stopped_by)
        oldest_s = await self._oldest_s(spool)
        metrics.SPOOL_OLDEST_SECONDS.set(oldest_s)
        self.standing = Standing(
            spool_rows=spool.rows,
            spool_full=spool.fullness,
            spool_oldest_s=oldest_s,
            spool_aside=spool.set_aside,
            database=database,
            database_away_s=now - away if away is not None else 0.0,
            stopped=watched.stopped,
            broker_away=watched.broker_away,
            sessions=by_label(metrics.SESSION_COUNT),
            reads=self._last_minute(now),
            rejected=_less(by_label(metrics.LISTENER_REJECTED), self._began["rejected"]),
            fenced=int(value(metrics.FENCED_WRITES) - self._fenced),
            takeovers=int(value(metrics.SHARD_TAKEOVERS) - self._takeovers),
            loop_lag_p99_s=self._pulse.lag_s(0.99),
            round_trips=self._round_trips(now),
            metrics=self.metrics_at,
        )
        return self.standing

    async def _oldest_s(self, spool: Spool) -> float:
        """For how long the oldest readout has waited: since it was taken, or since it was first seen here."""
        if not spool.rows:
            self._oldest = (0, 0.0)
            return 0.0
        try:
            first = await spool.oldest(1)
        except SpoolError:  # a full or broken disk: all else that is to be seen matters the more then
            return self.standing.spool_oldest_s
        if not first:
            return 0.0
        if first[0].id != self._oldest[0]:
            self._oldest = (first[0].id, time.monotonic())
        if first[0].taken:
            return max(0.0, time.time() - first[0].taken)
        return time.monotonic() - self._oldest[1]

    def _round_trips(self, now: float) -> RoundTrips | None:
        """Anew every few seconds: with ten thousand modems it costs some milliseconds."""
        if now - self._timed > TRIPS_S:
            self._timed, self._trips = now, round_trips(self._watched.office)
        return self._trips

    def _last_minute(self, now: float) -> dict[str, int]:
        reads = by_label(metrics.READS, "outcome")
        self._past.append((now, reads))
        while now - self._past[0][0] > RATE_S:
            self._past.popleft()
        return _less(reads, self._past[0][1])


def round_trips(office: Office) -> RoundTrips | None:
    """How quick the modems are that the head-end has heard of; None before it has of any."""
    found = sorted(
        (seconds, modem)
        for modem, learnt in office.experience.items()
        if (seconds := learnt.pace.quick.srtt_s) is not None
    )
    if not found:
        return None
    last = len(found) - 1
    return RoundTrips(
        modems=len(found),
        median_s=found[last // 2][0],
        p95_s=found[min(last, int(0.95 * len(found)))][0],
        slowest=tuple((modem, seconds) for seconds, modem in reversed(found[-SLOWEST:])),
    )


def value(counter: Counter) -> float:
    """What a counter without labels stands at."""
    return next(sample.value for metric in counter.collect() for sample in metric.samples)


def by_label(metric: Counter | Gauge | Counted, label: str = "") -> dict[str, int]:
    """What a counter or gauge stands at by one of its labels (the only one, if none is named)."""
    sums: dict[str, int] = {}
    for sample in _samples(metric):
        key = sample.labels[label] if label else next(iter(sample.labels.values()))
        sums[key] = sums.get(key, 0) + int(sample.value)
    return sums


def _samples(metric: Counter | Gauge | Counted) -> Iterable[Any]:
    return (sample for family in metric.collect() for sample in family.samples)


def _less(now: Mapping[str, int], before: Mapping[str, int]) -> dict[str, int]:
    grown = {name: count - before.get(name, 0) for name, count in now.items()}
    return {name: count for name, count in sorted(grown.items()) if count}
