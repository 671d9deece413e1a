"""SET (IEC 62056-5-3): write attributes, one or several, in one message or in blocks."""

from dataclasses import dataclass
from typing import ClassVar, Final, Self

from protocols.dlms import axdr
from protocols.dlms.blocks import DataBlock, count_of, counted
from protocols.dlms.enums import DataAccessResult
from protocols.dlms.reference import (
    Access,
    Attribute,
    InvokeId,
    access_result,
    read_access,
    service_head,
    write_access,
)  # fmt: skip
from protocols.errors import LocalError
from protocols.reader import Reader

SET_REQUEST: Final = 0xC1
SET_RESPONSE: Final = 0xC5
Items = tuple[tuple[Attribute, Access | None], ...]


def write_values(values: tuple[axdr.Data, ...]) -> bytes:
    """A counted list of values; also what is cut into blocks when the list is long."""
    return counted([axdr.encode(value) for value in values], "values")


def read_values(reader: Reader) -> tuple[axdr.Data, ...]:
    """The counterpart of `write_values`."""
    return tuple([axdr.read(reader) for _ in range(count_of(reader, 1, "values"))])


def _write_items(items: Items) -> bytes:
    return counted([item.to_bytes() + write_access(access) for item, access in items], "attributes")


def _read_items(reader: Reader) -> Items:
    count = count_of(reader, 10, "attributes")
    return tuple([(Attribute.read(reader), read_access(reader)) for _ in range(count)])


@dataclass(frozen=True, slots=True)
class SetRequestNormal:
    """Write one attribute."""

    CHOICE: ClassVar[int] = 1
    invoke: InvokeId
    attribute: Attribute
    value: axdr.Data
    access: Access | None = None

    def to_bytes(self) -> bytes:
        """The message."""
        head = bytes((SET_REQUEST, self.CHOICE, self.invoke.to_byte())) + self.attribute.to_bytes()
        return head + write_access(self.access) + axdr.encode(self.value)

    @classmethod
    def from_bytes(cls, raw: bytes) -> Self:
        """Read it whole; raises `DecodeError`."""
        reader, invoke = service_head(raw, SET_REQUEST, cls.CHOICE, "set-request-normal")
        attribute = Attribute.read(reader)
        access = read_access(reader)
        request = cls(invoke, attribute, axdr.read(reader), access)
        reader.finish()
        return request


@dataclass(frozen=True, slots=True)
class SetRequestFirstBlock:
    """Write one attribute whose value comes in blocks; this is the first."""

    CHOICE: ClassVar[int] = 2
    invoke: InvokeId
    attribute: Attribute
    block: DataBlock
    access: Access | None = None

    def to_bytes(self) -> bytes:
        """The message."""
        head = bytes((SET_REQUEST, self.CHOICE, self.invoke.to_byte())) + self.attribute.to_bytes()
        return head + write_access(self.access) + self.block.to_bytes()

    @classmethod
    def from_bytes(cls, raw: bytes) -> Self:
        """Read it whole; raises `DecodeError`."""
        reader, invoke = service_head(raw, SET_REQUEST, cls.CHOICE, "set-request-with-first-datablock")
        attribute = Attribute.read(reader)
        access = read_access(reader)
        request = cls(invoke, attribute, DataBlock.read(reader), access)
        reader.finish()
        return request


@dataclass(frozen=True, slots=True)
class SetRequestBlock:
    """A further block of the value being written."""

    CHOICE: ClassVar[int] = 3
    invoke: InvokeId
    block: DataBlock

    def to_bytes(self) -> bytes:
        """The message."""
        return bytes((SET_REQUEST, self.CHOICE, self.invoke.to_byte())) + self.block.to_bytes()

    @classmethod
    def from_bytes(cls, raw: bytes) -> Self:
        """Read it whole; raises `DecodeError`."""
        reader, invoke = service_head(raw, SET_REQUEST, cls.CHOICE, "set-request-with-datablock")
        request = cls(invoke, DataBlock.read(reader))
        reader.finish()
        return request


@dataclass(frozen=True, slots=True)
class SetRequestWithList:
    """Write several attributes at once: as many values as attributes."""

    CHOICE: ClassVar[int] = 4
    invoke: InvokeId
    items: Items
    values: tuple[axdr.Data, ...]

    def to_bytes(self) -> bytes:
        """The message."""
        if len(self.items) != len(self.values):
            raise LocalError(f"{len(self.values)} values for {len(self.items)} attributes")
        head = bytes((SET_REQUEST, self.CHOICE, self.invoke.to_byte()))
        return head + _write_items(self.items) + write_values(self.values)

    @classmethod
    def from_bytes(cls, raw: bytes) -> Self:
        """Read it whole; raises `DecodeError`."""
        reader, invoke = service_head(raw, SET_REQUEST, cls.CHOICE, "set-request-with-list")
        request = cls(invoke, _read_items(reader), read_values(reader))
        if len(request.items) != len(request.values):
            raise reader.error(f"{len(request.values)} values for {len(request.items)} attributes")
        reader.finish()
        return request


