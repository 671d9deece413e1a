"""A-XDR `Data` off the wire: strict, and bounded in time and memory whatever the bytes say.

Every count and length is checked against the bytes that are left before anything is built, nesting stops at
`MAX_DEPTH`, elements that take no bytes (nulls in a compact array) are counted, and numbers of one byte are
shared, so that a message costs no more than a few tenths of a microsecond a byte: less than 50 ms for 64 KiB,
and in proportion for what is longer.
"""

import struct
from collections.abc import Callable
from typing import Any, Final

from protocols.dlms.axdr_types import INTEGERS, MAX_DEPTH, NULL, CompactArray, Data, Shape, Tag
from protocols.dlms.clock import CosemDate, CosemDateTime, CosemTime
from protocols.errors import DecodeError
from protocols.reader import Reader

CONTAINERS: Final = 1024
"""Arrays and structures that a message may hold beyond one for every three bytes of it, which is what a row
with a single null in it takes; empty ones outside of compact arrays are not counted."""
BARE: Final = 1 << 14
"""Values without a byte of their own, nulls and don't-cares, that its compact arrays may hold together."""
DESCRIBED: Final = 1024
"""Types that the descriptions of all the compact arrays of one message may name together."""

_new = tuple.__new__
_TAGS: Final = {int(tag): tag for tag in Tag}
_CONTAINERS: Final = {1: Tag.ARRAY, 2: Tag.STRUCTURE}
_LEAVES: Final[dict[int, Data]] = {0: NULL, 255: Data(Tag.DONT_CARE, None)}
_EMPTY: Final = {
    int(tag): Data(tag, value)
    for tag, value in (
        (Tag.ARRAY, ()), (Tag.STRUCTURE, ()), (Tag.BIT_STRING, ""), (Tag.OCTET_STRING, b""),
        (Tag.VISIBLE_STRING, ""), (Tag.UTF8_STRING, ""),
    )
}  # fmt: skip


def _one_byte() -> list[tuple[Data, ...] | None]:
    """By tag, the 256 values that its one byte can mean."""
    table: list[tuple[Data, ...] | None] = [None] * 256
    for tag, (octets, signed) in INTEGERS.items():
        if octets == 1:
            numbers = [int.from_bytes((octet,), "big", signed=signed) for octet in range(256)]
            table[tag] = tuple([Data(Tag(tag), number) for number in numbers])
    table[Tag.BOOLEAN] = tuple([Data(Tag.BOOLEAN, octet != 0) for octet in range(256)])
    return table


_ONE_BYTE: Final = _one_byte()
_DIGITS: Final = tuple([f"{octet:08b}" for octet in range(256)])
_LONGER: Final = {tag: (Tag(tag), *size) for tag, size in INTEGERS.items() if size[0] > 1}
_FORMATS: Final = {
    tag: {2: "h", 4: "i", 8: "q"}[octets] if signed else {2: "H", 4: "I", 8: "Q"}[octets]
    for tag, (_, octets, signed) in _LONGER.items()
}
"""How `struct` calls the integers of several bytes."""


def _bits(raw: bytes, at: int) -> tuple[str, int]:
    count, at = _length(raw, at)
    if 0 < count <= 8:
        return _DIGITS[raw[at]][:count], at + 1
    width = (count + 7) // 8
    end = at + width
    if end > len(raw):
        raise _error(f"{count} bits announced, {len(raw) - at} bytes there", raw, at)
    digits = f"{int.from_bytes(raw[at:end], 'big'):0{width * 8}b}"
    return digits[:count], end


def _octet_string(raw: bytes, at: int) -> tuple[bytes, int]:
    count, at = _length(raw, at)
    end = at + count
    if end > len(raw):
        raise _error(f"{count} bytes announced, {len(raw) - at} there", raw, at)
    return raw[at:end], end


def _visible(raw: bytes, at: int) -> tuple[str, int]:
    octets, end = _octet_string(raw, at)
    # Serial numbers with stray bytes exist; latin-1 keeps each of them and never fails.
    return octets.decode("latin-1"), end


def _utf8(raw: bytes, at: int) -> tuple[str, int]:
    octets, end = _octet_string(raw, at)
    try:
        return octets.decode("utf-8"), end
    except UnicodeDecodeError as wrong:
        raise _error("a utf8-string is not UTF-8", raw, end) from wrong


