"""A-XDR `Data` (IEC 62056-5-3, IEC 61334-6): strict and bounded, both directions.

Every count and length is checked against the bytes that are left before anything is built, nesting stops at
`MAX_DEPTH`, and a value must end exactly where its bytes end.
"""

import struct
from collections.abc import Callable, Mapping
from enum import IntEnum
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from protocols.dlms.clock import CosemDate, CosemDateTime, CosemTime
from protocols.errors import DecodeError, LocalError
from protocols.reader import Reader, length_bytes

MAX_DEPTH: Final = 16


class Tag(IntEnum):
    """The choices of `Data`."""

    NULL = 0
    ARRAY = 1
    STRUCTURE = 2
    BOOLEAN = 3
    BIT_STRING = 4
    DOUBLE_LONG = 5
    DOUBLE_LONG_UNSIGNED = 6
    OCTET_STRING = 9
    VISIBLE_STRING = 10
    UTF8_STRING = 12
    BCD = 13
    INTEGER = 15
    LONG = 16
    UNSIGNED = 17
    LONG_UNSIGNED = 18
    COMPACT_ARRAY = 19
    LONG64 = 20
    LONG64_UNSIGNED = 21
    ENUM = 22
    FLOAT32 = 23
    FLOAT64 = 24
    DATE_TIME = 25
    DATE = 26
    TIME = 27
    DONT_CARE = 255


class Data(NamedTuple):
    """One value with its tag.

    `value` is None (null, dont-care), bool, int, float, bytes (octet-string), str (visible, utf8, and
    bit-string as "0"/"1" digits), CosemDate/CosemTime/CosemDateTime, a tuple of `Data` (array, structure) or
    a `CompactArray`.
    """

    tag: Tag
    value: Any

    def __repr__(self) -> str:
        return f"{self.tag.name.lower()}({self.value!r})"


class Shape(NamedTuple):
    """A type description of a compact array: an array has `size` of one part, a structure its `parts`."""

    tag: Tag
    parts: tuple["Shape", ...] = ()
    size: int = 0


class CompactArray(NamedTuple):
    """An array whose element type is written once; `items` are the elements as ordinary `Data`."""

    shape: Shape
    items: tuple[Data, ...]


INTEGERS: Final[Mapping[int, tuple[int, bool]]] = MappingProxyType(
    {
        Tag.DOUBLE_LONG: (4, True),
        Tag.DOUBLE_LONG_UNSIGNED: (4, False),
        Tag.BCD: (1, False),
        Tag.INTEGER: (1, True),
        Tag.LONG: (2, True),
        Tag.UNSIGNED: (1, False),
        Tag.LONG_UNSIGNED: (2, False),
        Tag.LONG64: (8, True),
        Tag.LONG64_UNSIGNED: (8, False),
        Tag.ENUM: (1, False),
    }
)
"""Octets and sign of every tag whose value is an integer."""

NULL: Final = Data(Tag.NULL, None)


