"""What is known of one meter when the rules look at it: a period's slots, its registers, earlier periods."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from analytics.vee.inputs import DAY_S
from model.day import Finding
from model.period import Period, midnight
from model.quality import Quality, Severity
from model.series import Channel, Rate, Unit


@dataclass(frozen=True, slots=True)
class Use:
    """What a point used in a period; `days` whole ones, but where it began or ended within a day."""

    kwh: int | float | Decimal
    days: int | Decimal

    @property
    def per_day(self) -> Fraction:
        """kWh a day, exactly: 130 of 100 kWh are 30 % more, not a hair above."""
        return Fraction(self.kwh) / Fraction(self.days)


@dataclass(frozen=True, slots=True)
class Counted:
    """What one register counted over the period, in primary Wh, and the worth of its last digit.

    `previous`, `current`: the index as the meter shows it, in whole units of that digit.
    """

    wh: int
    resolution_wh: int = 1
    previous: int = 0
    current: int = 0


@dataclass(frozen=True, eq=False)
class Seen:
    """One meter in one period; a rule that lacks what it goes by keeps silent.

    `energy`, `quality` (days, slots) of the channel from `first`. `intervals_s`: lengths that profiles came
    in; `disputed`: instants about which answers differed; `channel_days`: on how many of the days each
    channel was heard; `units`: units each channel came in. `registers`: what each counted over just these
    days. `multiplier` as registered, `meter_multiplier` as the meter or the plate says. `supplied`: whether
    the contract is alive. `use`: the billing period; `before`: earlier ones, the latest first; `last_year`:
    the same month a year ago. `peak_w`, `peak_before_w`: highest half-hour mean of this and the previous
    period. `estimated_before`: billing periods in a row, just before this one, closed by an estimate.
    """

    serial: str
    first: date
    energy: npt.NDArray[np.signedinteger[Any]]
    quality: npt.NDArray[np.uint8]
    customer_class: str = "household"
    outages: Sequence[Period] = ()
    supplied: bool = True
    clock_offsets_s: Sequence[tuple[datetime, float]] = ()
    intervals_s: frozenset[int] = frozenset()
    disputed: Sequence[datetime] = ()
    channels: frozenset[Channel] = frozenset()
    channel_days: Mapping[Channel, int] = field(default_factory=dict)
    units: Mapping[Channel, frozenset[Unit]] = field(default_factory=dict)
    registers: Mapping[Rate, Counted] = field(default_factory=dict)
    digits: int | None = None
    multiplier: Decimal = Decimal(1)
    meter_multiplier: Decimal | None = None
    use: Use | None = None
    before: Sequence[Use] = ()
    last_year: Use | None = None
    peak_w: int | None = None
    peak_before_w: int | None = None
    estimated: bool = False
    estimated_before: int = 0

    @property
    def days(self) -> int:
        return len(self.energy)

    @property
    def last(self) -> date:
        """The last of the days."""
        return self.first + timedelta(self.days - 1)

    @property
    def slots(self) -> int:
        return int(self.energy.shape[1])

    @property
    def interval_s(self) -> int:
        return DAY_S // self.slots

    @cached_property
    def known(self) -> npt.NDArray[np.bool_]:
        """(days × slots) What the meter measured, in a row."""
        measured = (Quality.ACTUAL, Quality.SUSPECT, Quality.EDITED)
        return np.isin(self.quality.reshape(-1), measured)

    @cached_property
    def wh(self) -> npt.NDArray[np.int64]:
        """(days × slots) Energies in a row; 0 where nothing is known."""
        return self.energy.reshape(-1).astype(np.int64)

    @cached_property
    def dark(self) -> npt.NDArray[np.bool_]:
        """(days × slots) Slots that an outage touches."""
        start = int(midnight(self.first).timestamp()) + np.arange(len(self.wh)) * self.interval_s
        found = np.zeros(len(self.wh), bool)
        for outage in self.outages:
            began, ended = outage.start.timestamp(), outage.end.timestamp()
            found |= (start < ended) & (start + self.interval_s > began)
        return found

    def at(self, slot: int) -> datetime:
        """When a slot begins."""
        return midnight(self.first) + timedelta(seconds=slot * self.interval_s)

    def day(self, slot: int = 0) -> date:
        """The local day of a slot."""
        return self.first + timedelta(slot // self.slots)

    def doubt(
        self, kind: str, severity: Severity, day: date | None = None, /, **evidence: str | int | float | None
    ) -> Finding:
        """A finding about this meter, on `day` or the first."""
        return Finding(kind, self.serial, day or self.first, severity, dict(evidence))


def longest_run(where: npt.NDArray[np.bool_]) -> tuple[int, int]:
    """(first, length) of the longest unbroken run; the earliest of equals, (0, 0) when there is none."""
    edges = np.flatnonzero(np.diff(np.concatenate(([0], where.astype(np.int8), [0]))))
    if not len(edges):
        return 0, 0
    starts, lengths = edges[::2], edges[1::2] - edges[::2]
    best = int(lengths.argmax())
    return int(starts[best]), int(lengths[best])
