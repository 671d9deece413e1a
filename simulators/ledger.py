"""The counting work of a meter: whole Wh per half-hour of its own clock, and the registers they make."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from simulators import halfhours
from simulators.chance import Ints
from simulators.halfhours import SLOT_S
from simulators.supply import Counted

_AHEAD = 62 * halfhours.SLOTS_A_DAY  # how many half-hours are reckoned at a time


class Counting(Protocol):
    """What an instrument asks of a counter: see `Ledger`."""

    def wh(self, begin: int, end: int) -> Ints: ...

    def totals(self, begin: int, end: int) -> Ints: ...

    def registers(self, second: int) -> tuple[int, int, int, int]: ...


class Ledger:
    """Counts from half-hour `first` until `end` (excluded; None: for ever); `start` are Wh by rate.

    `divisor` is the ratio of the current transformers before the meter: it counts secondary Wh, and what a
    division leaves over is carried to the next half-hour, as a counter does. All sums are exact integers: the
    total is the sum of the rates, and a register the sum of the half-hours before it.
    """

    def __init__(
        self,
        count: Counted,
        first: int,
        *,
        end: int | None = None,
        start: tuple[int, int, int],
        divisor: int = 1,
    ) -> None:
        self._count = count
        self._divisor = divisor
        self._start = np.array(start, dtype=np.int64)
        self._left_over = 0
        self.first = first
        self.end = end
        self._wh = np.zeros(0, dtype=np.int64)
        self._sums = np.zeros((1, 3), dtype=np.int64)  # by rate, before each half-hour

    def _reach(self, until: int) -> None:
        """Reckon the half-hours before `until`."""
        have = self.first + len(self._wh)
        if until <= have:
            return
        slots = np.arange(have, max(until, have + _AHEAD), dtype=np.int64)
        primary = self._left_over + np.cumsum(self._count(slots))
        secondary = primary // self._divisor
        wh = np.diff(secondary, prepend=0)
        self._left_over = int(primary[-1] - secondary[-1] * self._divisor)
        if self.end is not None:
            wh[slots >= self.end] = 0
        by_rate = np.zeros((len(slots), 3), dtype=np.int64)
        by_rate[np.arange(len(slots)), halfhours.rate_of(slots) - 1] = wh
        self._wh = np.concatenate([self._wh, wh])
        self._sums = np.concatenate([self._sums, self._sums[-1] + np.cumsum(by_rate, axis=0)])

    def wh(self, begin: int, end: int) -> Ints:
        """The energy of the half-hours [begin, end), none of them before `first`."""
        if begin < self.first:
            raise ValueError(f"the ledger begins with half-hour {self.first}, not {begin}")
        self._reach(end)
        return self._wh[begin - self.first : end - self.first]

    def sums(self, begin: int, end: int) -> Ints:
        """Wh by rate counted before each of the half-hours [begin, end), without the start; shape [n, 3]."""
        self._reach(end)
        return self._sums[begin - self.first : end - self.first]

    def totals(self, begin: int, end: int) -> Ints:
        """The total register at the beginning of each of the half-hours [begin, end)."""
        rows = self.sums(begin, end)
        return np.asarray(rows.sum(axis=1) + self._start.sum(), dtype=np.int64)

    def registers(self, second: int) -> tuple[int, int, int, int]:
        """Total, normal, peak and off-peak Wh at a second of the meter's clock; within a half-hour evenly."""
        slot, into = divmod(max(second, self.first * SLOT_S), SLOT_S)
        if self.end is not None and slot >= self.end:
            slot, into = self.end, 0
        self._reach(slot + 1)
        at = slot - self.first
        rates = self._sums[at] + self._start
        if into:
            rate = int(halfhours.rate_of(np.array([slot]))[0]) - 1
            rates[rate] += self._wh[at] * into // SLOT_S
        normal, peak, offpeak = (int(value) for value in rates)
        return normal + peak + offpeak, normal, peak, offpeak
