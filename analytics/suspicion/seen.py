"""What is known of a station and of its meters on the night when they are asked about."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

import numpy as np
import numpy.typing as npt

from analytics.errors import AnalyticsError
from analytics.losses import Technical

Float = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class MeterSeen:
    """One customer's meter over the d days of its station; all arrays begin at the station's first day.

    `energy` (d, slots) primary Wh counted as used, with `quality` (`model.quality.Quality`); days before the
    meter hung are MISSING. `scores` (d) logits of `analytics.abnormal`, NaN where a day was not scored.
    `exported` (d, slots) Wh fed back, NaN where missing; None without an export channel. `absent` (d) bool:
    days that the customer told to be away. `events`: day and code of what the meter logged. `current_a`,
    `voltage_v` (d, 3): means of the instants read on a day, by phase, secondary side, NaN where none was
    read; None for a meter of one phase or never read. `price_dong`: what its next kWh costs, if known.
    """

    serial: str
    energy: npt.NDArray[np.int32] | Float
    quality: npt.NDArray[np.uint8]
    scores: Float
    exported: Float | None = None
    absent: npt.NDArray[np.bool_] | None = None
    events: Sequence[tuple[date, str]] = ()
    current_a: Float | None = None
    voltage_v: Float | None = None
    price_dong: float | None = None

    def __post_init__(self) -> None:
        days = len(self.energy)
        if self.energy.ndim != 2 or self.energy.shape[1] < 1 or self.quality.shape != self.energy.shape:
            raise AnalyticsError(
                "bad_shape",
                f"{self.serial}: energy {self.energy.shape} and quality {self.quality.shape} do not fit",
            )
        if self.exported is not None and (self.exported.ndim != 2 or self.exported.shape[1] < 1):
            raise AnalyticsError("bad_shape", f"{self.serial}: give what it fed back by slots, not by days")
        by_day = {"scores": self.scores, "absent": self.absent, "exported": self.exported}
        by_day |= {"current_a": self.current_a, "voltage_v": self.voltage_v}
        for name, told in by_day.items():
            if told is not None and len(told) != days:
                raise AnalyticsError(
                    "bad_shape", f"{self.serial}: {name} of {len(told)} days, energy of {days}: give the same"
                )


@dataclass(frozen=True, slots=True, eq=False)
class StationSeen:
    """A station from `first` on, whole days only, the last being the one it is asked about.

    `head` (d, slots) Wh that went in, with `head_quality`; None without a head meter: then energy, currents
    and events alone speak, and `Suspect.by_balance` says so. `technical`: its loss, where it is known; what
    is not told is fitted. Meters may count by other intervals than the head: the coarsest of all is used.
    """

    code: str
    first: date
    meters: Sequence[MeterSeen]
    head: npt.NDArray[np.int32] | Float | None = None
    head_quality: npt.NDArray[np.uint8] | None = None
    technical: Technical | None = None

    def __post_init__(self) -> None:
        days = {len(one.energy) for one in self.meters} | (
            {len(self.head)} if self.head is not None else set()
        )
        if len(days) > 1:
            raise AnalyticsError(
                "bad_shape", f"station {self.code}: meters of {sorted(days)} days: give the same"
            )
        if self.head is not None and (
            self.head_quality is None or self.head.ndim != 2 or self.head_quality.shape != self.head.shape
        ):
            raise AnalyticsError("bad_shape", f"station {self.code}: the head and its quality do not fit")

    @property
    def days(self) -> int:
        """Whole days known or not."""
        return len(self.meters[0].energy) if self.meters else 0

    def day(self, index: int) -> date:
        """The date of a day."""
        return self.first + timedelta(index)

    def until(self, days: int) -> StationSeen:
        """As it was known after so many days, by what is known of them now."""
        return replace(
            self,
            meters=tuple(_until(one, days, self.day(days)) for one in self.meters),
            head=None if self.head is None else self.head[:days],
            head_quality=None if self.head_quality is None else self.head_quality[:days],
        )


def _until(one: MeterSeen, days: int, end: date) -> MeterSeen:
    return replace(
        one,
        energy=one.energy[:days],
        quality=one.quality[:days],
        scores=one.scores[:days],
        exported=None if one.exported is None else one.exported[:days],
        absent=None if one.absent is None else one.absent[:days],
        current_a=None if one.current_a is None else one.current_a[:days],
        voltage_v=None if one.voltage_v is None else one.voltage_v[:days],
        events=tuple(each for each in one.events if each[0] < end),
    )
