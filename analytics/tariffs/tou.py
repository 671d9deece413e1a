"""Hours of the three rates: a dated property of the meter."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, time
from functools import cache, lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Any

from analytics.errors import TariffError
from analytics.tariffs.files import FOLDER, need, read, shown, unusable
from model.series import Rate

FILE = FOLDER / "tou.toml"


@dataclass(frozen=True, slots=True)
class TouSchedule:
    """Half-open local intervals in minutes of the day by ISO weekday (Monday = 1).

    `inactive` says why no meter bills by it (empty: it does).
    """

    id: str
    decision: str
    inactive: str
    peak: tuple[tuple[int, int], ...]
    peak_days: frozenset[int]
    offpeak: tuple[tuple[int, int], ...]
    offpeak_days: frozenset[int]

    def rate(self, weekday: int, minute: int) -> Rate:
        """The rate in force at `minute` of a local day."""
        if weekday in self.peak_days and any(a <= minute < b for a, b in self.peak):
            return Rate.PEAK
        if weekday in self.offpeak_days and any(a <= minute < b for a, b in self.offpeak):
            return Rate.OFFPEAK
        return Rate.NORMAL

    def day_rates(self, day: date, slots: int = 48) -> bytes:
        """`Rate` of each of `slots` equal slots of a local day; holidays are days like any other."""
        return _day_rates(self, day.isoweekday(), slots)


@lru_cache(maxsize=1024)
def _day_rates(schedule: TouSchedule, weekday: int, slots: int) -> bytes:
    step = 1440 // slots
    return bytes(schedule.rate(weekday, slot * step) for slot in range(slots))


class MeterHours:
    """The schedules of one meter by the local day from which each holds.

    When the hours change, meters are reset one by one, within 90 days, and one not yet reset keeps the
    previous hours (TT 60/2025/TT-BCT, Art. 5(2), 20(1)(a), 21(1)); its three registers are closed then.
    """

    def __init__(self, dated: Iterable[tuple[date, str]], *, what_if: bool = False) -> None:
        """Raises `TariffError`: no schedule, two from one day, one unknown, one that bills nobody yet."""
        found = sorted(set(dated))
        self._dated = [(start, schedule(name)) for start, name in found]
        if not self._dated:
            raise TariffError(
                "unknown_schedule", "the meter has no schedule of hours: give it one with its day"
            )
        for (start, one), (later, other) in pairwise(self._dated):
            if start == later:
                raise TariffError(
                    "unknown_schedule", f"both {one.id} and {other.id} hold from {start}: keep one of them"
                )
        for start, one in self._dated:
            if one.inactive and not what_if:
                raise TariffError(
                    "inactive_tariff", f"schedule {one.id} cannot hold from {start}: {one.inactive}"
                )

    def at(self, day: date) -> TouSchedule:
        """The schedule of a local day; `TariffError` before the first."""
        held = [one for start, one in self._dated if start <= day]
        if not held:
            raise TariffError(
                "unknown_schedule", f"the meter has no schedule of hours on {day}: give it one from that day"
            )
        return held[-1]

    def cut_overs(self, start: date, end: date) -> tuple[date, ...]:
        """The days inside (start, end) on which the three registers are closed."""
        changes = pairwise(self._dated)
        return tuple(day for (_, before), (day, one) in changes if start < day < end and one != before)

    def day_rates(self, day: date, slots: int = 48) -> bytes:
        """`Rate` of each slot of a local day by the schedule the meter has on it."""
        return self.at(day).day_rates(day, slots)


@cache
def _schedules(path: Path) -> dict[str, TouSchedule]:
    try:
        found = [_schedule(row, path) for row in need(read(path), "schedule", path)]
    except TariffError:
        raise
    except (KeyError, TypeError, ValueError) as error:
        raise unusable(path, error) from error
    return {one.id: one for one in found}


def _schedule(row: dict[str, Any], path: Path) -> TouSchedule:
    one = TouSchedule(
        id=row["id"],
        decision=row["decision"],
        inactive=row.get("inactive", ""),
        peak=_minutes(row["peak"]),
        peak_days=frozenset(row["peak_days"]),
        offpeak=_minutes(row["offpeak"]),
        offpeak_days=frozenset(row["offpeak_days"]),
    )
    if one.peak_days & one.offpeak_days and any(a < d and c < b for a, b in one.peak for c, d in one.offpeak):
        raise TariffError(
            "bad_tariff_file", f"{shown(path)}: {one.id} has minutes both peak and off-peak: mend it"
        )
    return one


def schedule(name: str, path: Path = FILE) -> TouSchedule:
    """The schedule called `name`; `TariffError` lists those there are."""
    known = _schedules(path)
    if name not in known:
        raise TariffError(
            "unknown_schedule", f"no schedule is called {name!r}: use one of {', '.join(known)}"
        )
    return known[name]


def _minutes(intervals: list[list[str]]) -> tuple[tuple[int, int], ...]:
    found: list[tuple[int, int]] = []
    for start, end in intervals:
        a, b = (t.hour * 60 + t.minute for t in (time.fromisoformat(start), time.fromisoformat(end)))
        found += [(a, b)] if a < b else [(a, 1440), (0, b)]  # 22:00-04:00 and 22:00-00:00 wrap at midnight
    return tuple(found)
