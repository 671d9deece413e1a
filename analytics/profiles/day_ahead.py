"""The day ahead of a load, half-hour by half-hour, from its own past days and, where given, temperatures.

Levels are exponentially weighted means of past days by slot, from two days of half-life to thirty-two, in
which other weekdays, and other kinds of day (working days, Saturdays, Sundays with holidays), count little,
some or in full, smoothed over the neighbouring slots or not, and drawn towards the level of the last day
known or not. They are weighed by how well each would have foretold every day so far; what came of the whole
then makes the limits of four in five. Every day is foretold from the days before it alone, so that a course
of days is its own back-test.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from itertools import product
from typing import Final

import numpy as np
import numpy.typing as npt

from analytics.errors import AnalyticsError
from analytics.profiles.degrees import Degrees
from analytics.profiles.typical import Typical, typical_days

Float = npt.NDArray[np.float64]

LEAST: Final = 21  # known days without which nothing is foretold
LONGEST: Final = 200  # days of history that are looked at
FARTHEST: Final = 7  # days from the last one known to the one that is foretold
LIVES: Final = (2.0, 4.0, 8.0, 16.0, 32.0)  # days
# What a day of the same kind counts that is another weekday, and what one of another kind does.
OTHERS: Final = ((0.001, 0.0003), (0.1, 0.003), (0.3, 0.01), (1.0, 0.03), (1.0, 0.3), (1.0, 1.0))
PULLS: Final = (0.0, 0.5, 0.9)  # how far the level of the last day known counts
WARM: Final = 7  # days before a level is held against what came
MEMORY: Final = 30.0  # days of half-life of a miss
SOFT: Final = 0.005  # of the mean load: a level that missed by so much more counts 1/e as much
LIMITS_OF: Final = 60  # days whose misses make the limits
LIMITS_FROM: Final = 14
BESIDE: Final = 2  # slots on either side whose misses count with a slot's own
FLOOR: Final = 0.05  # of the mean load: a miss is never told against less
WEEK: Final = 7
REST: Final = 5  # from Saturday on
_LEVELS: Final[tuple[tuple[float, tuple[float, float]], ...]] = tuple(product(LIVES, OTHERS))


@dataclass(frozen=True, slots=True, eq=False)
class Course:
    """Of n days of history and those to come: `mean_w`, `low_w`, `high_w` (n + ahead, slots), each foretold
    from the days that were over `ahead` days before; NaN where too little was known. `warmed` (n + ahead):
    whether temperatures counted."""

    mean_w: Float
    low_w: Float
    high_w: Float
    warmed: npt.NDArray[np.bool_]


def course(
    mean_w: npt.ArrayLike, weekdays: npt.ArrayLike, ahead: int = 1, celsius: npt.ArrayLike | None = None
) -> Course:
    """Foretell each day of `mean_w` (n, slots), W, NaN unknown, and the `ahead` days after it;
    `weekdays` (n + ahead) as `weekdays_of`, `celsius` (n + ahead, slots), NaN unknown.

    Raises `AnalyticsError` for other shapes and a power below zero.
    """
    power, of_day = np.asarray(mean_w, np.float64), np.asarray(weekdays, np.int64)
    if power.ndim != 2 or ahead < 1 or len(of_day) != len(power) + ahead:
        raise AnalyticsError("bad_shape", f"powers {power.shape}, {len(of_day)} weekdays, {ahead} ahead")
    if np.nanmin(power, initial=0.0) < 0:
        raise AnalyticsError("negative_power", "a load is below zero: import and export are foretold apart")
    n, slots = power.shape
    found = np.full((3, n + ahead, slots), np.nan)
    warmed = np.zeros(n + ahead, bool)
    past = _Past(slots, Degrees.of(celsius, n + ahead, slots))
    for day in range(n + ahead):
        if day >= ahead:
            past.take(day - ahead, power[day - ahead], int(of_day[day - ahead]))
        found[:, day], warmed[day] = past.foretell(day, int(of_day[day]))
    return Course(found[0], found[1], found[2], warmed)


def weekdays_of(first: date, days: int) -> npt.NDArray[np.int64]:
    """(days) 0 Monday … 6 Sunday; a public holiday runs like a Sunday."""
    kinds = typical_days(first, days)
    plain = (first.weekday() + np.arange(days)) % WEEK
    return np.where(kinds == Typical.HOLIDAY, WEEK - 1, plain)


def _shares(day: int, alike: float, other: float) -> list[float]:
    """What a day counts for each weekday: in full for its own, `alike` for others of its kind."""
    rest = max(day, REST - 1)  # working days are one kind
    return [1.0 if each == day else alike if max(each, REST - 1) == rest else other for each in range(WEEK)]


class _Past:
    """What the days so far teach."""

    def __init__(self, slots: int, degrees: Degrees | None) -> None:
        levels = len(_LEVELS)
        self.slots, self.degrees = slots, degrees
        self.sums = np.zeros((levels, WEEK, slots))
        self.counts = np.zeros((levels, WEEK, slots))
        self.fade = np.array([0.5 ** (1 / life) for life, _ in _LEVELS])[:, None, None]
        self.days = 0
        self.usual = self.usual_of = 0.0  # mean load
        self.pull = np.ones(levels * 2)  # the last day known by what each level said of it
        self.missed = np.zeros(levels * 2 * len(PULLS))
        self.tried = 0.0
        self.said: dict[int, tuple[Float, Float, Float]] = {}  # levels, drawn, the whole, of days to come
        self.misses: list[tuple[int, Float]] = []  # weekday, shares
        self.shares = np.array([[_shares(day, *others) for day in range(WEEK)] for _, others in _LEVELS])

    def take(self, day: int, power: Float, weekday: int) -> None:
        """A day that is over: what was said of it is held against it, then it counts itself."""
        known = ~np.isnan(power)
        if known.any():
            self._hold(day, power, known, weekday)
            self.usual, self.usual_of = 0.97 * self.usual + power[known].mean(), 0.97 * self.usual_of + 1
            self.days += 1
        self.said.pop(day, None)
        count = np.where(known, 1.0, 0.0)
        self.sums *= self.fade
        self.counts *= self.fade
        counted = self.shares[:, weekday, :, None]
        self.sums += counted * np.where(known, power, 0.0)
        self.counts += counted * count
        if self.degrees is not None:
            self.degrees.take(day)

    def _hold(self, day: int, power: Float, known: npt.NDArray[np.bool_], weekday: int) -> None:
        levels, drawn, whole = self.said.get(day, (None, None, None))
        if levels is None or drawn is None or whole is None:
            return
        told = known & ~np.isnan(drawn).any(axis=0)
        if not told.any():
            return
        below = levels[:, told].mean(axis=1)
        self.pull = np.clip(power[told].mean() / np.maximum(below, FLOOR * self.mean + 1e-9), 0.5, 2.0)
        if self.days < WARM:
            return
        fade = 0.5 ** (1 / MEMORY)
        self.missed = fade * self.missed + np.abs(drawn[:, told] - power[told]).mean(axis=1)
        self.tried = fade * self.tried + 1
        miss = np.full(self.slots, np.nan)
        miss[told] = (power - whole)[told] / np.maximum(whole[told], FLOOR * self.mean + 1e-9)
        self.misses.append((weekday, miss))
        if self.degrees is not None:
            self.degrees.hold(day, np.where(told, power, np.nan))

    @property
    def mean(self) -> float:
        return self.usual / self.usual_of if self.usual_of else 0.0

    def foretell(self, day: int, weekday: int) -> tuple[Float, bool]:
        """(expected, low, high) of a day, and whether temperatures counted."""
        with np.errstate(invalid="ignore"):
            plain = self.sums[:, weekday] / self.counts[:, weekday]
        levels = np.concatenate([plain, _smoothed(plain)])
        drawn = np.concatenate([levels * (self.pull**share)[:, None] for share in PULLS])
        weight = self._weights()
        whole, warmed = weight @ drawn, False
        if self.degrees is not None:
            whole, warmed = self.degrees.warmed(day, whole)
        self.said[day] = levels, drawn, whole
        if self.days < LEAST:
            return np.full((3, self.slots), np.nan), False
        low, high = self._limits(weekday)
        return np.stack([whole, np.maximum(whole * (1 + low), 0), np.maximum(whole * (1 + high), 0)]), warmed

    def _weights(self) -> Float:
        if not self.tried:
            return np.full(len(self.missed), 1 / len(self.missed))
        off = self.missed / self.tried
        weight = np.exp(-(off - off.min()) / (SOFT * self.mean + 1e-9))
        return np.asarray(weight / weight.sum())

    def _limits(self, weekday: int) -> tuple[Float, Float]:
        """Shares of what is expected that four in five of the misses lie between, by slot."""
        recent = self.misses[-LIMITS_OF:]
        alike = [miss for each, miss in recent if (each < REST) == (weekday < REST)]
        used = np.stack(alike if len(alike) >= LIMITS_FROM else [miss for _, miss in recent])
        wide = np.concatenate([np.roll(used, shift, axis=1) for shift in range(-BESIDE, BESIDE + 1)])
        # A quantile of n observations lies at (n + 1) q of them; neighbours' misses are some more of them.
        tail = 0.1 - 0.3 / len(used)
        low, high = _between(np.sort(wide, axis=0), tail)
        return np.minimum(low, 0.0), np.maximum(high, 0.0)


def _between(ordered: Float, tail: float) -> tuple[Float, Float]:
    """The quantiles `tail` and 1 − `tail` down each column of values in order, unknown ones (NaN) last."""
    many = (~np.isnan(ordered)).sum(axis=0)
    column, found = np.arange(ordered.shape[1]), []
    for share in (tail, 1 - tail):
        place = share * (many - 1)
        below = np.maximum(np.floor(place).astype(np.int64), 0)
        above = np.minimum(below + 1, np.maximum(many - 1, 0))
        least = ordered[below, column]
        found.append(least + (place - below) * (ordered[above, column] - least))
    return found[0], found[1]


def _smoothed(levels: Float) -> Float:
    """A quarter of each neighbour, the day taken as a ring; beside an unknown slot one stands as it is."""
    smooth = 0.5 * levels + 0.25 * (np.roll(levels, 1, axis=1) + np.roll(levels, -1, axis=1))
    return np.where(np.isnan(smooth), levels, smooth)


@dataclass(frozen=True, slots=True)
class Trial:
    """How days came out that were foretold: mean miss as a share of what came, over `days` of them, beside
    the day before and the same day of the week before; `inside` is the share between the limits. None where
    nothing was used."""

    days: int
    miss: float | None
    day_before: float | None
    week_before: float | None
    inside: float


def trial(found: Course, mean_w: npt.ArrayLike) -> Trial | None:
    """Of the half-hours of `mean_w` (n, slots) that were foretold and came, and that both days before are
    known of; None where there are none."""
    came = np.asarray(mean_w, np.float64)
    told = found.mean_w[: len(came)]
    one, seven = _before(came, 1), _before(came, 7)
    held = ~(np.isnan(told) | np.isnan(came) | np.isnan(one) | np.isnan(seven))
    if not held.any():
        return None
    power = came[held]
    used = power > 0

    def miss(said: Float) -> float | None:
        return float((np.abs(said[held] - power)[used] / power[used]).mean()) if used.any() else None

    low, high = found.low_w[: len(came)][held], found.high_w[: len(came)][held]
    inside = float(((low <= power) & (power <= high)).mean())
    return Trial(int(held.any(axis=1).sum()), miss(told), miss(one), miss(seven), inside)


def _before(power: Float, days: int) -> Float:
    return np.concatenate([np.full((min(days, len(power)), power.shape[1]), np.nan), power[:-days]])
