"""GET (IEC 62056-5-3): requests and responses, normal, next/with-datablock, with-list.

Answers keep their `Data` as bytes: a profile goes to the fast decoder, everything else through `axdr.decode`.
"""

from dataclasses import dataclass, field
from typing import ClassVar, Self

from model.light import light
from protocols.dlms import axdr
from protocols.dlms.blocks import MAX_LIST, count_of, counted
from protocols.dlms.enums import DataAccessResult
from protocols.dlms.get_alike import Layouts
from protocols.dlms.reference import (
    Access,
    Attribute,
    InvokeId,
    access_result,
    read_access,
    service_head,
    write_access,
    write_result,
)  # fmt: skip
from protocols.errors import LocalError
from protocols.reader import Reader, length_bytes

GET_REQUEST, GET_RESPONSE = 0xC0, 0xC4
_STRINGS = (int(axdr.Tag.OCTET_STRING), int(axdr.Tag.VISIBLE_STRING))
_WIDTHS = tuple([1 + axdr.INTEGERS[tag][0] if tag in axdr.INTEGERS else 0 for tag in range(256)])
"""By tag, the bytes of a number with it, 0 for what is none: numbers and short strings are what is listed."""
LAYOUTS = Layouts()
_ARRAY = bytes((axdr.Tag.ARRAY,))


@dataclass(frozen=True, slots=True)
class GetRequestNormal:
    """One attribute, perhaps a selection of it."""

    CHOICE: ClassVar[int] = 1
    invoke: InvokeId
    attribute: Attribute
    access: Access | None = None

    def to_bytes(self) -> bytes:
        """The message."""
        head = bytes((GET_REQUEST, self.CHOICE, self.invoke.to_byte()))
        return head + self.attribute.to_bytes() + write_access(self.access)

    @classmethod
    def from_bytes(cls, raw: bytes) -> Self:
        """Read it whole; raises `DecodeError`."""
        reader, invoke = service_head(raw, GET_REQUEST, cls.CHOICE, "get-request-normal")
        request = cls(invoke, Attribute.read(reader), read_access(reader))
        reader.finish()
        return request


@dataclass(frozen=True, slots=True)
class GetRequestNext:
    """Block `block` arrived; send the one after it."""

    CHOICE: ClassVar[int] = 2
    invoke: InvokeId
    block: int

    def to_bytes(self) -> bytes:
        """The message."""
        return bytes((GET_REQUEST, self.CHOICE, self.invoke.to_byte())) + self.block.to_bytes(4, "big")

    @classmethod
    def from_bytes(cls, raw: bytes) -> Self:
        """Read it whole; raises `DecodeError`."""
        reader, invoke = service_head(raw, GET_REQUEST, cls.CHOICE, "get-request-next")
        request = cls(invoke, reader.number(4))
        reader.finish()
        return request


@light
class GetRequestWithList:
    """Several attributes at once."""

    CHOICE: ClassVar[int] = 3
    invoke: InvokeId
    items: tuple[tuple[Attribute, Access | None], ...]
    written: bytes | None = field(default=None, compare=False, repr=False)
    """The items in bytes, with their count, where they are known already."""

    def to_bytes(self) -> bytes:
        """The message."""
        head = bytes((GET_REQUEST, self.CHOICE, self.invoke.to_byte()))
        return head + (write_items(self.items) if self.written is None else self.written)

    @classmethod
    def from_bytes(cls, raw: bytes) -> Self:
        """Read it whole; raises `DecodeError`."""
        reader, invoke = service_head(raw, GET_REQUEST, cls.CHOICE, "get-request-with-list")
        count = count_of(reader, 10, "attributes")
        request = cls(invoke, tuple([(Attribute.read(reader), read_access(reader)) for _ in range(count)]))
        reader.finish()
        return request


