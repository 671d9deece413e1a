"""Hours of the three rates: a dated property of the meter."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, time
from functools import cache

from analytics.errors import TariffError
from analytics.tariffs.files import FOLDER, read
from model.series import Rate

FILE = FOLDER / "tou.toml"


@dataclass(frozen=True, slots=True)
class TouSchedule:
    """Half-open local intervals in minutes of the day by ISO weekday (Monday = 1)."""

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
        step = 1440 // slots
        return bytes(self.rate(day.isoweekday(), slot * step) for slot in range(slots))


@cache
def _schedules() -> dict[str, TouSchedule]:
    return {
        row["id"]: TouSchedule(
            id=row["id"],
            decision=row["decision"],
            inactive=row.get("inactive", ""),
            peak=_minutes(row["peak"]),
            peak_days=frozenset(row["peak_days"]),
            offpeak=_minutes(row["offpeak"]),
            offpeak_days=frozenset(row["offpeak_days"]),
        )
        for row in read(FILE)["schedule"]
    }


def schedule(name: str) -> TouSchedule:
    """The schedule called `name`; `TariffError` lists those there are."""
    known = _schedules()
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
