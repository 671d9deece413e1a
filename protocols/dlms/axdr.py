"""A-XDR `Data` (IEC 62056-5-3, IEC 61334-6): strict and bounded, both directions.

`decode`, `read` and `skip` live in `axdr_reading`, `encode` in `axdr_writing`, the tree in `axdr_types`; here
they come together, with the short ways to build a value and to take one apart.
"""

from protocols.dlms.axdr_reading import decode, read, skip, skipped
from protocols.dlms.axdr_types import INTEGERS, MAX_DEPTH, NULL, CompactArray, Data, Shape, Tag
from protocols.dlms.axdr_writing import encode
from protocols.dlms.clock import CosemDateTime
from protocols.errors import DecodeError

__all__ = [
    "INTEGERS",
    "MAX_DEPTH",
    "NULL",
    "CompactArray",
    "Data",
    "Shape",
    "Tag",
    "array",
    "date_time",
    "date_time_of",
    "decode",
    "double_long_unsigned",
    "encode",
    "enum",
    "enum_of",
    "integer",
    "integer_of",
    "items_of",
    "long_unsigned",
    "octet_string",
    "octets_of",
    "read",
    "skip",
    "skipped",
    "structure",
    "unsigned",
]  # fmt: skip


def structure(*items: Data) -> Data:
    """A structure of these."""
    return Data(Tag.STRUCTURE, items)


def array(*items: Data) -> Data:
    """An array of these."""
    return Data(Tag.ARRAY, items)


def unsigned(value: int) -> Data:
    """An unsigned byte."""
    return Data(Tag.UNSIGNED, value)


def long_unsigned(value: int) -> Data:
    """A 16-bit number."""
    return Data(Tag.LONG_UNSIGNED, value)


def double_long_unsigned(value: int) -> Data:
    """A 32-bit number."""
    return Data(Tag.DOUBLE_LONG_UNSIGNED, value)


def integer(value: int) -> Data:
    """A signed byte."""
    return Data(Tag.INTEGER, value)


def enum(value: int) -> Data:
    """A number that stands for a name."""
    return Data(Tag.ENUM, value)


def date_time(value: CosemDateTime) -> Data:
    """A date-time the way attributes hold it: an octet-string of twelve bytes."""
    return Data(Tag.OCTET_STRING, value.to_bytes())


def octet_string(value: bytes) -> Data:
    """Bytes."""
    return Data(Tag.OCTET_STRING, value)


def integer_of(data: Data, what: str, fits: Tag | None = None) -> int:
    """The integer in `data`; any other kind, or one that does not fit that tag, raises `DecodeError`.

    Meters may write a small number under a larger tag; one that the attribute cannot hold is refused.
    """
    if data.tag not in INTEGERS:
        raise DecodeError(f"{what}: an integer was expected, found {data!r}")
    value: int = data.value
    if fits is not None:
        octets, signed = INTEGERS[fits]
        lowest = -(1 << 8 * octets - 1) if signed else 0
        if not lowest <= value < lowest + (1 << 8 * octets):
            raise DecodeError(f"{what}: {value} does not fit {fits.name.lower().replace('_', ' ')}")
    return value


def octets_of(data: Data, what: str) -> bytes:
    """The bytes of an octet-string; any other kind raises `DecodeError` naming `what`."""
    if data.tag is not Tag.OCTET_STRING:
        raise DecodeError(f"{what}: an octet-string was expected, found {data!r}")
    value: bytes = data.value
    return value


def enum_of(data: Data, what: str) -> int:
    """The number of an enum; any other kind raises `DecodeError` naming `what`."""
    if data.tag is not Tag.ENUM:
        raise DecodeError(f"{what}: an enum was expected, found {data!r}")
    value: int = data.value
    return value


def date_time_of(data: Data, what: str) -> CosemDateTime:
    """A date-time, as octet-string or under its own tag; other kinds raise `DecodeError` naming `what`."""
    if data.tag is Tag.DATE_TIME:
        stamp: CosemDateTime = data.value
        return stamp
    return CosemDateTime.from_bytes(octets_of(data, what))


def items_of(data: Data, tag: Tag, what: str, count: int | None = None) -> tuple[Data, ...]:
    """The elements of an array or structure, `count` of them; anything else raises `DecodeError`."""
    if data.tag is not tag or (count is not None and len(data.value) != count):
        many = "" if count is None else f" of {count}"
        raise DecodeError(f"{what}: a {tag.name.lower()}{many} was expected, found {data!r}")
    value: tuple[Data, ...] = data.value
    return value
