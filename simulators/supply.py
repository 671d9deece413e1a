"""What flows into a house, phase by phase, and what of it the meter is shown."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from simulators.chance import Ints, spread
from simulators.loads import Load


class Supply(Protocol):
    """The three phases of a point, in primary Wh per half-hour, shape [n, 3]."""

    @property
    def phases(self) -> int:
        """1 or 3."""
        ...

    def flowing(self, slots: Ints) -> Ints:
        """What is consumed."""
        ...

    def shown(self, slots: Ints) -> Ints:
        """What passes through the meter."""
        ...


@dataclass(frozen=True, slots=True)
class Bypass:
    """From a half-hour on, the current of one phase goes round the meter."""

    phase: int
    since: int


@dataclass(frozen=True, slots=True)
class House:
    """A customer's supply."""

    seed: int
    load: Load
    phases: int = 1
    shares: tuple[float, float, float] = (1.0, 0.0, 0.0)
    bypass: Bypass | None = None

    def flowing(self, slots: Ints) -> Ints:
        """The load, split over the phases; the parts add up to the whole exactly."""
        wh = self.load.wh(slots)
        split = np.zeros((len(slots), 3), dtype=np.int64)
        if self.phases == 1:
            split[:, 0] = wh
            return split
        weights = np.stack(
            [share * spread(self.seed + i, slots, 0.1) for i, share in enumerate(self.shares)], axis=1
        )
        weights /= weights.sum(axis=1, keepdims=True)
        split[:] = (wh[:, None] * weights).astype(np.int64)
        heaviest = int(np.argmax(self.shares))
        split[:, heaviest] += wh - split.sum(axis=1)
        return split

    def shown(self, slots: Ints) -> Ints:
        """The load without what a bypass hides."""
        split = self.flowing(slots)
        if self.bypass is not None:
            split[slots >= self.bypass.since, self.bypass.phase] = 0
        return split


@dataclass(frozen=True, slots=True)
class StationHead:
    """All that leaves a station: what its customers consume, hidden or not, and what the lines lose."""

    seed: int
    houses: tuple[Supply, ...]
    iron_wh: int = 180  # of the transformer, each half-hour
    ohmic_permille: int = 32  # of what is delivered

    phases: int = 3

    def flowing(self, slots: Ints) -> Ints:
        """Single-phase houses hang on the three phases in turn."""
        total = np.zeros((len(slots), 3), dtype=np.int64)
        for number, house in enumerate(self.houses):
            split = house.flowing(slots)
            if house.phases == 1:
                total[:, number % 3] += split[:, 0]
            else:
                total += split
        return np.asarray(total + total * self.ohmic_permille // 1000 + self.iron_wh // 3, dtype=np.int64)

    def shown(self, slots: Ints) -> Ints:
        """Nothing goes round a head meter."""
        return self.flowing(slots)


class Recorded:
    """A supply that is read from a file: `first` is the half-hour of `wh[0]`; -1 is not in the file."""

    phases = 1

    def __init__(self, first: int, wh: Ints) -> None:
        self.first = first
        self.wh = wh

    def known(self, slots: Ints) -> Ints:
        """The file's value of each half-hour, -1 where it has none."""
        found = np.full(len(slots), -1, dtype=np.int64)
        at = slots - self.first
        inside = (at >= 0) & (at < len(self.wh))
        found[inside] = self.wh[at[inside]]
        return found

    def flowing(self, slots: Ints) -> Ints:
        """What the file says; nothing flows where it is silent."""
        split = np.zeros((len(slots), 3), dtype=np.int64)
        split[:, 0] = np.maximum(self.known(slots), 0)
        return split

    def shown(self, slots: Ints) -> Ints:
        """As it flows."""
        return self.flowing(slots)


Counted = Callable[[Ints], Ints]


def counted(supply: Supply, stuck_since: int | None = None) -> Counted:
    """What the meter's counter makes of its supply: Wh per half-hour, nothing once it sticks."""

    def count(slots: Ints) -> Ints:
        wh = supply.shown(slots).sum(axis=1)
        if stuck_since is not None:
            wh[slots >= stuck_since] = 0
        return np.asarray(wh, dtype=np.int64)

    return count
