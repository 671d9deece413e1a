"""SET and ACTION, normal (IEC 62056-5-3): write an attribute, invoke a method."""

from dataclasses import dataclass
from typing import ClassVar, Self

from protocols.dlms import axdr
from protocols.dlms.enums import ActionResult, DataAccessResult
from protocols.dlms.get import access_result, write_result
from protocols.dlms.reference import Access, Attribute, InvokeId, read_access, write_access
from protocols.reader import Reader

SET_REQUEST, SET_RESPONSE, ACTION_REQUEST, ACTION_RESPONSE = 0xC1, 0xC5, 0xC3, 0xC7


def _head(raw: bytes, tag: int, name: str) -> tuple[Reader, InvokeId]:
    reader = Reader(raw)
    reader.expect(tag, name)
    reader.expect(1, name)
    return reader, InvokeId.from_byte(reader.u8())


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
        head = bytes((SET_REQUEST, 1, self.invoke.to_byte())) + self.attribute.to_bytes()
        return head + write_access(self.access) + axdr.encode(self.value)

    @classmethod
    def from_bytes(cls, raw: bytes) -> Self:
        """Read it whole; raises `DecodeError`."""
        reader, invoke = _head(raw, SET_REQUEST, "set-request-normal")
        attribute = Attribute.read(reader)
        access = read_access(reader)
        request = cls(invoke, attribute, axdr.read(reader), access)
        reader.finish()
        return request


@dataclass(frozen=True, slots=True)
class SetResponseNormal:
    """Whether it was written."""

    CHOICE: ClassVar[int] = 1
    invoke: InvokeId
    result: DataAccessResult

    def to_bytes(self) -> bytes:
        """The message."""
        return bytes((SET_RESPONSE, 1, self.invoke.to_byte(), self.result))

    @classmethod
    def from_bytes(cls, raw: bytes) -> Self:
        """Read it whole; raises `DecodeError`."""
        reader, invoke = _head(raw, SET_RESPONSE, "set-response-normal")
        response = cls(invoke, access_result(reader))
        reader.finish()
        return response


@dataclass(frozen=True, slots=True)
class ActionRequestNormal:
    """Invoke one method; `parameters` None when it takes none."""

    CHOICE: ClassVar[int] = 1
    invoke: InvokeId
    method: Attribute
    parameters: axdr.Data | None = None

    def to_bytes(self) -> bytes:
        """The message."""
        head = bytes((ACTION_REQUEST, 1, self.invoke.to_byte())) + self.method.to_bytes()
        return head + (b"\x00" if self.parameters is None else b"\x01" + axdr.encode(self.parameters))

    @classmethod
    def from_bytes(cls, raw: bytes) -> Self:
        """Read it whole; raises `DecodeError`."""
        reader, invoke = _head(raw, ACTION_REQUEST, "action-request-normal")
        method = Attribute.read(reader)
        request = cls(invoke, method, axdr.read(reader) if reader.flag("parameters") else None)
        reader.finish()
        return request


@dataclass(frozen=True, slots=True)
class ActionResponseNormal:
    """How it ended, and the bytes of what it returned (or why it could not), if it returned anything."""

    CHOICE: ClassVar[int] = 1
    invoke: InvokeId
    result: ActionResult
    returned: bytes | DataAccessResult | None = None

    def to_bytes(self) -> bytes:
        """The message."""
        head = bytes((ACTION_RESPONSE, 1, self.invoke.to_byte(), self.result))
        return head + (b"\x00" if self.returned is None else b"\x01" + write_result(self.returned))

    @classmethod
    def from_bytes(cls, raw: bytes) -> Self:
        """Read it whole; raises `DecodeError`."""
        reader, invoke = _head(raw, ACTION_RESPONSE, "action-response-normal")
        number = reader.u8()
        try:
            result = ActionResult(number)
        except ValueError as unknown:
            raise reader.error(f"{number} is no action-result") from unknown
        returned: bytes | DataAccessResult | None = None
        if reader.flag("return-parameters"):
            if reader.flag("result"):
                returned = access_result(reader)
                reader.finish()
            else:
                returned = reader.rest()
                axdr.decode(returned)
        else:
            reader.finish()
        return cls(invoke, result, returned)
