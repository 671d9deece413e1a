"""What warmer and colder days than usual add to a load, and temperatures by slot."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from analytics.errors import AnalyticsError

Float = npt.NDArray[np.float64]

COOLED_ABOVE: Final = 24.0  # °C: from here on more of them means more cooling
HEATED_BELOW: Final = 18.0
BLOCKS: Final = 6  # of a day, each with what a degree adds in it
LEAST_DAYS: Final = 20  # held against what came, before a temperature counts
LIFE: Final = 8.0  # days of half-life of the usual temperature
RIDGE: Final = 10.0  # as if so many slots of one degree had shown nothing
FADE: Final = 0.5 ** (1 / 60)
NEAR: Final = 180  # minutes
DAY_MINUTES: Final = 1440


class Degrees:
    """Degrees of cooling and of heating by slot, how far they are from those of the days that a level rests
    on, and what a degree adds (least squares with a ridge, by a sixth of the day)."""

    def __init__(self, features: Float) -> None:
        """`features` (2, days, slots), NaN unknown."""
        _, _, slots = features.shape
        self.features = features
        self.block = np.arange(slots) * BLOCKS // slots
        self.sums, self.counts = np.zeros((2, slots)), np.zeros((2, slots))
        self.squares = np.zeros((BLOCKS, 2, 2)) + RIDGE * np.eye(2)
        self.products = np.zeros((BLOCKS, 2))
        self.days = 0
        self.plain_miss = self.warm_miss = 0.0
        self.said: dict[int, tuple[Float, Float, Float]] = {}

    @classmethod
    def of(cls, celsius: npt.ArrayLike | None, days: int, slots: int) -> Degrees | None:
        """None where no temperature is given."""
        if celsius is None:
            return None
        given = np.asarray(celsius, np.float64)
        if given.shape != (days, slots):
            raise AnalyticsError(
                "bad_shape", f"temperatures {given.shape} are not {days} days × {slots} slots"
            )
        cooled, heated = np.maximum(given - COOLED_ABOVE, 0), np.maximum(HEATED_BELOW - given, 0)
        return cls(np.stack([cooled, heated]))

    def take(self, day: int) -> None:
        """The temperatures of a day that is over become usual."""
        today, fade = self.features[:, day], 0.5 ** (1 / LIFE)
        known = ~np.isnan(today)
        self.sums = fade * self.sums + np.where(known, today, 0.0)
        self.counts = fade * self.counts + known

    def warmed(self, day: int, whole: Float) -> tuple[Float, bool]:
        """What is expected with what the day's temperatures add, where that has been better so far."""
        with np.errstate(invalid="ignore"):
            away = self.features[:, day] - self.sums / self.counts
        slopes = np.linalg.solve(self.squares, self.products[..., None])[..., 0]
        added = (slopes[self.block].T * away).sum(axis=0)
        warm = np.maximum(whole + added, 0.0)
        self.said[day] = away, whole, warm
        trusted = self.days >= LEAST_DAYS and self.warm_miss < self.plain_miss
        if not trusted or np.isnan(warm).any():
            return whole, False
        return warm, True

    def hold(self, day: int, power: Float) -> None:
        """What came (NaN unknown) against what was said of the day."""
        away, plain, warm = self.said.pop(day)
        held = ~np.isnan(power) & ~np.isnan(plain) & ~np.isnan(warm)
        if not held.any():
            return
        self.days += 1
        self.plain_miss = FADE * self.plain_miss + float(np.abs(power - plain)[held].mean())
        self.warm_miss = FADE * self.warm_miss + float(np.abs(power - warm)[held].mean())
        self.squares = FADE * (self.squares - RIDGE * np.eye(2)) + RIDGE * np.eye(2)
        self.products *= FADE
        for block in range(BLOCKS):
            mine = held & (self.block == block)
            x, y = away[:, mine], (power - plain)[mine]
            self.squares[block] += x @ x.T
            self.products[block] += x @ y


def by_slot(minutes: npt.ArrayLike, celsius: npt.ArrayLike, days: int, slots: int) -> Float:
    """(days, slots) °C at the middle of each slot, on the line between two readings at most `NEAR` minutes
    apart, else NaN; `minutes` of the readings from the first midnight, in order."""
    at, degrees = np.asarray(minutes, np.float64), np.asarray(celsius, np.float64)
    length = DAY_MINUTES / slots
    wanted = (np.arange(days * slots) + 0.5) * length
    if not len(at):
        return np.full((days, slots), np.nan)
    after = np.searchsorted(at, wanted)
    left, right = at[np.maximum(after - 1, 0)], at[np.minimum(after, len(at) - 1)]
    # Before the first and after the last reading that one stands, for half as long.
    within = np.where(
        (after > 0) & (after < len(at)), right - left <= NEAR, np.abs(wanted - right) <= NEAR / 2
    )
    within &= np.where(after == len(at), np.abs(wanted - left) <= NEAR / 2, True)
    return np.where(within, np.interp(wanted, at, degrees), np.nan).reshape(days, slots)
