"""What a head-end is told when it starts, and what it tells when it is done."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from collector.keys.fleet_keys import OurSide
from collector.mqtt.settings import BrokerSettings
from collector.polling.clock_limits import ClockLimits
from collector.spool.spool import LIMIT
from model.period import HALF_HOUR


def _nothing_kept() -> bool:
    """Nothing is kept under any key."""
    return False


Progress = Callable[[int, int, str], None]
"""done, total, what is happening: one step is one question to a meter."""


def unseen(done: int, total: int, text: str) -> None:
    """A progress nobody looks at."""


@dataclass(frozen=True, slots=True)
class HeadEndSettings:
    """Times in seconds. `listen_port` None: no listener; 0: any free port. `only`: these serials alone."""

    dsn: str = field(repr=False)
    spool_path: Path
    unwrap: Callable[[bytes], bytes] = field(repr=False)
    wrap: Callable[[bytes], bytes] | None = field(default=None, repr=False)  # None: no keys are changed
    prove: Callable[[], bool] = _nothing_kept  # `storage.secrets.KeyFile.prove`
    ours: OurSide | None = None  # how meters that want keys are opened; None: they are not
    node: str = "head-end"  # under which name it is one of the nodes at this database
    version: str = ""
    listen_host: str = "127.0.0.1"
    listen_port: int | None = None
    concurrency: int = 64
    calls_per_second: int = 100  # new connections
    cell_sessions: int = 8  # conversations at the same time in one named cell
    live_every_s: float = 60.0
    read_every: timedelta = HALF_HOUR  # a part of a day
    answer_s: float = 10.0
    connect_s: float = 10.0
    dial_in_wait_s: float = 20.0
    tries: int = 3
    retry_pause_s: float = 1.0
    spool_limit_bytes: int = LIMIT
    store_patience_s: float = 120.0
    reload_every_s: float = 60.0
    heartbeat_s: float = 300.0  # the longest a modem that dialled in keeps silent
    unregistered_per_address: int = 64
    registered_per_address: int = 20_000  # networks that hide their modems behind one address have many there
    connections_per_second_per_address: float = 500.0
    listen_tls_port: int | None = None  # modems that speak TLS; None: there are none
    listen_tls_certificate: Path | None = None
    listen_tls_key: Path | None = None
    push_port: int | None = None  # where meters push to; None: nowhere
    only: frozenset[str] | None = None
    clock_limits: ClockLimits | None = None  # how far off a clock may be before it is set; None: none is
    disconnections_per_hour: int = 20  # one more, and none is sent until the stop is lifted
    broker: BrokerSettings | None = None  # where gateways send to; None: there are none
    metrics_host: str = "127.0.0.1"
    metrics_port: int | None = None  # of /metrics, /livez and /readyz; None: not shown

    @property
    def live_every(self) -> timedelta:
        return timedelta(seconds=self.live_every_s)


@dataclass(frozen=True, slots=True)
class MeterOutcome:
    """How the last conversation with a meter went."""

    serial: str
    modem: str
    outcome: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class CollectReport:
    """One run. `stopped` is the sentence why it ended early, empty when it did not."""

    meters: tuple[MeterOutcome, ...]
    conversations: int
    answers: int
    values: int  # profile values received, each channel for itself
    rejected: int
    waiting: int  # readouts still in the spool
    set_aside: int  # readouts the store will not take, kept in the spool's file
    seconds: float
    stopped: str = ""
    listener_rejected: Mapping[str, int] = field(default_factory=dict)
    stored: Mapping[str, int] = field(default_factory=dict)

    @property
    def failed(self) -> tuple[MeterOutcome, ...]:
        return tuple(meter for meter in self.meters if meter.outcome not in ("ok", ""))

    @property
    def whole(self) -> bool:
        """Every meter answered everything, and all of it is in the store."""
        return not (self.failed or self.waiting or self.set_aside or self.stopped)