def _fixed(size: int, read: Callable[[bytes], Any]) -> Callable[[bytes, int], tuple[Any, int]]:
    def reading(raw: bytes, at: int) -> tuple[Any, int]:
        octets, end = _octets(raw, at, size)
        return read(octets), end

    return reading


_OTHERS: Final[dict[int, tuple[Tag, Callable[[bytes, int], tuple[Any, int]]]]] = {
    int(tag): (tag, reading)
    for tag, reading in (
        (Tag.BIT_STRING, _bits),
        (Tag.OCTET_STRING, _octet_string),
        (Tag.VISIBLE_STRING, _visible),
        (Tag.UTF8_STRING, _utf8),
        (Tag.FLOAT32, _fixed(4, lambda octets: struct.unpack(">f", octets)[0])),
        (Tag.FLOAT64, _fixed(8, lambda octets: struct.unpack(">d", octets)[0])),
        (Tag.DATE_TIME, _fixed(12, CosemDateTime.from_bytes)),
        (Tag.DATE, _fixed(5, CosemDate.from_bytes)),
        (Tag.TIME, _fixed(4, CosemTime.from_bytes)),
    )
}
_STRINGS: Final = frozenset((Tag.OCTET_STRING, Tag.VISIBLE_STRING, Tag.UTF8_STRING))
_SCALER_UNIT: Final = bytes((Tag.STRUCTURE, 2, Tag.INTEGER))
_UNIT: Final = bytes((Tag.ENUM,))
_CLOCKS: Final = {Tag.DATE_TIME: 12, Tag.DATE: 5, Tag.TIME: 4}
_SIZES: Final = (
    {0: 0, 255: 0, Tag.BOOLEAN: 1, Tag.FLOAT32: 4, Tag.FLOAT64: 8}
    | _CLOCKS
    | {tag: octets for tag, (octets, _) in INTEGERS.items()}
)


class _Left:
    """What is left of the bounds that hold for a message as a whole; made where it is first asked for."""

    __slots__ = ("bare", "containers", "types")

    def __init__(self, raw: bytes) -> None:
        self.containers = len(raw) // 3 + CONTAINERS
        self.bare = BARE
        self.types = DESCRIBED


def _left(reader: Reader) -> _Left:
    if not isinstance(reader.bounds, _Left):
        reader.bounds = _Left(reader.raw)
    return reader.bounds


def read(reader: Reader) -> Data:
    """The next value; leaves the reader behind it. Raises `DecodeError`."""
    try:
        (value,), reader.at = _values(reader.raw, reader.at, 1, 0, _left(reader))
    except IndexError:
        raise _error("a byte is missing", reader.raw, len(reader.raw)) from None
    return value


def decode(raw: bytes) -> Data:
    """The one value that `raw` is; missing or trailing bytes raise `DecodeError`."""
    reader = Reader(raw)
    value = read(reader)
    reader.finish()
    return value


def skip(reader: Reader) -> bytes:
    """The bytes of the next value, its tags and lengths checked, its contents not looked at."""
    start, raw, left = reader.at, reader.raw, _left(reader)
    scaler_unit = raw[start : start + 3] == _SCALER_UNIT and raw[start + 4 : start + 5] == _UNIT
    if scaler_unit and start + 6 <= len(raw) and left.containers > 0:  # what is listed beside plain values
        left.containers -= 1
        reader.at = start + 6
        return raw[start : start + 6]
    try:
        reader.at = _behind(raw, start, 1, 0, left)
    except IndexError:
        raise _error("a byte is missing", reader.raw, len(reader.raw)) from None
    if reader.at > len(raw):
        raise _error("the last value is cut off", raw, len(raw))
    return raw[start : reader.at]


def skipped(reader: Reader, structures: int) -> None:
    """So many structures were skipped elsewhere, fewer than `CONTAINERS`: they count all the same."""
    if structures:
        _left(reader).containers -= structures


