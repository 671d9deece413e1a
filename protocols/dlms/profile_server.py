"""The meter's side of a profile: rows chosen by range or entry and written in one go."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta, timezone
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
    cells: list[tuple[str, Any, Any]] = [
        ("head", "u1", Tag.STRUCTURE),
        ("count", "u1", len(columns) + (clock_at is not None)),
    ]
    for at, (tag, values) in enumerate(columns):
        if at == clock_at:
            cells += _clock_cells(stamps, offset_minutes, status, deviation)
        octets, signed = INTEGERS[tag]
        kind = np.dtype(f">{'i' if signed else 'u'}{octets}")
        if len(values) and not (
            np.iinfo(kind).min <= int(values.min()) and int(values.max()) <= np.iinfo(kind).max
        ):
            raise LocalError(f"a value of column {at + 1} does not fit {tag.name}")
        cells += [(f"t{at}", "u1", tag), (f"v{at}", kind, values)]
    if clock_at is not None and clock_at >= len(columns):
        cells += _clock_cells(stamps, offset_minutes, status, deviation)
    rows = np.empty(len(stamps), np.dtype([(name, kind) for name, kind, _ in cells]))
    for name, _, values in cells:
        rows[name] = values
    return bytes((Tag.ARRAY,)) + length_bytes(len(stamps)) + rows.tobytes()


def _clock_cells(
    stamps: Ints, offset_minutes: int, status: NDArray[np.uint8] | int, deviation: bool
) -> list[tuple[str, Any, Any]]:
    local = stamps + offset_minutes * 60
    days, seconds = local // 86_400, local % 86_400
    dates = days.astype("M8[D]")
    months = dates.astype("M8[M]")
    return [
        ("stamp_tag", "u1", Tag.OCTET_STRING),
        ("stamp_length", "u1", 12),
        ("year", ">u2", dates.astype("M8[Y]").astype(np.int64) + 1970),
        ("month", "u1", months.astype(np.int64) % 12 + 1),
        ("day", "u1", (dates - months.astype("M8[D]")).astype(np.int64) + 1),
        ("weekday", "u1", (days + 3) % 7 + 1),
        ("hour", "u1", seconds // 3600),
        ("minute", "u1", seconds // 60 % 60),
        ("second", "u1", seconds % 60),
        ("hundredths", "u1", 0),
        ("deviation", ">i2", -offset_minutes if deviation else UNSPECIFIED_DEVIATION),
        ("status", "u1", status if deviation else UNSPECIFIED),
    ]


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
        if not selection.restricting.is_clock:
            return DataAccessResult.SCOPE_OF_ACCESS_VIOLATED
        begin = int(np.searchsorted(self.stamps, np.ceil(first.timestamp()), "left"))
        end = int(np.searchsorted(self.stamps, np.floor(last.timestamp()), "right"))
        columns = selection.columns or self.captures
        if any(column not in self.captures for column in columns):
            return DataAccessResult.SCOPE_OF_ACCESS_VIOLATED
        return self._encode(slice(begin, max(begin, end)), columns)

    def _by_entry(self, selection: EntrySelection) -> bytes | DataAccessResult:
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
