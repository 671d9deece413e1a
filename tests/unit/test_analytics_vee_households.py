"""Gaps hidden in real households: what estimation is worth beside a line and the mean of three like days.

The constants of `analytics.vee.windows` were chosen on `CHOSEN_ON` with other seeds; the households here had
no part in it.
"""

from __future__ import annotations

import csv
import gzip
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from analytics.vee import MeterInput, validate
from model.period import midnight
from model.quality import Quality
from tests.counting_meter import Block, Read

REAL = Path(__file__).parents[3] / "shared" / "data"
FILES = ("london-households", "uk-household", "australia-households")
CHOSEN_ON = frozenset({"MAC000010", "MAC004391", "SGSC10006414", "SGSC10006704"})
LENGTHS = (2, 6, 24, 144)  # 1 h, 3 h, 12 h, 3 days
PLACES = {2: 15, 6: 40, 24: 6, 144: 3}  # gaps by household and seed: short ones vary more
SEEDS = range(1, 6)
AROUND = 60  # days, back and on, that validation is given

Wh = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Household:
    """Half-hours in Wh from a midnight; −1 where the file has none."""

    first: date
    wh: npt.NDArray[np.int64]


@dataclass(frozen=True)
class Gap:
    """Slots `start` … `start + length` of a household hidden; what surrounds them."""

    home: Household
    start: int
    length: int

    @property
    def true(self) -> npt.NDArray[np.int64]:
        return self.home.wh[self.start : self.start + self.length]

    @property
    def day(self) -> npt.NDArray[np.int64]:
        """The number of each slot's day."""
        return (self.start + np.arange(self.length)) // 48

    def line(self) -> Wh:
        a, b = self.home.wh[self.start - 1], self.home.wh[self.start + self.length]
        return a + (b - a) * (np.arange(self.length) + 1) / (self.length + 1)

    def three_like_days(self) -> Wh:
        """Mean of that half-hour on the three nearest days of the same kind, none of them the gap's own."""
        wh, found = self.home.wh, np.zeros(self.length)
        for i in range(self.length):
            day, slot = divmod(self.start + i, 48)
            kind = self._kind(day)
            near = (day + sign * away for away in range(1, 90) for sign in (-1, 1))
            values = (
                wh[other * 48 + slot]
                for other in near
                if 0 <= other < len(wh) // 48
                and not self.day[0] <= other <= self.day[-1]
                and wh[other * 48 + slot] >= 0
                and self._kind(other) == kind
            )
            found[i] = np.mean([value for value, _ in zip(values, range(3), strict=False)])
        return found

    def _kind(self, day: int) -> bool:
        return (self.home.first + timedelta(day)).isoweekday() >= 6

    def estimated(self, *, registers: str) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.uint8]]:
        """Wh and qualities of the gap by validation; `registers`: none, edges, midnights."""
        from_day = max(self.start // 48 - AROUND, 0)
        to_day = min((self.start + self.length) // 48 + AROUND, len(self.home.wh) // 48)
        first = self.home.first + timedelta(from_day)
        origin = int(midnight(first).timestamp())
        wh = self.home.wh[from_day * 48 : to_day * 48]
        a = self.start - from_day * 48
        kept = np.flatnonzero(wh >= 0)
        kept = kept[(kept < a) | (kept >= a + self.length)]
        at = {"none": [], "edges": [a, a + self.length], "midnights": list(range(0, len(wh) + 1, 48))}[
            registers
        ]
        index = np.concatenate(([0], np.cumsum(np.maximum(wh, 0)))) + 1_000_000
        reads = [Read(datetime.fromtimestamp(origin + 1800 * slot, UTC), int(index[slot])) for slot in at]
        block = Block(origin + 1800 * kept, wh[kept])
        (meter,) = validate([MeterInput("H", 1, first, to_day - from_day, [block], reads)]).meters
        inside = slice(a, a + self.length)
        return meter.energy.reshape(-1)[inside].astype(np.int64), meter.quality.reshape(-1)[inside]


@cache
def households() -> dict[str, Household]:
    rows: dict[str, list[tuple[datetime, float]]] = {}
    for name in FILES:
        with gzip.open(REAL / f"{name}.csv.gz", "rt", encoding="utf-8") as lines:
            for row in csv.DictReader(lines):
                if row["meter"] not in CHOSEN_ON:
                    at = datetime.fromisoformat(row["timestamp"]).replace(tzinfo=None)
                    rows.setdefault(row["meter"], []).append((at, float(row["kwh"])))
    found = {}
    for name, values in rows.items():
        first = values[0][0].date()
        start = datetime.combine(first, time())
        slots = [int((at - start).total_seconds()) // 1800 for at, _ in values]
        wh = np.full((max(slots) // 48 + 1) * 48, -1)
        wh[slots] = [round(kwh * 1000) for _, kwh in values]
        found[name] = Household(first, wh)
    return found


def gaps(length: int) -> Iterator[Gap]:
    """Gaps for each household and seed, whole around themselves."""
    for number, home in enumerate(households().values()):
        for seed in SEEDS:
            chance = np.random.default_rng([seed, length, number])
            found = 0
            while found < PLACES[length]:
                start = int(chance.integers(48 * 3, len(home.wh) - length - 48 * 3))
                if (home.wh[start - 1 : start + length + 1] >= 0).all():
                    found += 1
                    yield Gap(home, start, length)


def scaled(values: Wh, total: int) -> Wh:
    held = values.sum()
    return values * total / held if held > 0 else np.full(len(values), total / len(values))


def slot_error(gap: Gap, values: npt.NDArray[np.generic]) -> float:
    return float(np.abs(values - gap.true).mean())


def day_error(gap: Gap, values: npt.NDArray[np.generic]) -> float:
    """Mean over the days touched of how far the day's sum is off, in Wh."""
    return float(np.abs(np.bincount(gap.day - gap.day[0], values - gap.true)).mean())


pytestmark = pytest.mark.skipif(not REAL.exists(), reason="no real households beside the repository")


@pytest.mark.parametrize("length", LENGTHS)
def test_with_the_register_known_the_sum_is_exact_and_the_shape_better(length: int) -> None:
    own = line = like = 0.0
    for gap in gaps(length):
        wh, quality = gap.estimated(registers="edges")
        total = int(gap.true.sum())
        assert int(wh.sum()) == total
        assert not set(quality.tolist()) & {Quality.MISSING, Quality.UNSCALED, Quality.ACTUAL}
        own += slot_error(gap, wh)
        line += slot_error(gap, scaled(gap.line(), total))
        like += slot_error(gap, scaled(gap.three_like_days(), total))
    print(f"{length / 2:g} h, register: {own / min(line, like):.3f} of the better of line and three days")
    assert own <= min(line, like) * (0.9 if length > 2 else 1.0)


def test_midnight_registers_make_every_day_exact() -> None:
    own = line = like = 0.0
    for gap in gaps(144):
        wh, _ = gap.estimated(registers="midnights")
        of_day = gap.day - gap.day[0]
        totals = np.bincount(of_day, gap.true)
        assert np.bincount(of_day, wh).tolist() == totals.tolist()
        own += slot_error(gap, wh)
        parts = [of_day == day for day in range(len(totals))]
        for number, values in enumerate((gap.line(), gap.three_like_days())):
            days = [scaled(values[part], int(total)) for part, total in zip(parts, totals, strict=True)]
            error = slot_error(gap, np.concatenate(days))
            line, like = line + error * (number == 0), like + error * (number == 1)
    print(f"3 days, midnights: {own / min(line, like):.3f} of the better of line and three days")
    assert own <= 0.9 * min(line, like)


@pytest.mark.parametrize("length", LENGTHS)
def test_without_a_register_the_day_is_no_worse_and_the_shape_better(length: int) -> None:
    slots, days = np.zeros(3), np.zeros(3)
    for gap in gaps(length):
        wh, quality = gap.estimated(registers="none")
        assert set(quality.tolist()) == {Quality.UNSCALED}
        ways = (wh, gap.line(), gap.three_like_days())
        slots += [slot_error(gap, way) for way in ways]
        days += [day_error(gap, way) for way in ways]
    shape, day = slots[0] / slots[1:].min(), days[0] / days[1:].min()
    print(f"{length / 2:g} h, no register: slots {shape:.3f}, day {day:.3f} of the better of the two")
    assert day <= 1.0
    assert shape <= (0.9 if length > 2 else 1.0)
