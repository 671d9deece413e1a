"""What validation yields: one meter, one channel, one local day; and what it noticed."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta

from model.errors import ModelError
from model.quality import Quality, Severity
from model.series import Channel, Unit


@dataclass(frozen=True, slots=True)
class Day:
    """Energies of one local day: value of slot i = `values[i]` × 10^scaler `unit`, primary side.

    A day has 86,400 s / interval slots (48 half-hours; 46 or 50 where a clock changes). A missing slot
    holds 0 and quality MISSING.
    """

    serial: str
    channel: Channel
    day: date
    interval: timedelta
    values: tuple[int, ...]
    quality: bytes
    scaler: int = 0
    unit: Unit = Unit.WATT_HOUR
    version: int = 1

    def __post_init__(self) -> None:
        if len(self.values) != len(self.quality):
            raise ModelError(
                f"meter {self.serial}, {self.day}: {len(self.values)} values, {len(self.quality)} qualities"
            )

    def count(self, quality: Quality) -> int:
        return self.quality.count(quality)


@dataclass(frozen=True, slots=True)
class Finding:
    """Bad data as a value: what was noticed about a meter's readings."""

    kind: str  # gap, duplicate, negative, rollover, swap, sum_mismatch, differing_reread …
    serial: str
    day: date
    severity: Severity = Severity.INFO
    detail: dict[str, str | int | float | None] = field(default_factory=dict)