def _values(raw: bytes, at: int, count: int, depth: int, left: _Left) -> tuple[tuple[Data, ...], int]:
    """`count` values from `at` on, and where they end. `IndexError` where the bytes do."""
    values: list[Data] = []
    add = values.append
    for _ in range(count):
        number = raw[at]
        at += 1
        table = _ONE_BYTE[number]
        if table is not None:
            add(table[raw[at]])
            at += 1
        elif number in _LEAVES:
            add(_LEAVES[number])
        elif number in _LONGER:
            tag, octets, signed = _LONGER[number]
            end = at + octets
            if end > len(raw):
                raise _error(f"{octets} bytes announced, {len(raw) - at} there", raw, at)
            add(_new(Data, (tag, int.from_bytes(raw[at:end], "big", signed=signed))))
            at = end
        elif number in _EMPTY and raw[at] == 0 and depth < MAX_DEPTH:
            add(_EMPTY[number])
            at += 1
        elif number in _CONTAINERS:
            inside = raw[at]
            at += 1
            if inside >= 0x80 or inside > len(raw) - at or depth >= MAX_DEPTH:
                inside, at = _counted(raw, at - 1, depth)
            left.containers -= 1
            if left.containers < 0:
                raise _error("more arrays and structures than a meter has use for", raw, at)
            items, at = _values(raw, at, inside, depth + 1, left)
            add(_new(Data, (_CONTAINERS[number], items)))
        elif number in _OTHERS:
            tag, reading = _OTHERS[number]
            value, at = reading(raw, at)
            add(_new(Data, (tag, value)))
        elif number == Tag.COMPACT_ARRAY:
            if depth >= MAX_DEPTH:
                raise _error(f"nested deeper than {MAX_DEPTH}", raw, at)
            compact, at = _compact_array(raw, at, depth, left)
            add(Data(Tag.COMPACT_ARRAY, compact))
        else:
            raise _error(f"{number:02X} is not a tag of Data", raw, at)
    return tuple(values), at


def _behind(raw: bytes, at: int, count: int, depth: int, left: _Left) -> int:
    """Where `count` values end that begin at `at`, perhaps beyond the end of `raw`."""
    for _ in range(count):
        number = raw[at]
        at += 1
        if number in _SIZES:
            at += _SIZES[number]
        elif number in _CONTAINERS:
            inside, at = _counted(raw, at, depth)
            left.containers -= 1
            if left.containers < 0:
                raise _error("more arrays and structures than a meter has use for", raw, at)
            at = _behind(raw, at, inside, depth + 1, left)
        elif number in _STRINGS:
            length, at = _length(raw, at)
            at += length
        elif number == Tag.BIT_STRING:
            length, at = _length(raw, at)
            at += (length + 7) // 8
        elif number == Tag.COMPACT_ARRAY:
            if depth >= MAX_DEPTH:
                raise _error(f"nested deeper than {MAX_DEPTH}", raw, at)
            _, at = _shape(raw, at, depth + 1, left)
            length, at = _length(raw, at)
            at += length
        else:
            raise _error(f"{number:02X} is not a tag of Data", raw, at)
    return at


def _counted(raw: bytes, at: int, depth: int) -> tuple[int, int]:
    """The count of a container's elements, each of which takes a byte at least."""
    if depth >= MAX_DEPTH:
        raise _error(f"nested deeper than {MAX_DEPTH}", raw, at)
    count = raw[at]
    at += 1
    if count >= 0x80:
        count, at = _length(raw, at - 1)
    if count > len(raw) - at:
        raise _error(f"{count} elements announced in {len(raw) - at} bytes", raw, at)
    return count, at


def _length(raw: bytes, at: int) -> tuple[int, int]:
    first = raw[at]
    at += 1
    if first < 0x80:
        return first, at
    octets = first & 0x7F
    if not 1 <= octets <= 4:
        raise _error(f"a length of {octets} bytes is not allowed", raw, at)
    end = at + octets
    if end > len(raw):
        raise _error(f"{octets} bytes announced, {len(raw) - at} there", raw, at)
    return int.from_bytes(raw[at:end], "big"), end


def _octets(raw: bytes, at: int, count: int) -> tuple[bytes, int]:
    end = at + count
    if end > len(raw):
        raise _error(f"{count} bytes announced, {len(raw) - at} there", raw, at)
    return raw[at:end], end


