"""Real consumption from a CSV `meter,timestamp,kwh` (plain or .gz): a row is the half-hour that begins then.

The wall clock of the file counts: an offset is read and put aside, so the hour that autumn doubles comes
twice, and its first value is the one that is kept. All meters are moved by the same whole weeks, so that
weekdays stay weekdays.
"""

from __future__ import annotations

import csv
import gzip
import io
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from pathlib import Path
from typing import Final

import numpy as np

from simulators import halfhours
from simulators.chance import Ints
from simulators.errors import ReplayError

COLUMNS: Final = ("meter", "timestamp", "kwh")
_WEEK: Final = 7 * halfhours.SLOTS_A_DAY
_MOST_WH: Final = 1_000_000  # in one half-hour: 2 MW is no household
_MOST_SLOTS: Final = 20 * 366 * halfhours.SLOTS_A_DAY
_TOLD: Final = 50  # duplicates that are named one by one


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
    wh: dict[int, int] = field(default_factory=dict)
    latest: int | None = None


def load(path: Path, epoch: datetime) -> Replay:
    """Read a file and move it so that its last half-hour ends within the seven days before `epoch`.

    Raises `ReplayError` with the line for a column, time or value that cannot be used: a buffer that is
    partly guessed would be no truth to compare with.
    """
    found: dict[str, _Household] = {}
    duplicates: list[dict[str, str | int]] = []
    count = rows = 0
    for line, name, stamp, kwh in _rows(path):
        rows += 1
        household = found.setdefault(name, _Household())
        slot = _slot(path.name, line, stamp)
        wh = _wh(path.name, line, kwh)
        if slot in household.wh:
            count += 1
            if len(duplicates) < _TOLD:
                duplicates.append(
                    {
                        "line": line,
                        "meter": name,
                        "timestamp": stamp,
                        "kept_wh": household.wh[slot],
                        "dropped_wh": wh,
                    }
                )
            continue
        if household.latest is not None and slot < household.latest:
            raise ReplayError(
                path.name, line, f"{stamp} of {name} comes after a later one: sort the rows by time"
            )
        household.wh[slot] = wh
        household.latest = slot
    if not found:
        raise ReplayError(path.name, 0, "there is no row after the header: give a file with readings")
    end = max(max(household.wh) for household in found.values()) + 1
    weeks = (halfhours.slot_of(epoch) - end) // _WEEK
    recordings = tuple(_recording(path.name, name, each, weeks) for name, each in found.items())
    return Replay(path.name, recordings, weeks, rows, tuple(duplicates), count)


def _recording(file: str, name: str, household: _Household, weeks: int) -> Recording:
    slots = np.fromiter(household.wh.keys(), dtype=np.int64)
    first, last = int(slots[0]), int(slots[-1])
    if last - first > _MOST_SLOTS:
        raise ReplayError(file, 0, f"{name} spans more than 20 years: split the file")
    wh = np.full(last - first + 1, -1, dtype=np.int64)
    wh[slots - first] = np.fromiter(household.wh.values(), dtype=np.int64)
    return Recording(name, first + weeks * _WEEK, wh)


def _rows(path: Path) -> Iterator[tuple[int, str, str, str]]:
    """Line number, meter, timestamp and kwh of each row; blank lines are passed over."""
    try:
        with path.open("rb") as raw:
            packed = raw.read(2) == b"\x1f\x8b"
        with gzip.open(path, "rb") if packed else path.open("rb") as stream:
            text = io.TextIOWrapper(stream, encoding="utf-8-sig", newline="")
            reader = csv.reader(text)
            header = [name.strip().lower() for name in next(reader, [])]
            missing = [name for name in COLUMNS if name not in header]
            if missing:
                raise ReplayError(
                    path.name,
                    1,
                    f"no column {', '.join(missing)}: the first line has to be {','.join(COLUMNS)}",
                )
            at = [header.index(name) for name in COLUMNS]
            for row in reader:
                if len(row) <= 1 and not "".join(row).strip():
                    continue
                if len(row) < len(header):
                    raise ReplayError(
                        path.name, reader.line_num, f"{len(row)} fields where the header has {len(header)}"
                    )
                meter, stamp, kwh = (row[i].strip() for i in at)
                if not meter:
                    raise ReplayError(path.name, reader.line_num, "the row names no meter")
                if "\0" in meter:
                    raise ReplayError(
                        path.name, reader.line_num, f"the meter's name {meter!r} has a NUL in it: take it out"
                    )
                yield reader.line_num, meter, stamp, kwh
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise ReplayError(
            path.name, 0, "the compressed file is damaged or cut off: pack it anew, or give it unpacked"
        ) from error
    except OSError as error:
        raise ReplayError(path.name, 0, f"cannot be read ({error.strerror or error})") from error
    except UnicodeDecodeError as error:
        raise ReplayError(path.name, 0, "is no UTF-8 text") from error
    except csv.Error as error:
        raise ReplayError(path.name, 0, f"is no CSV ({error})") from error


def _slot(file: str, line: int, stamp: str) -> int:
    """The half-hour whose beginning Vietnam's wall clock shows as the file's does."""
    try:
        wall = datetime.fromisoformat(stamp).replace(tzinfo=UTC)
    except ValueError:
        raise ReplayError(file, line, f"{stamp!r} is no time: write it like 2013-01-01T00:30:00") from None
    slot, off = divmod(wall - _WALL_EPOCH, _HALF_HOUR)
    if off:
        raise ReplayError(file, line, f"{stamp} does not begin a half-hour")
    return slot


_HALF_HOUR: Final = timedelta(seconds=halfhours.SLOT_S)
_WALL_EPOCH: Final = datetime(
    1970, 1, 1, 7, tzinfo=UTC
)  # what a clock in Vietnam shows when half-hour 0 begins


def _wh(file: str, line: int, kwh: str) -> int:
    """Whole Wh, half-up."""
    try:
        if "_" in kwh:  # Python reads 1_000 as a thousand; in a file it is a slip
            raise InvalidOperation
        value = Decimal(kwh)
    except InvalidOperation:
        raise ReplayError(file, line, f"{kwh!r} is no number of kWh") from None
    if not value.is_finite():
        raise ReplayError(file, line, f"{kwh} is no number of kWh: leave the row out where nothing is known")
    if value < 0:
        raise ReplayError(file, line, f"{kwh} kWh is below zero: a meter's buffer holds what was drawn")
    wh = int((value * 1000).to_integral_value(ROUND_HALF_UP))
    if wh > _MOST_WH:
        raise ReplayError(file, line, f"{kwh} kWh in a half-hour is no household: is the file in Wh?")
    return wh
