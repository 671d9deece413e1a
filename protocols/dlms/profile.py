"""Rows of a profile generic (IEC 62056-6-2, class 7, attribute 2) into columns of numbers and instants.

Most answers repeat one row layout. It is learned from the first row, every tag and length byte of every row
is checked in numpy, and only then is the answer viewed as columns; whatever does not fit goes to the strict
decoder, which gives the same result or says what is wrong. A profile is decoded whole or not at all.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from functools import lru_cache
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from protocols.dlms import axdr
from protocols.dlms.axdr import INTEGERS, Data, Tag
from protocols.dlms.clock import UNSPECIFIED, UNSPECIFIED_DEVIATION, CosemDateTime, local_day
from protocols.dlms.selection import CaptureObject
from protocols.errors import DecodeError, WrongColumns

Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Column:
    """One captured attribute: `values` int64 (objects where it is no integer), valid where `present`."""

    capture: CaptureObject
    values: NDArray[Any]
    present: NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class ProfileRows:
    """`stamps` are seconds since 1970 UTC as the meter wrote them, `status` its clock status bytes."""

    stamps: Ints
    status: NDArray[np.uint8]
    columns: tuple[Column, ...]

    def column(self, obis: str, attribute: int = 2) -> Column:
        """The column of this logical name and attribute; `DecodeError` when the profile has none."""
        for column in self.columns:
            if str(column.capture.obis) == obis and column.capture.attribute == attribute:
                return column
        raise DecodeError(f"the profile has no column {obis} attribute {attribute}")


def decode_rows(
    raw: bytes,
    captures: Sequence[CaptureObject],
    zone: tzinfo | None = None,
    interval_seconds: int | None = None,
) -> ProfileRows:
    """Decode a buffer of rows that hold `captures` in this order.

    `zone` gives meaning to stamps without deviation; `interval_seconds` to a null stamp ("one interval after
    the row before", as a null value is "the same as before"). Raises `DecodeError`, never returns a part.
    """
    clock = next((at for at, capture in enumerate(captures) if capture.is_clock), None)
    if clock is None:
        raise DecodeError("a profile without a clock column has no times", raw)
    rows = _fast(raw, captures, clock, zone)
    return rows if rows is not None else decode_rows_strictly(raw, captures, zone, interval_seconds)


def decode_rows_strictly(
    raw: bytes,
    captures: Sequence[CaptureObject],
    zone: tzinfo | None = None,
    interval_seconds: int | None = None,
) -> ProfileRows:
    """The same through the generic decoder: every layout, changing layouts and null compression."""
    clock = next((at for at, capture in enumerate(captures) if capture.is_clock), None)
    if clock is None:
        raise DecodeError("a profile is an array of rows with a clock among them", raw)
    cells = _cells(raw, captures)
    stamps, status = _instants(cells[clock], zone, interval_seconds, raw)
    columns = [_column(capture, cells[at]) for at, capture in enumerate(captures) if at != clock]
    return ProfileRows(stamps, status, tuple(columns))


def decode_columns(raw: bytes, captures: Sequence[CaptureObject]) -> tuple[Column, ...]:
    """The columns of a profile that has no clock among them: rows without times. Raises `DecodeError`."""
    cells = _cells(raw, captures)
    return tuple([_column(capture, cells[at]) for at, capture in enumerate(captures)])


def _cells(raw: bytes, captures: Sequence[CaptureObject]) -> list[tuple[Data, ...]]:
    """The cells of a buffer, column by column."""
    buffer = axdr.decode(raw)
    if buffer.tag not in (Tag.ARRAY, Tag.COMPACT_ARRAY):
        raise DecodeError("a profile is an array of rows", raw)
    items = buffer.value.items if buffer.tag is Tag.COMPACT_ARRAY else buffer.value
    for number, row in enumerate(items):
        if row.tag is not Tag.STRUCTURE:
            raise DecodeError(f"row {number + 1} is no structure of columns", raw)
        if len(row.value) != len(captures):
            raise WrongColumns(len(row.value), len(captures), raw)
    return list(zip(*[row.value for row in items], strict=True)) or [()] * len(captures)


def _instants(
    cells: Sequence[Data], zone: tzinfo | None, interval: int | None, raw: bytes
) -> tuple[Ints, NDArray[np.uint8]]:
    """Seconds since 1970 UTC and status bytes; a null is one interval after the row before."""
    stamps: list[int] = []
    status: list[int] = []
    for cell in cells:
        if cell.tag is Tag.NULL:
            if not stamps or interval is None:
                raise DecodeError("a row without a stamp, and nothing to count it from", raw)
            stamps.append(stamps[-1] + interval)
            status.append(status[-1])
            continue
        if cell.tag is Tag.OCTET_STRING:
            stamp = cell.value
        elif cell.tag is Tag.DATE_TIME:
            stamp = cell.value.to_bytes()
        else:
            raise DecodeError(f"a stamp is a date-time, found {cell.tag.name.lower()}", raw)
        try:
            stamps.append(_second(stamp, zone))
        except DecodeError as wrong:
            raise DecodeError(f"the stamp of row {len(stamps) + 1}: {wrong.reason}", raw) from wrong
        status.append(stamp[11])
    return np.array(stamps, np.int64), np.array(status, np.uint8)


def _second(stamp: bytes, zone: tzinfo | None) -> int:
    """Seconds since 1970 UTC of twelve bytes: by sums where nothing is left open, else as an instant."""
    if len(stamp) == 12 and (stamp[4] <= 7 or stamp[4] == UNSPECIFIED):
        hour, minute, second, hundredths = stamp[5:9]
        deviation = int.from_bytes(stamp[9:11], "big", signed=True)
        in_range = hour <= 23 and minute <= 59 and second <= 59 and (hundredths <= 99 or hundredths == 0xFF)
        if in_range and -1440 < deviation < 1440:
            midnight = _midnight(int.from_bytes(stamp[:4], "big"))
            return midnight + hour * 3600 + (minute + deviation) * 60 + second
    moment = CosemDateTime.from_bytes(stamp).to_datetime(zone)
    return int(moment.replace(microsecond=0).timestamp())


def _column(capture: CaptureObject, cells: Sequence[Data]) -> Column:
    """A column of numbers, or of objects; a null is what stood before it, absent when nothing did."""
    found: list[Any] = []
    before = None
    for cell in cells:
        if cell.tag is not Tag.NULL:
            before = cell.value
        found.append(before)
    kinds = set(map(type, found))
    absent = type(None) in kinds
    present = np.array([cell is not None for cell in found]) if absent else np.ones(len(found), np.bool_)
    if kinds <= {int, bool, type(None)}:
        try:
            whole = [cell or 0 for cell in found] if absent else found
            return Column(capture, np.array(whole, np.int64), present)
        except OverflowError:
            pass  # a counter of 64 bits beyond what int64 holds
    values = np.empty(len(found), object)
    values[:] = found
    return Column(capture, values, present)


@dataclass(frozen=True, slots=True, eq=False)
class _Layout:
    size: int
    mask: NDArray[np.uint8]
    template: NDArray[np.uint8]
    view: np.dtype[Any]
    stamp: int
    """Where in a row the twelve bytes of its stamp stand."""


@lru_cache(maxsize=256)
def _layout(tags: bytes, clock: int) -> _Layout | None:
    """The row whose cells have these tags; None when a cell is of no fixed, numeric form."""
    template, mask = bytearray((Tag.STRUCTURE, len(tags))), bytearray((0xFF, 0xFF))
    names: list[str] = []
    formats: list[Any] = []
    offsets: list[int] = []
    for at, tag in enumerate(tags):
        template.append(tag)
        mask.append(0xFF)
        if at == clock:
            if tag == Tag.OCTET_STRING:
                template.append(12)
                mask.append(0xFF)
            elif tag != Tag.DATE_TIME:
                return None
            names += ["day", "time", "deviation", "status"]
            formats += [">u4", ("u1", (5,)), ">i2", "u1"]
            offsets += [len(template) + step for step in (0, 4, 9, 11)]
            width = 12
        elif tag in INTEGERS:
            width, signed = INTEGERS[tag]
            names.append(f"c{at}")
            formats.append(f">{'i' if signed else 'u'}{width}")
            offsets.append(len(template))
        else:
            return None
        template += bytes(width)
        mask += bytes(width)
    view = np.dtype({"names": names, "formats": formats, "offsets": offsets, "itemsize": len(template)})
    mask_, template_ = np.frombuffer(mask, np.uint8), np.frombuffer(template, np.uint8)
    return _Layout(len(template), mask_, template_, view, offsets[names.index("day")])


def _first_tags(raw: bytes, at: int, cells: int) -> bytes | None:
    """The tags of the first row, walked as far as they are of a kind the fast path knows."""
    tags = bytearray()
    if raw[at : at + 2] != bytes((Tag.STRUCTURE, cells)):
        return None
    at += 2
    for _ in range(cells):
        if at >= len(raw):
            return None
        tag = raw[at]
        if tag in INTEGERS:
            at += 1 + INTEGERS[tag][0]
        elif tag == Tag.OCTET_STRING:
            at += 14
        elif tag == Tag.DATE_TIME:
            at += 13
        else:
            return None
        tags.append(tag)
    return bytes(tags)


def _fast(
    raw: bytes, captures: Sequence[CaptureObject], clock: int, zone: tzinfo | None
) -> ProfileRows | None:
    """The columns of a regular answer, or None when anything at all is out of the ordinary."""
    if len(raw) < 2 or raw[0] != Tag.ARRAY or raw[1] == 0x80 or not 0 < len(captures) < 0x80:
        return None
    start = 2 if raw[1] < 0x80 else 2 + (raw[1] & 0x7F)
    count = raw[1] if start == 2 else int.from_bytes(raw[2:start], "big")
    tags = _first_tags(raw, start, len(captures))
    layout = _layout(tags, clock) if tags is not None else None
    if layout is None or count < 1 or len(raw) != start + count * layout.size or start > 6:
        return None
    octets = np.frombuffer(raw, np.uint8, offset=start).reshape(count, layout.size)
    if (((octets ^ layout.template) & layout.mask) != 0).any():
        return None
    rows = np.frombuffer(raw, layout.view, offset=start)
    if count <= _SHORT:
        at = layout.stamp
        stamps = _stamps_once(octets[:, at : at + 12].tobytes(), zone)
    else:
        stamps = _stamps(rows, zone)
    if stamps is None:
        return None
    present = np.ones(count, np.bool_)
    columns = []
    for at, capture in enumerate(captures):
        if at != clock:
            values = rows[f"c{at}"].astype(np.int64)
            if tags is not None and tags[at] == Tag.LONG64_UNSIGNED and (values < 0).any():
                return None
            columns.append(Column(capture, values, present))
    return ProfileRows(stamps, rows["status"].copy(), tuple(columns))


_WRONG: Final = -(1 << 40)
_SHORT: Final = 500  # rows of an answer whose stamps are remembered
_STAMP: Final = np.dtype([("day", ">u4"), ("time", "u1", (5,)), ("deviation", ">i2"), ("status", "u1")])


def _seconds() -> Ints:
    """Seconds each byte of weekday, hour, minute, second, hundredths stands for; far below zero if none."""
    table = np.full((5, 256), _WRONG, np.int64)
    for field, (limit, worth) in enumerate(((7, 0), (23, 3600), (59, 60), (59, 1), (99, 0))):
        table[field, : limit + 1] = np.arange(limit + 1) * worth
    table[0, 0xFF] = table[4, 0xFF] = 0
    return table.reshape(-1)


_SECONDS: Final = _seconds()
_FIELDS: Final = np.arange(5, dtype=np.intp) * 256


@lru_cache(maxsize=4096)
def _midnight(word: int) -> int:
    """Seconds from 1970 to the midnight of a day written as four bytes year, month, day; no zone applied."""
    return local_day(word >> 16, word >> 8 & 0xFF, word & 0xFF) * 86_400


@lru_cache(maxsize=4096)
def _offset(word: int, zone: tzinfo) -> int | None:
    """Minutes east of UTC all through that local day; None when they change within it."""
    begin = datetime(word >> 16, word >> 8 & 0xFF, word & 0xFF, tzinfo=zone)
    offsets = {(begin + timedelta(hours=hours)).utcoffset() for hours in range(25)}
    only = offsets.pop()
    if offsets or only is None or only % timedelta(minutes=1):
        return None  # before there were time zones, offsets had seconds
    return only // timedelta(minutes=1)


def _stamps(rows: NDArray[Any], zone: tzinfo | None) -> Ints | None:
    seconds: Ints = _SECONDS[rows["time"] + _FIELDS].sum(axis=1)
    deviation = rows["deviation"].astype(np.int64)
    days, which = _distinct(rows["day"])
    try:
        midnights = np.array([_midnight(word) for word in days], np.int64)
        open_ended = deviation == UNSPECIFIED_DEVIATION
        if open_ended.any():
            if zone is None:
                return None
            offsets = [_offset(word, zone) for word in days]
            if None in offsets:
                return None
            deviation = np.where(open_ended, -np.array(offsets, np.int64)[which], deviation)
    except (DecodeError, ValueError, OverflowError):
        return None
    if int(seconds.min()) < 0 or int(np.abs(deviation).max()) >= 1440:
        return None
    stamps: Ints = midnights[which] + seconds + deviation * 60
    return stamps


@lru_cache(maxsize=64)
def _stamps_once(raw: bytes, zone: tzinfo | None) -> Ints | None:
    """The same, remembered: a whole fleet is asked for the same day, and its rows bear the same stamps."""
    stamps = _stamps(np.frombuffer(raw, _STAMP), zone)
    if stamps is not None:
        stamps.flags.writeable = False
    return stamps


def _distinct(words: NDArray[Any]) -> tuple[list[int], NDArray[np.intp] | slice]:
    """Distinct days and which of them each row has; a short answer is quicker looked up row by row."""
    if len(words) <= 200:
        return words.tolist(), slice(None)
    days, which = np.unique(words, return_inverse=True)
    return days.tolist(), which
