"""What validation takes and gives: plain arrays for one meter and channel over local days."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from analytics.errors import AnalyticsError
from model.day import Finding
from model.period import Period, midnight
from model.series import Channel

Int64 = npt.NDArray[np.int64]
DAY_S = 86_400
VALUE, BLANK = 1, 2
"""What people decided of a slot: its figure, or that it is to be estimated."""


class BlockLike(Protocol):
    """One channel of one profile answer as the store holds it.

    `stamps` (n, epoch seconds) are beginnings of intervals, for an index the instant; value = raw ×
    10^scaler `unit`.
    """

    @property
    def channel(self) -> int: ...
    @property
    def kind(self) -> str: ...
    @property
    def interval_s(self) -> int: ...
    @property
    def stamps(self) -> npt.NDArray[Any]: ...
    @property
    def raw(self) -> npt.NDArray[Any]: ...
    @property
    def scaler(self) -> int: ...
    @property
    def unit(self) -> int: ...
    @property
    def received_at(self) -> datetime: ...


class RegisterLike(Protocol):
    """A register at an instant."""

    @property
    def channel(self) -> int: ...
    @property
    def rate(self) -> int: ...
    @property
    def at(self) -> datetime: ...
    @property
    def raw(self) -> int: ...
    @property
    def scaler(self) -> int: ...
    @property
    def unit(self) -> int: ...


@dataclass(frozen=True, slots=True, eq=False)
class MeterInput:
    """One meter, one channel, `days` local days from `first`.

    `blocks`, `registers` in any order, overlapping or not; what lies outside the days (and `history`) is
    ignored, so begin the days at or before the last register read ahead of them. `history` (h, slots) with
    its quality are the h validated days just before `first`. `since`, `until`: when the meter hung there.
    `outages`: no power, nothing used. What estimates may go by: `check` (days, slots) primary Wh of the
    check meter where `check_quality` is ACTUAL; `profile` (slots, mean 1) the curve of the customer's class;
    `day_rates` the `Rate` of each slot of a day, where the meter has rate registers. `customer_class`: whose
    limits the rules about slots go by; without one they are not asked. What people decided: `decided` (days,
    slots) primary Wh where `decided_how` is VALUE; where it is BLANK, what the meter said does not count.
    """

    serial: str
    meter_id: int
    first: date
    days: int
    blocks: Sequence[BlockLike]
    registers: Sequence[RegisterLike]
    interval_s: int = 1800
    digits: int | None = None
    multiplier: Fraction | Decimal | int = 1
    values_secondary: bool = False
    history: npt.NDArray[np.int32] | None = None
    history_quality: npt.NDArray[np.uint8] | None = None
    since: datetime | None = None
    until: datetime | None = None
    outages: Sequence[Period] = field(default=())
    channel: Channel = Channel.ACTIVE_IMPORT
    check: npt.NDArray[np.int32] | None = None
    check_quality: npt.NDArray[np.uint8] | None = None
    profile: npt.NDArray[np.float64] | None = None
    day_rates: Callable[[date], bytes] | None = None
    customer_class: str = ""
    decided: npt.NDArray[np.int32] | None = None
    decided_how: npt.NDArray[np.uint8] | None = None

    @property
    def slots(self) -> int:
        return DAY_S // self.interval_s

    @property
    def factor(self) -> Fraction:
        """What turns the meter's Wh into primary Wh."""
        return Fraction(self.multiplier) if self.values_secondary else Fraction(1)

    @property
    def past(self) -> int:
        """Days of history ahead of `first`."""
        return 0 if self.history is None else len(self.history)

    @property
    def origin(self) -> int:
        """Epoch second of the first slot, history included. Local days here have 24 hours."""
        return int(midnight(self.first).timestamp()) - self.past * DAY_S

    def __post_init__(self) -> None:
        if self.days < 1 or self.interval_s < 1 or DAY_S % self.interval_s:
            raise AnalyticsError(
                "bad_interval",
                f"meter {self.serial}: {self.days} days in slots of {self.interval_s} s cannot be validated",
            )


@dataclass(frozen=True, slots=True, eq=False)
class MeterOutput:
    """`energy` (days, slots) in primary Wh, 0 where missing; `quality` a `model.quality.Quality` per slot,
    `method` a `analytics.vee.methods.Method`."""

    serial: str
    meter_id: int
    channel: Channel
    first: date
    energy: npt.NDArray[np.int32]
    quality: npt.NDArray[np.uint8]
    method: npt.NDArray[np.uint8]
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Validated:
    """A batch, in the order of its inputs."""

    meters: tuple[MeterOutput, ...]

    @property
    def findings(self) -> tuple[Finding, ...]:
        return tuple(finding for meter in self.meters for finding in meter.findings)
