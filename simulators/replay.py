"""Real consumption from a CSV `meter,timestamp,kwh` (plain or .gz): a row is the half-hour that begins then.

The wall clock of the file counts: an offset is read and put aside, so the hour that autumn doubles comes
twice, and its first value is the one that is kept. All meters are moved by the same whole weeks, so that
weekdays stay weekdays.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

import numpy as np

from simulators import halfhours
from simulators.chance import Ints
from simulators.errors import ReplayError
from simulators.replay_rows import Row, rows

_WEEK: Final = 7 * halfhours.SLOTS_A_DAY
_MOST_SLOTS: Final = 20 * 366 * halfhours.SLOTS_A_DAY
_TOLD: Final = 50  # duplicates that are named one by one
_HOUR: Final = timedelta(hours=1)
_SLOTS_AN_HOUR: Final = 2


@dataclass(frozen=True, slots=True)
class Recording:
    """One household: the local half-hour of `wh[0]`, and whole Wh; -1 where the file has no row."""

    name: str
    first: int
    wh: Ints

    @property
    def rows(self) -> int:
        """Half-hours the file has."""
        return int(np.count_nonzero(self.wh >= 0))


@dataclass(frozen=True, slots=True)
class Replay:
    """All households of a file, shifted, and what was noticed on reading it."""

    file: str
    recordings: tuple[Recording, ...]
    weeks: int
    rows: int
    duplicates: tuple[dict[str, str | int], ...]
    duplicate_count: int

    def report(self) -> dict[str, object]:
        """For the announcement: what was kept and what was not."""
        return {
            "file": self.file,
            "rows": self.rows,
            "kept": sum(recording.rows for recording in self.recordings),
            "duplicates": self.duplicate_count,
            "duplicate_rows": list(self.duplicates),
            "remarks": self._remarks(),
            "weeks": self.weeks,
            "meters": {recording.name: recording.rows for recording in self.recordings},
            "missing": {recording.name: len(recording.wh) - recording.rows for recording in self.recordings},
            "from": halfhours.begin_of(min(recording.first for recording in self.recordings)).isoformat(),
            "to": halfhours.begin_of(max(r.first + len(r.wh) for r in self.recordings)).isoformat(),
        }

    def _remarks(self) -> list[str]:
        """One sentence for each thing a person should know."""
        if not self.duplicate_count:
            return []
        first = self.duplicates[0]
        return [
            f"{self.file}: {self.duplicate_count} rows name a half-hour that was already there; the "
            f"first value of each was kept (first such row: line {first['line']}, {first['meter']}, "
            f"{first['timestamp']}, {first['kept_wh']} Wh kept, {first['dropped_wh']} Wh dropped)"
        ]


@dataclass(slots=True)
class _Household:
    """What was read of one meter. `latest` is the row furthest on, by the wall clock.

    `doubtful`: the row that stepped back into the last hour and named a half-hour the first pass lacks. The
    clock was set back only if the rows go on to repeat that hour; otherwise they are out of order.
    """

    wh: dict[int, int] = field(default_factory=dict)
    latest: Row | None = None
    doubtful: Row | None = None
    steps: Counter[int] = field(default_factory=Counter)

    def admit(self, file: str, row: Row) -> bool:
        """Keep the row's value; False where its half-hour has one. Raises `ReplayError`: out of order."""
        latest, doubtful = self.latest, self.doubtful
        if doubtful is not None:
            if latest is None or row.slot != latest.slot:
                raise _unsorted(file, doubtful)
            self.doubtful = None
        if row.slot in self.wh:
            return False
        if latest is not None and row.slot < latest.slot:
            if not _an_hour_again(latest, row):
                raise _unsorted(file, row)
            if not _set_back(latest, row):
                self.doubtful = row
        else:
            if latest is not None:
                self.steps[row.slot - latest.slot] += 1
            self.latest = row
        self.wh[row.slot] = row.wh
        return True

    def check(self, file: str, name: str) -> None:
        """What only the whole says: that the last row is in order, and that these are half-hours at all."""
        if self.doubtful is not None:
            raise _unsorted(file, self.doubtful)
        (step, often), *_ = self.steps.most_common(1) or [(1, 0)]
        if step > 1 and often > 1:
            raise ReplayError(
                file,
                0,
                f"the rows of {name} mostly stand {step * halfhours.SLOT_S // 60} minutes apart: "
                "half-hours only, give a row for every 30 minutes",
            )


def _an_hour_again(latest: Row, row: Row) -> bool:
    """Whether a clock that was set back by one hour at the end of `latest` would have shown `row` next."""
    return latest.slot + 1 - _SLOTS_AN_HOUR == row.slot and row.slot % _SLOTS_AN_HOUR == 0


def _set_back(latest: Row, row: Row) -> bool:
    """Whether the stamps themselves say so: the later one bears an offset that is an hour less."""
    return latest.offset is not None and row.offset is not None and latest.offset - row.offset == _HOUR


def _unsorted(file: str, row: Row) -> ReplayError:
    said = f"{row.stamp} of {row.meter} comes after a later one: sort the rows by time"
    return ReplayError(file, row.line, said)


def load(path: Path, epoch: datetime) -> Replay:
    """Read a file and move it so that its last half-hour ends within the seven days before `epoch`.

    Raises `ReplayError` with the line for a column, time or value that cannot be used: a buffer that is
    partly guessed would be no truth to compare with.
    """
    found: dict[str, _Household] = {}
    duplicates: list[dict[str, str | int]] = []
    count = total = 0
    for row in rows(path):
        total += 1
        household = found.setdefault(row.meter, _Household())
        if household.admit(path.name, row):
            continue
        count += 1
        if len(duplicates) < _TOLD:
            duplicates.append(
                {
                    "line": row.line,
                    "meter": row.meter,
                    "timestamp": row.stamp,
                    "kept_wh": household.wh[row.slot],
                    "dropped_wh": row.wh,
                }
            )
    if not found:
        raise ReplayError(path.name, 0, "there is no row after the header: give a file with readings")
    for name, household in found.items():
        household.check(path.name, name)
    end = max(max(household.wh) for household in found.values()) + 1
    weeks = (halfhours.slot_of(epoch) - end) // _WEEK
    recordings = tuple(_recording(path.name, name, each, weeks) for name, each in found.items())
    return Replay(path.name, recordings, weeks, total, tuple(duplicates), count)


def _recording(file: str, name: str, household: _Household, weeks: int) -> Recording:
    slots = np.fromiter(household.wh.keys(), dtype=np.int64)
    first, last = int(slots.min()), int(slots.max())
    if last - first > _MOST_SLOTS:
        raise ReplayError(file, 0, f"{name} spans more than 20 years: split the file")
    wh = np.full(last - first + 1, -1, dtype=np.int64)
    wh[slots - first] = np.fromiter(household.wh.values(), dtype=np.int64)
    return Recording(name, first + weeks * _WEEK, wh)
