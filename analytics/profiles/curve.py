"""The course of a load over intervals of any length: from five minutes to a month."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final, Literal

import numpy as np
import numpy.typing as npt

from analytics.errors import AnalyticsError
from analytics.profiles.group import WHOLE, GroupLoad, mean_power
from model.period import add_months
from model.quality import Quality

Float = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

Interval = Literal["5", "15", "30", "60", "day", "month"]
INTERVALS: Final[tuple[Interval, ...]] = ("5", "15", "30", "60", "day", "month")
DAY_MINUTES: Final = 1440


@dataclass(frozen=True, slots=True, eq=False)
class Slots:
    """Of meters together, by interval (d, slots): Wh of the `seen`, how many hang (`expected`), and of how
    many it is an estimate."""

    wh: Ints
    seen: Ints
    expected: Ints
    estimated: Ints

    def __add__(self, other: Slots) -> Slots:
        return Slots(
            self.wh + other.wh,
            self.seen + other.seen,
            self.expected + other.expected,
            self.estimated + other.estimated,
        )


@dataclass(frozen=True, slots=True, eq=False)
class Curve:
    """n intervals: `begins` and `minutes` int64[n], minutes from the first midnight and of the interval.

    `mean_w` float64[n], NaN where less than `WHOLE` of the interval is told; `wh` int64[n] of what is known,
    not more; `known` and `estimated` float64[n]: shares of the meters' intervals, 0 where none hangs.
    """

    begins: Ints
    minutes: Ints
    mean_w: Float
    wh: Ints
    known: Float
    estimated: Float

    def highest(self) -> int | None:
        """The place of the highest mean power; None where none is told."""
        return None if np.isnan(self.mean_w).all() else int(np.nanargmax(self.mean_w))


def slots_of(energy: npt.ArrayLike, quality: npt.ArrayLike, hung: npt.ArrayLike) -> Slots:
    """Meters added up: `energy` (m, d, slots) Wh with `quality`, where they `hung`."""
    how, there = np.asarray(quality), np.asarray(hung, bool)
    known = there & (how != Quality.MISSING)
    estimated = there & (how >= Quality.LINEAR) & (how <= Quality.UNSCALED)
    wh = np.where(known, energy, 0).sum(axis=0, dtype=np.int64)
    return Slots(wh, known.sum(axis=0), there.sum(axis=0), estimated.sum(axis=0))


def of_group(load: GroupLoad) -> Slots:
    """The intervals a group's figures are of."""
    return Slots(
        load.each.together_wh,
        load.each.together_known.astype(np.int64),
        load.expected,
        np.rint(load.estimated * load.expected).astype(np.int64),
    )


def curve(slots: Slots, first: date, interval: Interval) -> Curve:
    """Days from `first` by intervals as long as the slots are, or longer.

    Raises `AnalyticsError` for shorter ones: no finer course is known than the meters tell.
    """
    days, per_day = slots.wh.shape
    own = DAY_MINUTES // per_day
    edges = _edges(first, days, per_day, interval)
    if interval not in ("day", "month") and int(interval) < own:
        raise AnalyticsError("too_fine", f"intervals of {own} minutes tell nothing of {interval} minutes")
    lengths = np.diff(np.append(edges, days * per_day))
    if not len(edges):
        nothing = np.zeros(0, np.int64)
        return Curve(nothing, nothing, np.zeros(0), nothing, np.zeros(0), np.zeros(0))
    mean_w = mean_power(slots.wh, slots.seen, slots.expected).reshape(-1)
    told = np.add.reduceat(~np.isnan(mean_w), edges, dtype=np.int64)
    power = np.add.reduceat(np.nan_to_num(mean_w), edges)
    wh, seen, expected, estimated = (
        np.add.reduceat(one.reshape(-1), edges)
        for one in (slots.wh, slots.seen, slots.expected, slots.estimated)
    )
    enough = (told > 0) & (told >= WHOLE * lengths)
    return Curve(
        begins=edges * own,
        minutes=lengths * own,
        mean_w=np.where(enough, power / np.maximum(told, 1), np.nan),
        wh=wh,
        known=seen / np.maximum(expected, 1),
        estimated=estimated / np.maximum(expected, 1),
    )


def months_of(first: date, days: int) -> list[tuple[int, int]]:
    """The local months that the days from `first` touch, each as (first, end) of its days' numbers."""
    return _pieces(first, days, 1)


def years_of(first: date, days: int) -> list[tuple[int, int]]:
    """The same by calendar year."""
    return _pieces(first, days, 12)


def _pieces(first: date, days: int, months: int) -> list[tuple[int, int]]:
    found, at = [], 0
    while at < days:
        day = first + timedelta(at)
        begun = day.replace(day=1) if months == 1 else day.replace(month=1, day=1)
        end = min(days, (add_months(begun, months) - first).days)
        found.append((at, end))
        at = end
    return found


def _edges(first: date, days: int, per_day: int, interval: Interval) -> Ints:
    """The slots that the intervals begin with."""
    if interval == "month":
        return np.array([begin * per_day for begin, _ in months_of(first, days)], np.int64)
    step = per_day if interval == "day" else max(1, per_day * int(interval) // DAY_MINUTES)
    return np.arange(0, days * per_day, step, dtype=np.int64)
