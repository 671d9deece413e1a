"""Load shapes that many meters share: each meter counts a share of one, and keeps nothing of its own.

A register is `start + shape × permille // 1000`, rate by rate, so what a meter counted in any period is the
difference of two look-ups in a table that all meters of the shape have in common: exact integers, no history.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from simulators.chance import Ints, key
from simulators.halfhours import SLOT_S
from simulators.ledger import Ledger
from simulators.supply import House, counted
from simulators.trades import HOUSEHOLD, load_of

SHAPES: Final = 48
_PERMILLE: Final = 1000


class Shape:
    """One household's days: its supply, and running sums by rate before each half-hour from `first` on."""

    __slots__ = ("_ledger", "first", "supply")

    def __init__(self, seed: int, number: int, first: int) -> None:
        self.first = first
        load = load_of(HOUSEHOLD, seed, number, key("weather", seed))
        self.supply = House(key("phases", seed, number), load)
        self._ledger = Ledger(counted(self.supply), first, start=(0, 0, 0))

    def sums(self, begin: int, end: int) -> Ints:
        """Wh by rate counted before each of the half-hours [begin, end), shape [n, 3]."""
        return self._ledger.sums(begin, end)


@dataclass(frozen=True, slots=True)
class SharedLedger:
    """The counting work of a meter that takes `permille` thousandths of a shape; see `Ledger`."""

    shape: Shape
    permille: int
    start: tuple[int, int, int]

    @property
    def first(self) -> int:
        """The half-hour counting began with."""
        return self.shape.first

    def totals(self, begin: int, end: int) -> Ints:
        """The total register at the beginning of each of the half-hours [begin, end)."""
        shares = self.shape.sums(begin, end) * self.permille // _PERMILLE
        return np.asarray(shares.sum(axis=1) + sum(self.start), dtype=np.int64)

    def wh(self, begin: int, end: int) -> Ints:
        """The energy of the half-hours [begin, end), none of them before `first`."""
        if begin < self.first:
            raise ValueError(f"the ledger begins with half-hour {self.first}, not {begin}")
        return np.diff(self.totals(begin, end + 1))

    def registers(self, second: int) -> tuple[int, int, int, int]:
        """Total, normal, peak and off-peak Wh at a second of the meter's clock; within a half-hour evenly."""
        slot, into = divmod(max(second, self.first * SLOT_S), SLOT_S)
        before, after = (self.shape.sums(slot, slot + 2) * self.permille // _PERMILLE).tolist()
        rates = [
            start + begun + (ended - begun) * into // SLOT_S
            for start, begun, ended in zip(self.start, before, after, strict=True)
        ]
        return sum(rates), rates[0], rates[1], rates[2]


@dataclass(frozen=True, slots=True)
class SharedSupply:
    """What flows where a meter takes a share of a shape: all of it on the first phase."""

    ledger: SharedLedger
    phases: int = 1

    def flowing(self, slots: Ints) -> Ints:
        """Wh of each half-hour, shape [n, 3], as the meter counts them."""
        split = np.zeros((len(slots), 3), dtype=np.int64)
        for at, slot in enumerate(slots.tolist()):
            split[at, 0] = self.ledger.wh(slot, slot + 1)[0] if slot >= self.ledger.first else 0
        return split

    def shown(self, slots: Ints) -> Ints:
        """All that flows."""
        return self.flowing(slots)


def drawn(seed: int, first: int) -> tuple[Shape, ...]:
    """The shapes of a seed; each is reckoned when it is first asked."""
    return tuple(Shape(seed, number, first) for number in range(SHAPES))
