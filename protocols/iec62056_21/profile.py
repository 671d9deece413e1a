"""Load profiles in EDIS blocks: P.01(STAMP)(STATUS)(MINUTES)(COUNT)(CODE)(UNIT)…, then values line by line.

A new header stands wherever the rows do not go on by one interval or their status changes (VDEW specification
of load meters 2.0, as the manuals of Elster, EMH and LEM meters describe it).
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from enum import StrEnum
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from protocols.errors import DecodeError
from protocols.iec62056_21.codes import same
from protocols.iec62056_21.data_sets import DataSet
from protocols.iec62056_21.quantities import read_number
from protocols.iec62056_21.stamps import read_stamp, write_stamp

Ints = NDArray[np.int64]
MAX_VALUES: Final = 65_536
MAX_HEADERS: Final = 2048
_FIXED: Final = 4  # stamp, status, interval, count
_ABSENT: Final = re.compile(r"[-*?. ]*")
_HEX: Final = re.compile(r"[0-9A-Fa-f]{0,15}")
_MAX_COLUMNS: Final = 32


class StampAt(StrEnum):
    """What a header's stamp says of the row after it: when its interval began, or when it ended."""

    BEGIN = "begin"
    END = "end"


class Column(NamedTuple):
    """What the header says of one column: its address and its unit as text."""

    address: str
    unit: str


@dataclass(frozen=True, slots=True, eq=False)
class ProfileRows:
    """`stamps` int64, seconds since 1970 UTC at the *end* of each interval, whatever the meter's convention;
    `status` int64, of the header a row stands under. `values` of each column are the digits as an int64 with
    `places` of them after the point, `present` says which are there.
    """

    stamps: Ints
    status: Ints
    columns: tuple[Column, ...]
    values: tuple[Ints, ...]
    places: tuple[int, ...]
    present: tuple[NDArray[np.bool_], ...]
    interval_seconds: int | None


@dataclass(frozen=True, slots=True)
class _Section:
    first: int
    step: int
    status: int
    columns: tuple[Column, ...]
    texts: list[str]


def read_profile(
    sets: Sequence[DataSet], address: str, zone: tzinfo, stamp_at: StampAt = StampAt.END
) -> ProfileRows:
    """The rows of an answer about `address`, headers of differing columns or intervals refused.

    An answer without a row, ADDRESS() too, has none; anything else that is no profile is `DecodeError`.
    """
    sections = list(_sections(sets, address, zone, stamp_at))
    if not sections:
        none = np.zeros(0, np.int64)
        return ProfileRows(none, none, (), (), (), (), None)
    columns, step = sections[0].columns, sections[0].step
    if any(part.columns != columns or part.step != step for part in sections):
        raise DecodeError(f"{address} changes its columns or its interval in the middle of an answer")
    stamps: list[int] = []
    status: list[int] = []
    for part in sections:
        rows = len(part.texts) // len(columns)
        stamps += range(part.first, part.first + rows * step, step)
        status += [part.status] * rows
    texts = [text for part in sections for text in part.texts]
    numbers = [_numbers(texts[at :: len(columns)]) for at in range(len(columns))]
    return ProfileRows(
        np.array(stamps, np.int64),
        np.array(status, np.int64),
        columns,
        tuple(values for values, _, _ in numbers),
        tuple(places for _, places, _ in numbers),
        tuple(present for _, _, present in numbers),
        step,
    )


def _sections(sets: Sequence[DataSet], address: str, zone: tzinfo, stamp_at: StampAt) -> Iterator[_Section]:
    section: _Section | None = None
    left, headers = MAX_VALUES, 0
    for each in sets:
        if each.address and not same(each.address, address):
            raise DecodeError(f"{each.address[:40]} stands in an answer about {address}")
        if each.address:
            if section is not None:
                yield section
            section = None
            if each.values != ("",):
                section = _header(each, zone, stamp_at)
                headers += 1
                _whole(section.texts, section)
        elif section is not None:
            _whole(each.values, section)
            section.texts.extend(each.values)
        else:
            raise DecodeError(f"values without a header before them in an answer about {address}")
        left -= len(each.values)
        if left < 0 or headers > MAX_HEADERS:
            raise DecodeError(f"a profile of more than {MAX_VALUES} values or {MAX_HEADERS} headers")
    if section is not None:
        yield section


def _whole(values: Sequence[str], section: _Section) -> None:
    if len(values) % len(section.columns):
        raise DecodeError(f"{len(values)} values are no row of {len(section.columns)} columns")