@dataclass(frozen=True, slots=True)
class SetRequestListFirstBlock:
    """Write several attributes whose list of values comes in blocks; this is the first."""

    CHOICE: ClassVar[int] = 5
    invoke: InvokeId
    items: Items
    block: DataBlock

    def to_bytes(self) -> bytes:
        """The message."""
        head = bytes((SET_REQUEST, self.CHOICE, self.invoke.to_byte()))
        return head + _write_items(self.items) + self.block.to_bytes()

    @classmethod
    def from_bytes(cls, raw: bytes) -> Self:
        """Read it whole; raises `DecodeError`."""
        name = "set-request-with-list-and-first-datablock"
        reader, invoke = service_head(raw, SET_REQUEST, cls.CHOICE, name)
        request = cls(invoke, _read_items(reader), DataBlock.read(reader))
        reader.finish()
        return request


def _write_results(results: tuple[DataAccessResult, ...]) -> bytes:
    return counted([bytes((result,)) for result in results], "results")


def _read_results(reader: Reader) -> tuple[DataAccessResult, ...]:
    return tuple([access_result(reader) for _ in range(count_of(reader, 1, "results"))])


@dataclass(frozen=True, slots=True)
class SetResponseNormal:
    """Whether it was written."""

    CHOICE: ClassVar[int] = 1
    invoke: InvokeId
    result: DataAccessResult

    def to_bytes(self) -> bytes:
        """The message."""
        return bytes((SET_RESPONSE, self.CHOICE, self.invoke.to_byte(), self.result))

    @classmethod
    def from_bytes(cls, raw: bytes) -> Self:
        """Read it whole; raises `DecodeError`."""
        reader, invoke = service_head(raw, SET_RESPONSE, cls.CHOICE, "set-response-normal")
        response = cls(invoke, access_result(reader))
        reader.finish()
        return response


@dataclass(frozen=True, slots=True)
class SetResponseBlock:
    """Block `block` arrived; send the one after it."""

    CHOICE: ClassVar[int] = 2
    invoke: InvokeId
    block: int

    def to_bytes(self) -> bytes:
        """The message."""
        return bytes((SET_RESPONSE, self.CHOICE, self.invoke.to_byte())) + self.block.to_bytes(4, "big")

    @classmethod
    def from_bytes(cls, raw: bytes) -> Self:
        """Read it whole; raises `DecodeError`."""
        reader, invoke = service_head(raw, SET_RESPONSE, cls.CHOICE, "set-response-datablock")
        response = cls(invoke, reader.number(4))
        reader.finish()
        return response


@dataclass(frozen=True, slots=True)
class SetResponseLastBlock:
    """The last block arrived, and this became of the value."""

    CHOICE: ClassVar[int] = 3
    invoke: InvokeId
    result: DataAccessResult
    block: int

    def to_bytes(self) -> bytes:
        """The message."""
        head = bytes((SET_RESPONSE, self.CHOICE, self.invoke.to_byte(), self.result))
        return head + self.block.to_bytes(4, "big")

    @classmethod
    def from_bytes(cls, raw: bytes) -> Self:
        """Read it whole; raises `DecodeError`."""
        reader, invoke = service_head(raw, SET_RESPONSE, cls.CHOICE, "set-response-last-datablock")
        response = cls(invoke, access_result(reader), reader.number(4))
        reader.finish()
        return response


@dataclass(frozen=True, slots=True)
class SetResponseListLastBlock:
    """The last block of a list of values arrived, and this became of each."""

    CHOICE: ClassVar[int] = 4
    invoke: InvokeId
    results: tuple[DataAccessResult, ...]
    block: int

    def to_bytes(self) -> bytes:
        """The message."""
        head = bytes((SET_RESPONSE, self.CHOICE, self.invoke.to_byte()))
        return head + _write_results(self.results) + self.block.to_bytes(4, "big")

    @classmethod
    def from_bytes(cls, raw: bytes) -> Self:
        """Read it whole; raises `DecodeError`."""
        name = "set-response-last-datablock-with-list"
        reader, invoke = service_head(raw, SET_RESPONSE, cls.CHOICE, name)
        response = cls(invoke, _read_results(reader), reader.number(4))
        reader.finish()
        return response


@dataclass(frozen=True, slots=True)
class SetResponseWithList:
    """What became of each attribute, in the order asked."""

    CHOICE: ClassVar[int] = 5
    invoke: InvokeId
    results: tuple[DataAccessResult, ...]

    def to_bytes(self) -> bytes:
        """The message."""
        return bytes((SET_RESPONSE, self.CHOICE, self.invoke.to_byte())) + _write_results(self.results)

    @classmethod
    def from_bytes(cls, raw: bytes) -> Self:
        """Read it whole; raises `DecodeError`."""
        reader, invoke = service_head(raw, SET_RESPONSE, cls.CHOICE, "set-response-with-list")
        response = cls(invoke, _read_results(reader))
        reader.finish()
        return response
