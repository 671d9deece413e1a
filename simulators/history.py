"""The days a fleet's story is told in, all derived from its epoch."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Self

from model.period import add_months, local_day
from simulators import halfhours


@dataclass(frozen=True, slots=True)
class History:
    """First days of the month before last, the last full month and this one; `epoch` is a half-hour."""

    first: date
    month: date
    month_end: date
    epoch: int

    @classmethod
    def before(cls, epoch: datetime) -> Self:
        """The history that a fleet has at `epoch`."""
        today = local_day(epoch)
        return cls(
            add_months(today, -2), add_months(today, -1), add_months(today, 0), halfhours.slot_of(epoch)
        )

    @property
    def first_slot(self) -> int:
        """The half-hour every meter begins to count with."""
        return halfhours.first_slot(self.first)

    @property
    def month_slot(self) -> int:
        """The first half-hour of the last full month."""
        return halfhours.first_slot(self.month)

    def days_ago(self, days: int) -> int:
        """The half-hour so many times 24 hours before the epoch."""
        return self.epoch - days * halfhours.SLOTS_A_DAY
