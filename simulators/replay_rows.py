"""The rows of a replay file: which columns it has, what each row says, and where a row cannot be used."""

from __future__ import annotations

import csv
import gzip
import io
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from pathlib import Path
from typing import Final

from simulators import halfhours
from simulators.errors import ReplayError

COLUMNS: Final = ("meter", "timestamp", "kwh")
_MOST_WH: Final = 1_000_000  # in one half-hour: 2 MW is no household
_HALF_HOUR: Final = timedelta(seconds=halfhours.SLOT_S)
_WALL_EPOCH: Final = datetime(
    1970, 1, 1, 7, tzinfo=UTC
)  # what a clock in Vietnam shows when half-hour 0 begins

# Python reads more than a meter's file ought to say: days without a time, ISO weeks, digits of every script.
_TIME: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9:.]+(Z|[+-][0-9]{2}:?[0-9]{2})?")
_NUMBER: Final = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")


@dataclass(frozen=True, slots=True)
class Row:
    """One row: `slot` is the local half-hour its wall clock names, `offset` what the stamp bears, if any."""

    line: int
    meter: str
    stamp: str
    slot: int
    offset: timedelta | None
    wh: int


def rows(path: Path) -> Iterator[Row]:
    """Every row of a file, plain or .gz; blank lines are passed over.

    Raises `ReplayError` with the line that cannot be used.
    """
    for line, meter, stamp, kwh in _fields(path):
        slot, offset = _slot(path.name, line, stamp)
        yield Row(line, meter, stamp, slot, offset, _wh(path.name, line, kwh))


def _fields(path: Path) -> Iterator[tuple[int, str, str, str]]:
    try:
        with path.open("rb") as raw:
            packed = raw.read(2) == b"\x1f\x8b"
        with gzip.open(path, "rb") if packed else path.open("rb") as stream:
            text = io.TextIOWrapper(stream, encoding="utf-8-sig", newline="")
            reader = csv.reader(text)
            header = _header(path.name, next(reader, []))
            at = [header.index(name) for name in COLUMNS]
            for row in reader:
                if len(row) <= 1 and not "".join(row).strip():
                    continue
                if len(row) != len(header):
                    many = f"{len(row)} fields where the header has {len(header)}"
                    point = ": write kWh with a decimal point, not a comma" if len(row) > len(header) else ""
                    raise ReplayError(path.name, reader.line_num, many + point)
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
        raise ReplayError(path.name, 0, "is no UTF-8 text: save it as UTF-8") from error
    except csv.Error as error:
        raise ReplayError(
            path.name, 0, f"is no CSV ({error}): save it with commas between its fields"
        ) from error


def _header(file: str, first: list[str]) -> list[str]:
    header = [name.strip().lower() for name in first]
    missing = [name for name in COLUMNS if name not in header]
    if missing:
        raise ReplayError(
            file, 1, f"no column {', '.join(missing)}: the first line has to be {','.join(COLUMNS)}"
        )
    doubled = sorted({name for name in header if name and header.count(name) > 1})
    if doubled:
        raise ReplayError(file, 1, f"more than one column is called {', '.join(doubled)}: keep one of each")
    return header


def _slot(file: str, line: int, stamp: str) -> tuple[int, timedelta | None]:
    """The half-hour whose beginning Vietnam's wall clock shows as the file's does, and the stamp's offset."""
    try:
        if not _TIME.fullmatch(stamp):
            raise ValueError
        at = datetime.fromisoformat(stamp)
    except ValueError:
        raise ReplayError(file, line, f"{stamp!r} is no time: write it like 2013-01-01T00:30:00") from None
    slot, off = divmod(at.replace(tzinfo=UTC) - _WALL_EPOCH, _HALF_HOUR)
    if off:
        raise ReplayError(
            file, line, f"{stamp} does not begin a half-hour: only half-hours from :00 and :30 are replayed"
        )
    return slot, at.utcoffset()


def _wh(file: str, line: int, kwh: str) -> int:
    """Whole Wh, half-up."""
    try:
        value = Decimal(kwh)
        if value.is_finite() and not _NUMBER.fullmatch(kwh):
            raise InvalidOperation
    except InvalidOperation:
        raise ReplayError(file, line, f"{kwh[:40]!r} is no number of kWh: write it like 0.25") from None
    if not value.is_finite():
        raise ReplayError(file, line, f"{kwh} is no number of kWh: leave the row out where nothing is known")
    if value < 0:
        raise ReplayError(file, line, f"{kwh} kWh is below zero: a meter's buffer holds what was drawn")
    # The size first: a thousand times 1e999999 is no number any more.
    large = value.adjusted() > len(str(_MOST_WH))
    wh = 0 if large else int((value * 1000).to_integral_value(ROUND_HALF_UP))
    if large or wh > _MOST_WH:
        raise ReplayError(file, line, f"{kwh[:40]} kWh in a half-hour is no household: write kWh, not Wh")
    return wh