def _compact_array(raw: bytes, at: int, depth: int, left: _Left) -> tuple[CompactArray, int]:
    shape, at = _shape(raw, at, depth + 1, left)
    contents, end = _octet_string(raw, at)
    table = _ONE_BYTE[shape.tag]
    if table is not None:
        return CompactArray(shape, tuple([table[octet] for octet in contents])), end
    if shape.tag in _FORMATS:
        return CompactArray(shape, _numbers(contents, shape.tag)), end
    items: list[Data] = []
    at = 0
    try:
        if shape.tag in _OTHERS:
            tag, reading = _OTHERS[shape.tag]
            empty = _EMPTY.get(tag)
            while at < len(contents):
                if empty is not None and contents[at] == 0:
                    items.append(empty)
                    at += 1
                else:
                    value, at = reading(contents, at)
                    items.append(_new(Data, (tag, value)))
        while at < len(contents):
            item, behind = _shaped(contents, at, shape, left)
            if behind == at:
                raise _error("a compact array of elements without bytes", raw, end)
            at = behind
            items.append(item)
    except IndexError:
        raise _error("the last element of a compact array is cut off", contents, at) from None
    return CompactArray(shape, tuple(items)), end


def _numbers(contents: bytes, tag: Tag) -> tuple[Data, ...]:
    octets, form = INTEGERS[tag][0], _FORMATS[tag]
    count, over = divmod(len(contents), octets)
    if over:
        raise _error("the last element of a compact array is cut off", contents, len(contents) - over)
    return tuple([_new(Data, (tag, number)) for number in struct.unpack(f">{count}{form}", contents)])


def _shape(raw: bytes, at: int, depth: int, left: _Left) -> tuple[Shape, int]:
    number = raw[at]
    at += 1
    tag = _TAGS.get(number)
    left.types -= 1
    if tag is None or tag is Tag.COMPACT_ARRAY or left.types < 0:
        raise _error(f"{number:02X} does not describe an element of a compact array", raw, at)
    if number not in _CONTAINERS:
        return Shape(tag), at
    if depth >= MAX_DEPTH:
        raise _error(f"nested deeper than {MAX_DEPTH}", raw, at)
    if tag is Tag.ARRAY:
        size, at = _octets(raw, at, 2)
        part, at = _shape(raw, at, depth + 1, left)
        return Shape(tag, (part,), int.from_bytes(size, "big")), at
    count, at = _counted(raw, at, depth)
    parts: list[Shape] = []
    for _ in range(count):
        part, at = _shape(raw, at, depth + 1, left)
        parts.append(part)
    return Shape(tag, tuple(parts)), at


def _shaped(raw: bytes, at: int, shape: Shape, left: _Left) -> tuple[Data, int]:
    """One element of a compact array; those without bytes are counted: few bytes stay few values."""
    tag = shape.tag
    if tag in _CONTAINERS:
        left.containers -= 1
        parts = shape.parts
        if tag is Tag.ARRAY:
            if shape.size > left.bare + len(raw) - at:
                left.containers = -1
            else:
                parts = parts * shape.size
        if left.containers < 0:
            raise _error("a compact array describes more elements than it has bytes for", raw, at)
        items: list[Data] = []
        for part in parts:
            table = _ONE_BYTE[part.tag]
            if table is not None:
                items.append(table[raw[at]])
                at += 1
            else:
                item, at = _shaped(raw, at, part, left)
                items.append(item)
        return _new(Data, (tag, tuple(items))), at
    if tag in _LONGER:
        _, octets, signed = _LONGER[tag]
        number, end = _octets(raw, at, octets)
        return _new(Data, (tag, int.from_bytes(number, "big", signed=signed))), end
    if tag in _LEAVES:
        left.bare -= 1
        if left.bare < 0:
            raise _error("a compact array describes more elements than it has bytes for", raw, at)
        return _LEAVES[tag], at
    if raw[at] == 0 and tag in _EMPTY:
        return _EMPTY[tag], at + 1
    value, at = _OTHERS[tag][1](raw, at)
    return _new(Data, (tag, value)), at


def _error(why: str, raw: bytes, at: int) -> DecodeError:
    return DecodeError(f"{why} (at byte {at} of {len(raw)})", raw)
