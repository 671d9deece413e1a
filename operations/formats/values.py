"""What a file of readings says, before anybody asks whose meters these are."""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from operations.errors import InputError


class Unusable(InputError):
    """Nothing of a file can be used; `line` counts from 1, 0 is the file as a whole."""

    def __init__(self, line: int, why: str) -> None:
        self.line = line
        self.why = why
        super().__init__(f"line {line}: {why}" if line else why)


@dataclass(frozen=True, slots=True)
class Rejected:
    """A line that was left out, and why; of the channel it stood under, as far as that is known."""

    line: int
    why: str
    meter: str = ""
    channel: str = ""
    unit: str = ""


@dataclass(slots=True, eq=False)
class Intervals:
    """One channel's energies: `value[i]` `unit` between `at[i]` (epoch seconds) and `interval_s` later.

    `meter` and `channel` are called as in the file; `serial` is the meter's own number where the file has
    one besides. A value that the file says is missing is None. `flag` is the file's own word of its quality.
    """

    meter: str
    channel: str
    unit: str
    interval_s: int
    serial: str = ""
    line: int = 0
    at: array[int] = field(default_factory=lambda: array("q"))  # eight bytes each: files have millions
    value: list[Decimal | None] = field(default_factory=list)
    flag: list[str] = field(default_factory=list)

    def add(self, at: int, value: Decimal | None, flag: str) -> None:
        self.at.append(at)
        self.value.append(value)
        self.flag.append(flag)

    def rows(self) -> Iterator[tuple[int, Decimal | None, str]]:
        return zip(self.at, self.value, self.flag, strict=True)


@dataclass(frozen=True, slots=True)
class IndexPair:
    """One register read twice, and the energy between, in the file's unit, as the file says it.

    `quantity` bears the multiplier, `previous` and `current` are what the display showed.
    """

    meter: str
    channel: str
    unit: str
    start: datetime
    end: datetime
    previous: Decimal
    current: Decimal
    quantity: Decimal
    flag: str
    previous_flag: str = ""
    serial: str = ""
    line: int = 0
    told: dict[str, Any] = field(default_factory=dict)  # what else the summary says of it
    digits: int = 0  # places of the display as the file writes them; 0: it does not say


@dataclass(frozen=True, slots=True)
class Unread:
    """A register of which a meter-reader brought a code (`status`) of what was found, with an index or
    without; `told`: photo, reader, note."""

    line: int
    serial: str
    register: str
    unit: str
    at: datetime
    status: str
    told: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class FileReadings:
    """Everything of one file that can be used, and what cannot."""

    intervals: Sequence[Intervals] = ()
    indices: Sequence[IndexPair] = ()
    rejected: Sequence[Rejected] = ()
    unread: Sequence[Unread] = ()

    @property
    def is_empty(self) -> bool:
        return not (self.indices or self.unread or any(one.at for one in self.intervals))


def usable(found: FileReadings) -> FileReadings:
    """The readings, unless there is none: then the first thing that is wrong is the reason."""
    if found.is_empty and found.rejected:
        first, more = found.rejected[0], len(found.rejected) - 1
        others = f" (and {more} more lines like that)" if more > 1 else " (and 1 more line)" if more else ""
        raise Unusable(first.line, f"{first.why}; nothing else in the file can be used{others}")
    if found.is_empty:
        raise Unusable(0, "there is no reading in the file: export it again")
    return found