def _header(found: DataSet, zone: tzinfo, stamp_at: StampAt) -> _Section:
    if len(found.values) < _FIXED:
        raise _wrong(found, f"a profile's header has {_FIXED} fields and its columns")
    stamp, status, minutes, count = found.values[:_FIXED]
    if not minutes.isdigit() or not count.isdigit() or len(minutes) > 4 or len(count) > 2:
        raise _wrong(found, f"({minutes})({count}) is no interval and number of columns")
    step, columns = int(minutes) * 60, int(count)
    if not 0 < step <= 86_400 or not 0 < columns <= _MAX_COLUMNS:
        raise _wrong(found, f"a profile of {columns} columns every {minutes} minutes")
    end = _FIXED + 2 * columns
    if len(found.values) < end:
        raise _wrong(found, f"{columns} columns are announced and not all of them named")
    if _HEX.fullmatch(status) is None:
        raise _wrong(found, f"({status}) is no status")
    names = found.values[_FIXED:end]
    ends = int(read_stamp(stamp, zone).timestamp()) + (step if stamp_at is StampAt.BEGIN else 0)
    named = tuple(map(Column, names[::2], names[1::2]))
    return _Section(ends, step, int(status or "0", 16), named, list(found.values[end:]))


def _wrong(found: DataSet, why: str) -> DecodeError:
    return DecodeError(why, str(found)[:256].encode("latin-1", "replace"))


def _numbers(texts: list[str]) -> tuple[Ints, int, NDArray[np.bool_]]:
    """One column: digits, places after the point, and which are there."""
    first = texts[0] if texts else ""
    places = len(first) - first.find(".") - 1 if "." in first else 0
    joined = "\n".join(texts)
    shape = r"-?\d{1,12}" + (rf"[.]\d{{{places}}}" if places else "")
    if 0 <= places <= 6 and re.fullmatch(rf"{shape}(?:\n{shape})*", joined):
        digits = joined.replace(".", "").split("\n")
        return np.array([int(text) for text in digits], np.int64), places, np.ones(len(texts), np.bool_)
    return _unequal_numbers(texts)


def _unequal_numbers(texts: list[str]) -> tuple[Ints, int, NDArray[np.bool_]]:
    """The same where some are absent or written otherwise, text by text."""
    present = np.array([_ABSENT.fullmatch(text) is None for text in texts], np.bool_)
    read = [read_number(text) if there else (0, 0) for text, there in zip(texts, present, strict=True)]
    places = max((count for _, count in read), default=0)
    numbers = [digits * 10 ** (places - count) for digits, count in read]
    if any(abs(number) >= 1 << 63 for number in numbers):
        raise DecodeError("a value of a profile has more digits than a meter shows")
    return np.array(numbers, np.int64), places, present


def write_profile(
    address: str,
    stamps: Sequence[datetime],
    status: Sequence[int],
    minutes: int,
    columns: Sequence[tuple[Column, Sequence[str]]],
    zone: tzinfo,
    stamp_at: StampAt = StampAt.END,
) -> list[list[DataSet]]:
    """The data lines of rows, `stamps` at the ends of their intervals, values as text; ADDRESS() for none."""
    step = minutes * 60
    lines: list[list[DataSet]] = []
    due: tuple[float, int] | None = None
    for row, (ends, flags) in enumerate(zip(stamps, status, strict=True)):
        if due != (ends.timestamp(), flags):
            at = datetime.fromtimestamp(ends.timestamp() - (step if stamp_at is StampAt.BEGIN else 0), zone)
            names = [part for column, _ in columns for part in (column.address, column.unit)]
            head = (write_stamp(at, zone), f"{flags:02X}", str(minutes), str(len(columns)), *names)
            lines.append([DataSet(address, head)])
        lines.append([DataSet("", tuple(values[row] for _, values in columns))])
        due = (ends.timestamp() + step, flags)
    return lines or [[DataSet(address, ("",))]]


@dataclass(frozen=True, slots=True)
class ProfileRange:
    """The brackets that choose rows: from, to (both included, either open), for R6 the lines a block has."""

    first: datetime | None = None
    last: datetime | None = None
    lines: int | None = None

    @classmethod
    def from_text(cls, text: str, zone: tzinfo) -> "ProfileRange":
        """Read FROM;TO or FROM;TO;LINES; empty brackets ask for everything."""
        first, last, lines, *more = [*text.split(";"), "", ""]
        if (lines and not lines.isdigit()) or len(lines) > 4 or any(more):
            raise DecodeError(f"({text[:60]}) is no range of a profile", text.encode("latin-1", "replace"))
        return cls(
            read_stamp(first, zone) if first else None,
            read_stamp(last, zone) if last else None,
            int(lines) if lines else None,
        )

    def to_text(self, zone: tzinfo) -> str:
        """As it stands in the brackets, to the minute."""
        ends = (write_stamp(at, zone, seconds=False) if at else "" for at in (self.first, self.last))
        return ";".join(ends) + ("" if self.lines is None else f";{self.lines}")
