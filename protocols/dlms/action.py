"""ACTION (IEC 62056-5-3): invoke methods, one or several, their parameters and answers whole or in blocks."""

from dataclasses import dataclass
from typing import ClassVar, Final, Self

from protocols.dlms import axdr
from protocols.dlms.blocks import DataBlock, count_of, counted
from protocols.dlms.change import read_values, write_values
from protocols.dlms.enums import ActionResult, DataAccessResult
from protocols.dlms.reference import Attribute, InvokeId, access_result, service_head, write_result
from protocols.errors import LocalError
from protocols.reader import Reader

ACTION_REQUEST: Final = 0xC3
ACTION_RESPONSE: Final = 0xC7


def _write_methods(methods: tuple[Attribute, ...]) -> bytes:
    return counted([method.to_bytes() for method in methods], "methods")


def _read_methods(reader: Reader) -> tuple[Attribute, ...]:
    return tuple([Attribute.read(reader) for _ in range(count_of(reader, 9, "methods"))])


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one method ended, and the bytes of what it returned (or why it could not), if anything."""

    result: ActionResult
    returned: bytes | DataAccessResult | None = None

    def to_bytes(self) -> bytes:
        """Action-response-with-optional-data."""
        tail = b"\x00" if self.returned is None else b"\x01" + write_result(self.returned)
        return bytes((self.result,)) + tail

    @classmethod
    def read(cls, reader: Reader) -> Self:
        """The next one."""
        number = reader.u8()
        try:
            result = ActionResult(number)
        except ValueError as unknown:
            raise reader.error(f"{number} is no action-result") from unknown
        if not reader.flag("return-parameters"):
            return cls(result)
        return cls(result, access_result(reader) if reader.flag("result") else axdr.skip(reader))


@dataclass(frozen=True, slots=True)
class ActionRequestNormal:
    """Invoke one method; `parameters` None when it takes none."""

    CHOICE: ClassVar[int] = 1
    invoke: InvokeId
    method: Attribute
    parameters: axdr.Data | None = None

    def to_bytes(self) -> bytes:
        """The message."""
        head = bytes((ACTION_REQUEST, self.CHOICE, self.invoke.to_byte())) + self.method.to_bytes()
        return head + (b"\x00" if self.parameters is None else b"\x01" + axdr.encode(self.parameters))

    @classmethod
    def from_bytes(cls, raw: bytes) -> Self:
        """Read it whole; raises `DecodeError`."""
        reader, invoke = service_head(raw, ACTION_REQUEST, cls.CHOICE, "action-request-normal")
        method = Attribute.read(reader)
        request = cls(invoke, method, axdr.read(reader) if reader.flag("parameters") else None)
        reader.finish()
        return request


@dataclass(frozen=True, slots=True)
class ActionRequestNextBlock:
    """Block `block` of the answer arrived; send the one after it."""

    CHOICE: ClassVar[int] = 2
    invoke: InvokeId
    block: int

    def to_bytes(self) -> bytes:
        """The message."""
        return bytes((ACTION_REQUEST, self.CHOICE, self.invoke.to_byte())) + self.block.to_bytes(4, "big")

    @classmethod
    def from_bytes(cls, raw: bytes) -> Self:
        """Read it whole; raises `DecodeError`."""
        reader, invoke = service_head(raw, ACTION_REQUEST, cls.CHOICE, "action-request-next-pblock")
        request = cls(invoke, reader.number(4))
        reader.finish()
        return request


@dataclass(frozen=True, slots=True)
class ActionRequestWithList:
    """Invoke several methods: parameters for each, null where one takes none."""

    CHOICE: ClassVar[int] = 3
    invoke: InvokeId
    methods: tuple[Attribute, ...]
    parameters: tuple[axdr.Data, ...]

    def to_bytes(self) -> bytes:
        """The message."""
        if len(self.methods) != len(self.parameters):
            raise LocalError(f"{len(self.parameters)} parameters for {len(self.methods)} methods")
        head = bytes((ACTION_REQUEST, self.CHOICE, self.invoke.to_byte()))
        return head + _write_methods(self.methods) + write_values(self.parameters)

    @classmethod
    def from_bytes(cls, raw: bytes) -> Self:
        """Read it whole; raises `DecodeError`."""
        reader, invoke = service_head(raw, ACTION_REQUEST, cls.CHOICE, "action-request-with-list")
        request = cls(invoke, _read_methods(reader), read_values(reader))
        if len(request.methods) != len(request.parameters):
            raise reader.error(f"{len(request.parameters)} parameters for {len(request.methods)} methods")
        reader.finish()
        return request


@dataclass(frozen=True, slots=True)
class ActionRequestFirstBlock:
    """Invoke one method whose parameters come in blocks; this is the first."""

    CHOICE: ClassVar[int] = 4
    invoke: InvokeId
    method: Attribute
    block: DataBlock

    def to_bytes(self) -> bytes:
        """The message."""
        head = bytes((ACTION_REQUEST, self.CHOICE, self.invoke.to_byte()))
        return head + self.method.to_bytes() + self.block.to_bytes()

    @classmethod
    def from_bytes(cls, raw: bytes) -> Self:
        """Read it whole; raises `DecodeError`."""
        reader, invoke = service_head(raw, ACTION_REQUEST, cls.CHOICE, "action-request-with-first-pblock")
        request = cls(invoke, Attribute.read(reader), DataBlock.read(reader))
        reader.finish()
        return request


@dataclass(frozen=True, slots=True)
class ActionRequestListFirstBlock:
    """Invoke several methods whose list of parameters comes in blocks; this is the first."""

    CHOICE: ClassVar[int] = 5
    invoke: InvokeId
    methods: tuple[Attribute, ...]
    block: DataBlock

    def to_bytes(self) -> bytes:
        """The message."""
        head = bytes((ACTION_REQUEST, self.CHOICE, self.invoke.to_byte()))
        return head + _write_methods(self.methods) + self.block.to_bytes()

    @classmethod
    def from_bytes(cls, raw: bytes) -> Self:
        """Read it whole; raises `DecodeError`."""
        name = "action-request-with-list-and-first-pblock"
        reader, invoke = service_head(raw, ACTION_REQUEST, cls.CHOICE, name)
        request = cls(invoke, _read_methods(reader), DataBlock.read(reader))
        reader.finish()
        return request


@dataclass(frozen=True, slots=True)
class ActionRequestBlock:
    """A further block of the parameters."""

    CHOICE: ClassVar[int] = 6
    invoke: InvokeId
    block: DataBlock

    def to_bytes(self) -> bytes:
        """The message."""
        return bytes((ACTION_REQUEST, self.CHOICE, self.invoke.to_byte())) + self.block.to_bytes()

    @classmethod
    def from_bytes(cls, raw: bytes) -> Self:
        """Read it whole; raises `DecodeError`."""
        reader, invoke = service_head(raw, ACTION_REQUEST, cls.CHOICE, "action-request-with-pblock")
        request = cls(invoke, DataBlock.read(reader))
        reader.finish()
        return request


@dataclass(frozen=True, slots=True)
class ActionResponseNormal:
    """How the method ended."""

    CHOICE: ClassVar[int] = 1
    invoke: InvokeId
    outcome: Outcome

    def to_bytes(self) -> bytes:
        """The message."""
        return bytes((ACTION_RESPONSE, self.CHOICE, self.invoke.to_byte())) + self.outcome.to_bytes()

    @classmethod
    def from_bytes(cls, raw: bytes) -> Self:
        """Read it whole; raises `DecodeError`."""
        reader, invoke = service_head(raw, ACTION_RESPONSE, cls.CHOICE, "action-response-normal")
        response = cls(invoke, Outcome.read(reader))
        reader.finish()
        return response


@dataclass(frozen=True, slots=True)
class ActionResponseBlock:
    """A piece of a long answer: of an outcome, or of the list of them."""

    CHOICE: ClassVar[int] = 2
    invoke: InvokeId
    block: DataBlock

    def to_bytes(self) -> bytes:
        """The message."""
        return bytes((ACTION_RESPONSE, self.CHOICE, self.invoke.to_byte())) + self.block.to_bytes()

    @classmethod
    def from_bytes(cls, raw: bytes) -> Self:
        """Read it whole; raises `DecodeError`."""
        reader, invoke = service_head(raw, ACTION_RESPONSE, cls.CHOICE, "action-response-with-pblock")
        response = cls(invoke, DataBlock.read(reader))
        reader.finish()
        return response


@dataclass(frozen=True, slots=True)
class ActionResponseWithList:
    """How each method ended, in the order asked."""

    CHOICE: ClassVar[int] = 3
    invoke: InvokeId
    outcomes: tuple[Outcome, ...]

    def to_bytes(self) -> bytes:
        """The message."""
        return bytes((ACTION_RESPONSE, self.CHOICE, self.invoke.to_byte())) + write_outcomes(self.outcomes)

    @classmethod
    def from_bytes(cls, raw: bytes) -> Self:
        """Read it whole; raises `DecodeError`."""
        reader, invoke = service_head(raw, ACTION_RESPONSE, cls.CHOICE, "action-response-with-list")
        return cls(invoke, read_outcomes(reader))


@dataclass(frozen=True, slots=True)
class ActionResponseNextBlock:
    """Block `block` of the parameters arrived; send the one after it."""

    CHOICE: ClassVar[int] = 4
    invoke: InvokeId
    block: int

    def to_bytes(self) -> bytes:
        """The message."""
        return bytes((ACTION_RESPONSE, self.CHOICE, self.invoke.to_byte())) + self.block.to_bytes(4, "big")

    @classmethod
    def from_bytes(cls, raw: bytes) -> Self:
        """Read it whole; raises `DecodeError`."""
        reader, invoke = service_head(raw, ACTION_RESPONSE, cls.CHOICE, "action-response-next-pblock")
        response = cls(invoke, reader.number(4))
        reader.finish()
        return response


def write_outcomes(outcomes: tuple[Outcome, ...]) -> bytes:
    """A counted list of outcomes; also what is cut into blocks when the list is long."""
    return counted([outcome.to_bytes() for outcome in outcomes], "outcomes")


def read_outcomes(reader: Reader) -> tuple[Outcome, ...]:
    """The counterpart of `write_outcomes`, to the end of the bytes."""
    outcomes = tuple([Outcome.read(reader) for _ in range(count_of(reader, 2, "outcomes"))])
    reader.finish()
    return outcomes


def read_long_outcome(whole: bytes) -> Outcome:
    """An outcome put together from blocks.

    Some meters send the returned value alone. The two cannot be mistaken for each other: what is long
    enough for blocks succeeded and so begins with 00, which as a value would be null and end there.
    """
    reader = Reader(whole)
    outcome = Outcome.read(reader) if whole[:1] == b"\x00" else Outcome(ActionResult(0), axdr.skip(reader))
    reader.finish()
    return outcome
