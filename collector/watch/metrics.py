"""What a head-end counts and measures, in one place: the names that `/metrics` shows.

No name of a meter, a modem, a serial or an address is ever a label: labels take few values, known beforehand
(`bounded` keeps others out). Which meter it was is in the log and in the database.
"""

from __future__ import annotations

import math
from collections.abc import Collection
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics

from collector.watch.counted import Counted, Spreads

disable_created_metrics()  # type: ignore[no-untyped-call]

REGISTRY: Final = CollectorRegistry()

OUTCOMES: Final = frozenset(
    ("ok", "partial", "no_link", "timeout", "garbage", "refused", "wrong_meter", "unknown_model", "error",
     "fenced")
)  # fmt: skip
PROTOCOLS: Final = frozenset(("dlms", "modbus", "mode_c", "push", "mqtt"))
REJECTIONS: Final = frozenset(
    ("address_cap", "registered_cap", "rate", "first_byte", "registration_time", "too_long", "unknown_modem",
     "unknown_dialect", "duplicate", "impostor", "idle", "tls", "descriptors",
     # of meters that push
     "message_time", "undecodable", "unknown_meter", "unprotected", "untrusted", "replayed", "future",
     "too_old", "store_away", "garbage", "busy")
)  # fmt: skip
URGENCIES: Final = ("on_demand", "closing", "real_time", "routine", "back_fill")
STOPS: Final = frozenset(("disk", "spool", "unusable", "key"))
QUEUES: Final = frozenset(("operations", "upkeep", "shards", "node"))
OTHER: Final = "other"

SECONDS: Final = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 900.0)
QUICK: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
DRIFT: Final = (1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 900.0, 1800.0, 3600.0)


def bounded(value: str, known: Collection[str]) -> str:
    """`value` where it is one of the known ones, else "other": a label never grows with the fleet."""
    return value if value in known else OTHER


def queue_label(queue: str) -> str:
    """A queue's name as a label; a node's own queue (`node.NAME`) is `node`, whichever node it is."""
    return bounded("node" if queue.startswith("node.") else queue, QUEUES)


READS_EXPECTED = Counted(
    "ami_reads_expected_total",
    "Reads that were due: a meter whose turn came with something to ask, reachable or not.",
    (),
    REGISTRY,
)
READS = Counted(
    "ami_reads_total",
    "Reads that ended and are on the disk, by protocol and outcome.",
    ("protocol", "outcome"),
    REGISTRY,
)
COMPLETENESS = Gauge(
    "ami_read_completeness_ratio",
    "Half-hours that are in the database, of those due so far: all meters, local day.",
    ("day",),  # today, yesterday
    registry=REGISTRY,
)
POLL_SECONDS = Spreads(
    "ami_poll_duration_seconds", "How long conversations with meters last.", SECONDS, REGISTRY
).of()
ONDEMAND_SECONDS = Histogram(
    "ami_ondemand_duration_seconds",
    "From the wish of an on-demand read to its answer on the disk.",
    buckets=SECONDS,
    registry=REGISTRY,
)
PERMIT_WAIT_SECONDS = Spreads(
    "ami_permit_wait_seconds",
    "How long a conversation waited until it might begin, by urgency.",
    SECONDS,
    REGISTRY,
    "urgency",
    URGENCIES,
)
SESSION_COUNT = Gauge(
    "ami_sessions",
    "Connections and conversations: at_the_door (no name yet), dialled_in (modems that stay), talking.",
    ("state",),
    registry=REGISTRY,
)
LISTENER_REJECTED = Counter(
    "ami_listener_rejected_total",
    "Callers sent away by the listener, by reason.",
    ("reason",),
    registry=REGISTRY,
)
SPOOL_ROWS = Gauge(
    "ami_spool_rows", "Readouts on the disk that the database has not taken.", registry=REGISTRY
)
SPOOL_OLDEST_SECONDS = Gauge(
    "ami_spool_oldest_seconds", "For how long the oldest of them has been waiting.", registry=REGISTRY
)
SPOOL_FULL_RATIO = Gauge("ami_spool_full_ratio", "Share of the spool's room in use.", registry=REGISTRY)
SPOOL_ASIDE_ROWS = Gauge(
    "ami_spool_aside_rows", "Readouts that the database will never take, kept aside.", registry=REGISTRY
)
INGEST_ROWS = Counter(
    "ami_ingest_rows_total",
    "Rows brought into the database, by what they were: polls, answers, blocks, identical ones and others.",
    ("result",),
    registry=REGISTRY,
)
INGEST_COMMIT_SECONDS = Histogram(
    "ami_ingest_commit_seconds",
    "How long one batch takes into the database, commit included.",
    buckets=QUICK,
    registry=REGISTRY,
)
DATABASE_UP = Gauge("ami_database_up", "1 while the database answers this node, else 0.", registry=REGISTRY)
SHARD_EPOCH = Gauge(
    "ami_shard_epoch", "The epoch under which this node holds a shard.", ("shard",), registry=REGISTRY
)
SHARD_TAKEOVERS = Counter(
    "ami_shard_takeovers_total", "Shards taken over from a node that fell silent.", registry=REGISTRY
)
FENCED_WRITES = Counter(
    "ami_fenced_writes_total",
    "Readouts not let into the database because another node had taken over.",
    registry=REGISTRY,
)
JOB_OLDEST_SECONDS = Gauge(
    "ami_job_oldest_seconds", "For how long the oldest job that may begin has waited.", ("queue",),
    registry=REGISTRY,
)  # fmt: skip
EVENT_LOOP_LAG_SECONDS = Histogram(
    "ami_event_loop_lag_seconds",
    "How late the event loop comes to what is due.",
    buckets=QUICK,
    registry=REGISTRY,
)
CLOCK_DRIFT_SECONDS = Spreads(
    "ami_meter_clock_drift_seconds",
    "How far meters' clocks are from ours when asked, either way.",
    DRIFT,
    REGISTRY,
).of()
AUTH_FAILURES = Counter(
    "ami_dlms_auth_failures_total",
    "Associations refused, and messages whose protection could not be believed.",
    registry=REGISTRY,
)
POLLING_STOPPED = Gauge(
    "ami_polling_stopped",
    "1 while this node polls no meter: disk or spool (full), unusable (the spool), key (not here); else 0.",
    ("reason",),
    registry=REGISTRY,
)
for _reason in (*sorted(STOPS), OTHER):
    POLLING_STOPPED.labels(_reason).set(0)
AUDIT_CHAIN_OK = Gauge(
    "ami_audit_chain_ok",
    "1 while the chain of the audit log is whole, 0 once it is broken, NaN while nobody looked.",
    registry=REGISTRY,
)
AUDIT_CHAIN_OK.set(math.nan)
MQTT_CONNECTED = Gauge(
    "ami_mqtt_connected",
    "1 while the MQTT broker has this node, 0 while it is away, NaN where none is set.",
    registry=REGISTRY,
)
MQTT_CONNECTED.set(math.nan)
MQTT_DOCUMENTS = Counter(
    "ami_mqtt_documents_total", "Gateways' documents by how they were judged.", ("result",), registry=REGISTRY
)