def _bits(reader: Reader) -> str:
    count = reader.length()
    octets = reader.take((count + 7) // 8)
    return format(int.from_bytes(octets, "big"), f"0{len(octets) * 8}b")[:count] if count else ""


def _utf8(reader: Reader) -> str:
    raw = reader.take(reader.length())
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as wrong:
        raise reader.error("a utf8-string is not UTF-8") from wrong


def _integer(octets: int, signed: bool) -> Callable[[Reader], int]:
    return lambda reader: reader.number(octets, signed=signed)


def _boolean(reader: Reader) -> bool:
    return reader.u8() != 0


_SCALARS: Final[dict[int, Callable[[Reader], Any]]] = {
    Tag.NULL: lambda reader: None,
    Tag.DONT_CARE: lambda reader: None,
    Tag.BOOLEAN: _boolean,
    Tag.BIT_STRING: _bits,
    Tag.OCTET_STRING: lambda reader: reader.take(reader.length()),
    # Serial numbers with stray bytes exist; latin-1 keeps each of them and never fails.
    Tag.VISIBLE_STRING: lambda reader: reader.take(reader.length()).decode("latin-1"),
    Tag.UTF8_STRING: _utf8,
    Tag.FLOAT32: lambda reader: struct.unpack(">f", reader.take(4))[0],
    Tag.FLOAT64: lambda reader: struct.unpack(">d", reader.take(8))[0],
    Tag.DATE_TIME: lambda reader: CosemDateTime.from_bytes(reader.take(12)),
    Tag.DATE: lambda reader: CosemDate.from_bytes(reader.take(5)),
    Tag.TIME: lambda reader: CosemTime.from_bytes(reader.take(4)),
} | {tag: _integer(octets, signed) for tag, (octets, signed) in INTEGERS.items()}
_TAGS: Final = {int(tag): tag for tag in Tag}


def read(reader: Reader, depth: int = 0) -> Data:
    """The next value; leaves the reader behind it. Raises `DecodeError`."""
    number = reader.u8()
    tag = _TAGS.get(number)
    if tag is None:
        raise reader.error(f"{number:02X} is not a tag of Data")
    scalar = _SCALARS.get(number)
    if scalar is not None:
        return Data(tag, scalar(reader))
    if depth >= MAX_DEPTH:
        raise reader.error(f"nested deeper than {MAX_DEPTH}")
    if tag is Tag.COMPACT_ARRAY:
        return Data(tag, _compact_array(reader, depth))
    count = reader.length()
    if count > reader.left:
        raise reader.error(f"{count} elements announced in {reader.left} bytes")
    return Data(tag, tuple([read(reader, depth + 1) for _ in range(count)]))


def decode(raw: bytes) -> Data:
    """The one value that `raw` is; missing or trailing bytes raise `DecodeError`."""
    reader = Reader(raw)
    value = read(reader)
    reader.finish()
    return value


def encode(data: Data) -> bytes:
    """The bytes of a value; `LocalError` when it does not fit its tag."""
    out = bytearray()
    try:
        _write(out, data, 0)
    except (struct.error, OverflowError, TypeError, AttributeError, ValueError) as wrong:
        raise LocalError(f"{data!r} cannot be written as Data: {wrong}") from wrong
    return bytes(out)


def _write(out: bytearray, data: Data, depth: int) -> None:
    out.append(data.tag)
    if data.tag in (Tag.ARRAY, Tag.STRUCTURE):
        if depth >= MAX_DEPTH:
            raise LocalError(f"nested deeper than {MAX_DEPTH}")
        out += length_bytes(len(data.value))
        for item in data.value:
            _write(out, item, depth + 1)
    elif data.tag is Tag.COMPACT_ARRAY:
        _write_shape(out, data.value.shape)
        contents = bytearray()
        for item in data.value.items:
            _write_shaped(contents, data.value.shape, item)
        out += length_bytes(len(contents)) + contents
    else:
        _write_scalar(out, data.tag, data.value)


def _write_scalar(out: bytearray, tag: Tag, value: Any) -> None:
    if tag in INTEGERS:
        octets, signed = INTEGERS[tag]
        out += int(value).to_bytes(octets, "big", signed=signed)
    elif tag is Tag.OCTET_STRING:
        out += length_bytes(len(value)) + value
    elif tag in (Tag.VISIBLE_STRING, Tag.UTF8_STRING):
        text = value.encode("latin-1" if tag is Tag.VISIBLE_STRING else "utf-8")
        out += length_bytes(len(text)) + text
    elif tag is Tag.BOOLEAN:
        out.append(1 if value else 0)
    elif tag is Tag.BIT_STRING:
        octets = (len(value) + 7) // 8
        out += length_bytes(len(value)) + int(value.ljust(octets * 8, "0") or "0", 2).to_bytes(octets, "big")
    elif tag in (Tag.FLOAT32, Tag.FLOAT64):
        out += struct.pack(">f" if tag is Tag.FLOAT32 else ">d", value)
    elif tag in (Tag.DATE_TIME, Tag.DATE, Tag.TIME):
        out += value.to_bytes()
    elif value is not None:
        raise LocalError(f"{tag.name} carries no value")


def _compact_array(reader: Reader, depth: int) -> CompactArray:
    shape = _shape(reader, depth + 1)
    contents = Reader(reader.take(reader.length()))
    # Nulls and empty structures take no bytes: a budget keeps a short message from becoming a billion.
    budget = [2 * len(contents.raw) + 64]
    items: list[Data] = []
    while contents.left:
        before = contents.at
        items.append(_shaped(contents, shape, budget))
        if contents.at == before:
            raise reader.error("a compact array of elements without bytes")
    return CompactArray(shape, tuple(items))


def _shape(reader: Reader, depth: int) -> Shape:
    number = reader.u8()
    tag = _TAGS.get(number)
    if tag is None or tag is Tag.COMPACT_ARRAY:
        raise reader.error(f"{number:02X} does not describe an element of a compact array")
    if depth >= MAX_DEPTH and tag in (Tag.ARRAY, Tag.STRUCTURE):
        raise reader.error(f"nested deeper than {MAX_DEPTH}")
    if tag is Tag.ARRAY:
        count = reader.number(2)
        return Shape(tag, (_shape(reader, depth + 1),), count)
    if tag is Tag.STRUCTURE:
        count = reader.length()
        if count > reader.left:
            raise reader.error(f"{count} elements announced in {reader.left} bytes")
        return Shape(tag, tuple([_shape(reader, depth + 1) for _ in range(count)]))
    return Shape(tag)


def _shaped(reader: Reader, shape: Shape, budget: list[int]) -> Data:
    budget[0] -= 1
    if budget[0] < 0:
        raise reader.error("a compact array describes more elements than it has bytes for")
    if shape.tag is Tag.STRUCTURE:
        return Data(shape.tag, tuple([_shaped(reader, part, budget) for part in shape.parts]))
    if shape.tag is Tag.ARRAY:
        return Data(shape.tag, tuple([_shaped(reader, shape.parts[0], budget) for _ in range(shape.size)]))
    return Data(shape.tag, _SCALARS[shape.tag](reader))


def _write_shape(out: bytearray, shape: Shape) -> None:
    out.append(shape.tag)
    if shape.tag is Tag.ARRAY:
        out += shape.size.to_bytes(2, "big")
        _write_shape(out, shape.parts[0])
    elif shape.tag is Tag.STRUCTURE:
        out += length_bytes(len(shape.parts))
        for part in shape.parts:
            _write_shape(out, part)


def _write_shaped(out: bytearray, shape: Shape, data: Data) -> None:
    if data.tag is not shape.tag:
        raise LocalError(f"{data!r} is not of the described type {shape.tag.name}")
    if shape.tag in (Tag.ARRAY, Tag.STRUCTURE):
        parts = shape.parts * shape.size if shape.tag is Tag.ARRAY else shape.parts
        for part, item in zip(parts, data.value, strict=True):
            _write_shaped(out, part, item)
    else:
        _write_scalar(out, shape.tag, data.value)


def structure(*items: Data) -> Data:
    """A structure of these."""
    return Data(Tag.STRUCTURE, items)


def array(*items: Data) -> Data:
    """An array of these."""
    return Data(Tag.ARRAY, items)


def long_unsigned(value: int) -> Data:
    """A 16-bit number."""
    return Data(Tag.LONG_UNSIGNED, value)


def double_long_unsigned(value: int) -> Data:
    """A 32-bit number."""
    return Data(Tag.DOUBLE_LONG_UNSIGNED, value)


def integer(value: int) -> Data:
    """A signed byte."""
    return Data(Tag.INTEGER, value)


def octet_string(value: bytes) -> Data:
    """Bytes."""
    return Data(Tag.OCTET_STRING, value)


def integer_of(data: Data, what: str) -> int:
    """The integer in `data`; any other kind raises `DecodeError` naming `what`."""
    if data.tag not in INTEGERS:
        raise DecodeError(f"{what}: an integer was expected, found {data!r}")
    value: int = data.value
    return value