@dataclass(frozen=True, slots=True, eq=False)
class Listing:
    """What is asked for in one request, put into bytes once for all the meters that are asked for it."""

    items: tuple[tuple[Attribute, Access | None], ...]
    written: bytes = field(init=False, repr=False)
    selects: bool = field(init=False, repr=False)
    """Whether any of it is a part of a profile."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "written", write_items(self.items))
        object.__setattr__(self, "selects", any(access is not None for _, access in self.items))


@dataclass(frozen=True, slots=True)
class GetResponseNormal:
    """One value: the bytes of its `Data`, or why there is none."""

    CHOICE: ClassVar[int] = 1
    invoke: InvokeId
    result: bytes | DataAccessResult

    def to_bytes(self) -> bytes:
        """The message."""
        head = bytes((GET_RESPONSE, self.CHOICE, self.invoke.to_byte()))
        return head + write_result(self.result)

    @classmethod
    def from_bytes(cls, raw: bytes) -> Self:
        """Read it; that the data is one whole value is checked where it is decoded."""
        reader, invoke = service_head(raw, GET_RESPONSE, cls.CHOICE, "get-response-normal")
        if reader.flag("result"):
            response = cls(invoke, access_result(reader))
            reader.finish()
            return response
        return cls(invoke, reader.rest())

    def value(self) -> axdr.Data:
        """The data decoded; `LocalError` when the answer was a refusal."""
        if isinstance(self.result, DataAccessResult):
            raise LocalError(f"there is no value: {self.result.name}")
        return axdr.decode(self.result)


@dataclass(frozen=True, slots=True)
class GetResponseWithBlock:
    """A piece of a long answer: `block` counts from 1."""

    CHOICE: ClassVar[int] = 2
    invoke: InvokeId
    last: bool
    block: int
    result: bytes | DataAccessResult

    def to_bytes(self) -> bytes:
        """The message."""
        head = bytes((GET_RESPONSE, self.CHOICE, self.invoke.to_byte(), self.last)) + self.block.to_bytes(
            4, "big"
        )
        if isinstance(self.result, DataAccessResult):
            return head + bytes((1, self.result))
        return head + b"\x00" + length_bytes(len(self.result)) + self.result

    @classmethod
    def from_bytes(cls, raw: bytes) -> Self:
        """Read it whole; raises `DecodeError`."""
        reader, invoke = service_head(raw, GET_RESPONSE, cls.CHOICE, "get-response-with-datablock")
        last = reader.u8() != 0
        block = reader.number(4)
        refused = reader.flag("result")
        result = access_result(reader) if refused else reader.take(reader.length())
        reader.finish()
        return cls(invoke, last, block, result)


@light
class GetResponseWithList:
    """Several values, in the order asked."""

    CHOICE: ClassVar[int] = 3
    invoke: InvokeId
    results: tuple[bytes | DataAccessResult, ...]

    def to_bytes(self) -> bytes:
        """The message."""
        return bytes((GET_RESPONSE, self.CHOICE, self.invoke.to_byte())) + write_results(self.results)

    @classmethod
    def from_bytes(cls, raw: bytes) -> Self:
        """Read it whole; raises `DecodeError`."""
        reader, invoke = service_head(raw, GET_RESPONSE, cls.CHOICE, "get-response-with-list")
        return cls(invoke, read_results(reader))


def write_items(items: tuple[tuple[Attribute, Access | None], ...]) -> bytes:
    """A counted list of attributes, each perhaps with a selection."""
    return counted([item.to_bytes() + write_access(access) for item, access in items], "attributes")


def write_results(results: tuple[bytes | DataAccessResult, ...]) -> bytes:
    """A counted list of results; also what is cut into blocks when the list is long."""
    return length_bytes(len(results)) + b"".join([write_result(result) for result in results])


def read_results(reader: Reader) -> tuple[bytes | DataAccessResult, ...]:
    """The counterpart of `write_results`, to the end of the bytes."""
    count = reader.length()
    if count > MAX_LIST or count * 2 > reader.left:
        raise reader.error(f"{count} results announced in {reader.left} bytes")
    known = LAYOUTS.find(reader, count - 1)
    values = None if known is None else known.values(reader.raw)
    if known is None or values is None:
        results = _before_last(reader, count - 1)
    else:
        reader.at = known.end
        axdr.skipped(reader, known.structures)
        results = [*values]
    if count:
        results.append(_last_result(reader))
    reader.finish()
    return tuple(results)


def _before_last(reader: Reader, count: int) -> list[bytes | DataAccessResult]:
    results: list[bytes | DataAccessResult] = []
    raw, at, size = reader.raw, reader.at, len(reader.raw)
    began = at
    for _ in range(count):
        if at + 2 < size and raw[at] == 0:  # there is a value: its tag follows, and a byte of it
            octets = _WIDTHS[raw[at + 1]]
            if raw[at + 1] in _STRINGS and raw[at + 2] < 0x80:
                octets = 2 + raw[at + 2]
            end = at + 1 + octets
            if octets and end <= size:
                results.append(raw[at + 1 : end])
                at = end
                continue
        reader.at = at
        results.append(access_result(reader) if reader.flag("result") else axdr.skip(reader))
        at = reader.at
    reader.at = at
    LAYOUTS.learn(raw, began, results)
    return results


def _last_result(reader: Reader) -> bytes | DataAccessResult:
    """The last of a list; that rows of a profile are one whole value is checked where they are decoded."""
    if reader.flag("result"):
        return access_result(reader)
    return reader.rest() if reader.raw[reader.at : reader.at + 1] == _ARRAY else axdr.skip(reader)
