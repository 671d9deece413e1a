"""The meter's side of a profile: rows chosen by range or entry and written in one go."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta, timezone
from functools import cache, lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from protocols.dlms.axdr import INTEGERS, Tag
from protocols.dlms.clock import UNSPECIFIED, UNSPECIFIED_DEVIATION
from protocols.dlms.enums import DataAccessResult
from protocols.dlms.selection import CaptureObject, EntrySelection, RangeAsked
from protocols.errors import DecodeError, LocalError
from protocols.reader import length_bytes

Ints = NDArray[np.int64]


def encode_rows(
    stamps: Ints,
    columns: Sequence[tuple[Tag, Ints]],
    offset_minutes: int,
    status: NDArray[np.uint8] | int = 0,
    *,
    clock_at: int | None = 0,
    deviation: bool = True,
) -> bytes:
    """An array of rows as A-XDR.

    `stamps` are seconds since 1970 UTC, written as local time at `offset_minutes` east; `columns` the other
    cells in order with their integer tags. `clock_at` None leaves the clock out. Values that do not fit their
    tag raise `LocalError`.
    """
    layout = _layout(tuple([tag for tag, _ in columns]), clock_at)
    count = len(stamps)
    head = bytes((Tag.ARRAY,)) + length_bytes(count)
    if not count:
        return head
    octets = bytearray(layout.template * count)
    rows: NDArray[Any] = np.ndarray(count, layout.view, octets)
    if clock_at is not None:
        days, seconds = np.divmod(stamps + offset_minutes * 60, 86_400)
        first = int(days.min())
        rows["date"] = _dates(first, int(days.max()))[days - first]
        rows["time"] = _times()[seconds]
        rows["deviation"] = -offset_minutes if deviation else UNSPECIFIED_DEVIATION
        rows["status"] = status if deviation else UNSPECIFIED
    if columns:
        table = np.array([values for _, values in columns], np.int64)
        layout.check(table)
        for name, begin, end in layout.runs:
            rows[name]["value"] = table[begin:end].T
    return head + octets


@dataclass(frozen=True, slots=True, eq=False)
class _Layout:
    """One row as it is written: what never changes in it, and where the rest goes.

    `runs` are neighbouring columns of one tag: the name of their field, and which columns they are.
    """

    template: bytes
    view: np.dtype[Any]
    runs: tuple[tuple[str, int, int], ...]
    tags: tuple[Tag, ...]
    limits: tuple[tuple[int, int], ...]
    some_signed: bool

    def check(self, table: Ints) -> None:
        """Raises `LocalError` for a value (columns × rows) that does not fit its tag."""
        # As unsigned, what is below zero is above everything else: one look is enough.
        highest = table.max(axis=1) if self.some_signed else table.view(np.uint64).max(axis=1)
        lowest = table.min(axis=1).tolist() if self.some_signed else None
        for at, most in enumerate(highest.tolist()):
            low, high = self.limits[at]
            if most > high or (lowest is not None and lowest[at] < low):
                raise LocalError(f"a value of column {at + 1} does not fit {self.tags[at].name}")


@lru_cache(maxsize=256)
def _layout(tags: tuple[Tag, ...], clock_at: int | None) -> _Layout:
    clock = len(tags) if clock_at is None else min(clock_at, len(tags))
    fields: list[tuple[Any, ...]] = [("head", "u1", 2)]
    runs = []
    begin = 0
    for end in range(len(tags) + 1):
        if (end == len(tags) or end == clock or tags[end] is not tags[begin]) and begin < end:
            octets, signed = INTEGERS[tags[begin]]
            cell = np.dtype([("tag", "u1"), ("value", f">{'i' if signed else 'u'}{octets}")])
            fields.append((f"run{begin}", cell, end - begin))
            runs.append((f"run{begin}", begin, end))
            begin = end
        if end == clock and clock_at is not None:
            fields += [("stamp", "u1", 2), ("date", "V5"), ("time", "V3"), ("hundredths", "u1")]
            fields += [("deviation", ">i2"), ("status", "u1")]
    view = np.dtype([(*field[:2], (field[2],)) if len(field) == 3 else field for field in fields])
    row = np.zeros(1, view)
    row["head"] = (Tag.STRUCTURE, len(tags) + (clock_at is not None))
    for name, begin, _ in runs:
        row[name]["tag"] = tags[begin]
    if clock_at is not None:
        row["stamp"] = (Tag.OCTET_STRING, 12)
    bits = [(8 * INTEGERS[tag][0], INTEGERS[tag][1]) for tag in tags]
    limits = [(-(1 << n - 1), (1 << n - 1) - 1) if signed else (0, (1 << n) - 1) for n, signed in bits]
    return _Layout(row.tobytes(), view, tuple(runs), tags, tuple(limits), any(signed for _, signed in bits))


@lru_cache(maxsize=64)
def _dates(first: int, last: int) -> NDArray[np.void]:
    """Year, month, day and weekday of the days from `first` to `last` since 1970, five bytes each."""
    days = np.arange(first, last + 1)
    dates = days.astype("M8[D]")
    months = dates.astype("M8[M]")
    table = np.empty(len(days), [("year", ">u2"), ("month", "u1"), ("day", "u1"), ("weekday", "u1")])
    table["year"] = dates.astype("M8[Y]").astype(np.int64) + 1970
    table["month"] = months.astype(np.int64) % 12 + 1
    table["day"] = (dates - months.astype("M8[D]")).astype(np.int64) + 1
    table["weekday"] = (days + 3) % 7 + 1
    return table.view("V5")


@cache
def _times() -> NDArray[np.void]:
    """Hour, minute and second of each second of a day, three bytes each."""
    seconds = np.arange(86_400)
    table = np.stack([seconds // 3600, seconds // 60 % 60, seconds % 60], axis=1).astype(np.uint8)
    return table.view("V3")[:, 0]


@dataclass(frozen=True, slots=True, eq=False)
class ProfileBuffer:
    """A meter's profile: `stamps` ascending (seconds since 1970 UTC), one array per column but the clock's.

    `captures` are the columns in order, the clock among them; `tags` and `values` go with the others.
    """

    captures: tuple[CaptureObject, ...]
    tags: tuple[Tag, ...]
    stamps: Ints
    values: tuple[Ints, ...]
    offset_minutes: int
    status: NDArray[np.uint8] | int = 0
    deviation: bool = True

    def select(self, selection: RangeAsked | EntrySelection | None) -> bytes | DataAccessResult:
        """The rows meant, encoded; a selection that makes no sense here is refused."""
        if isinstance(selection, EntrySelection):
            return self._by_entry(selection)
        if selection is None:
            return self._encode(slice(0, len(self.stamps)), self.captures)
        place = timezone(timedelta(minutes=self.offset_minutes))
        try:
            first, last = (stamp.to_datetime(place) for stamp in (selection.first, selection.last))
        except DecodeError:
            return DataAccessResult.SCOPE_OF_ACCESS_VIOLATED
        if not selection.restricting.is_clock or selection.restricting.data_index:
            # A part of the clock (data_index above 0) is not what these rows are in order of.
            return DataAccessResult.SCOPE_OF_ACCESS_VIOLATED
        begin = int(np.searchsorted(self.stamps, np.ceil(first.timestamp()), "left"))
        end = int(np.searchsorted(self.stamps, np.floor(last.timestamp()), "right"))
        columns = selection.columns or self.captures
        if any(column not in self.captures for column in columns):
            return DataAccessResult.SCOPE_OF_ACCESS_VIOLATED
        return self._encode(slice(begin, max(begin, end)), columns)

    def _by_entry(self, selection: EntrySelection) -> bytes | DataAccessResult:
        if selection.last and selection.last < selection.first:
            return DataAccessResult.SCOPE_OF_ACCESS_VIOLATED
        last = selection.last or len(self.stamps)
        last_column = selection.last_column or len(self.captures)
        if not selection.first >= 1 or not 1 <= selection.first_column <= last_column <= len(self.captures):
            return DataAccessResult.SCOPE_OF_ACCESS_VIOLATED
        rows = slice(selection.first - 1, max(selection.first - 1, last))
        return self._encode(rows, self.captures[selection.first_column - 1 : last_column])

    def _encode(self, rows: slice, columns: tuple[CaptureObject, ...]) -> bytes:
        others = [capture for capture in self.captures if not capture.is_clock]
        clock_at = next((at for at, column in enumerate(columns) if column.is_clock), None)
        cells = []
        for column in columns:
            if not column.is_clock:
                at = others.index(column)
                cells.append((self.tags[at], self.values[at][rows]))
        status = self.status if isinstance(self.status, int) else self.status[rows]
        return encode_rows(
            self.stamps[rows], cells, self.offset_minutes, status, clock_at=clock_at, deviation=self.deviation
        )
