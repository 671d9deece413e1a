"""What one poll of one meter yields, each piece with the bytes it came from."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from operator import lt

from model.errors import ModelError
from model.light import light
from model.period import Period, require_aware
from model.series import Channel, ProfileKind, Rate, ReadingSource, Unit


@light
class ProfileBlock:
    """One channel of one profile answer.

    `stamps` are the beginnings of the intervals for energy and power, the instant itself for an index;
    aware, ascending, distinct. `raw` are the meter's integers, value = raw × 10^scaler `unit`.
    """

    channel: Channel
    kind: ProfileKind
    obis: str
    interval: timedelta
    stamps: tuple[datetime, ...]
    raw: tuple[int, ...]
    status: tuple[int, ...]
    scaler: int
    unit: Unit

    def __post_init__(self) -> None:
        if not len(self.stamps) == len(self.raw) == len(self.status):
            raise ModelError(f"profile {self.obis}: stamps, values and statuses differ in number")
        at = _first_out_of_order(self.stamps)
        if at is not None:
            earlier, later = self.stamps[at : at + 2]
            raise ModelError(
                f"profile {self.obis}: {later.isoformat()} does not follow {earlier.isoformat()}"
            )


@lru_cache(maxsize=64)
def _first_out_of_order(stamps: tuple[datetime, ...]) -> int | None:
    """After which place the next instant is no later; a fleet that is asked for the same day shares them."""
    ascends = list(map(lt, stamps, stamps[1:]))
    return None if all(ascends) else ascends.index(False)


@light
class RegisterRead:
    """A register at an instant: value = raw × 10^scaler `unit`."""

    channel: Channel
    rate: Rate
    at: datetime
    raw: int
    scaler: int
    unit: Unit
    source: ReadingSource = ReadingSource.POLL
    status: int = 0

    def __post_init__(self) -> None:
        require_aware(self.at)


@dataclass(frozen=True, slots=True)
class InstantRead:
    """Electrical quantities at an instant; what the meter does not have is None. SI units, secondary side."""

    at: datetime
    voltage_v: tuple[float | None, float | None, float | None] = (None, None, None)
    current_a: tuple[float | None, float | None, float | None] = (None, None, None)
    power_w: float | None = None
    reactive_var: float | None = None
    cos_phi: float | None = None
    frequency_hz: float | None = None


@light
class MeterEvent:
    """Something the meter, or our conversation with it, says has happened."""

    at: datetime
    code: str  # clock_drift, serial_mismatch, power_off, cover_open …
    detail: str = ""


@light
class Answer:
    """The bytes of one accepted answer and what was asked; the evidence behind every figure.

    `asked` is the period a profile was asked for (None for registers); `complete`: the meter gave all it has
    of it.
    """

    item: str
    raw: bytes
    asked: Period | None = None
    complete: bool = True
    blocks: tuple[ProfileBlock, ...] = ()
    registers: tuple[RegisterRead, ...] = ()
    instants: tuple[InstantRead, ...] = ()
    events: tuple[MeterEvent, ...] = ()


@dataclass(frozen=True, slots=True)
class Rejected:
    """An answer that could not be accepted, kept with its reason."""

    item: str
    reason: str
    raw: bytes
    asked: Period | None = None


@light
class Readout:
    """One meter, one conversation."""

    serial: str
    poll: str  # id of the conversation, distinct per try
    started: datetime
    ended: datetime
    outcome: str  # ok, partial, refused, timeout, no_link, garbage, wrong_meter …
    detail: str = ""
    clock_offset_s: float | None = None  # meter's clock minus ours
    answers: tuple[Answer, ...] = ()
    rejected: tuple[Rejected, ...] = ()
    rtt_s: float | None = None  # round trip of the quick questions, seconds; None where none was answered
