"""What comes unasked or in place of an answer (IEC 62056-5-3): notifications and exception-response."""

from dataclasses import dataclass
from typing import ClassVar, Self, TypeAlias

from protocols.dlms import axdr
from protocols.dlms.clock import CosemDateTime
from protocols.dlms.enums import ServiceError, StateError
from protocols.dlms.reference import Attribute, LongInvokeId
from protocols.errors import DecodeError
from protocols.reader import Reader, length_bytes


@dataclass(frozen=True, slots=True)
class DataNotification:
    """A push: `stamp` None when the meter left it out, `data` the bytes of its body."""

    TAG: ClassVar[int] = 0x0F
    long_invoke: LongInvokeId
    stamp: CosemDateTime | None
    data: bytes

    def to_bytes(self) -> bytes:
        """The message, the stamp in its standard form: an octet-string without a tag."""
        stamp = b"" if self.stamp is None else self.stamp.to_bytes()
        head = bytes((self.TAG,)) + self.long_invoke.to_bytes()
        return head + length_bytes(len(stamp)) + stamp + self.data

    @classmethod
    def from_bytes(cls, raw: bytes) -> Self:
        """Read it whole; a stamp with the octet-string's tag before it, as some meters push, is read too."""
        reader = Reader(raw)
        reader.expect(cls.TAG, "data-notification")
        invoke = LongInvokeId.read(reader)
        length = reader.length()
        # Kaifa meters write 09 0C before the stamp; a stamp of nine bytes does not exist.
        if length == axdr.Tag.OCTET_STRING:
            length = reader.length()
        stamp = _stamp(reader, length) if length else None
        data = axdr.skip(reader)
        reader.finish()
        return cls(invoke, stamp, data)

    def value(self) -> axdr.Data:
        """The body decoded."""
        return axdr.decode(self.data)


@dataclass(frozen=True, slots=True)
class DataNotificationConfirm:
    """What whoever receives a confirmed push says once he has it."""

    TAG: ClassVar[int] = 0x10
    long_invoke: LongInvokeId

    def to_bytes(self) -> bytes:
        """The message."""
        return bytes((self.TAG,)) + self.long_invoke.to_bytes()

    @classmethod
    def from_bytes(cls, raw: bytes) -> Self:
        """Read it whole; raises `DecodeError`."""
        reader = Reader(raw)
        reader.expect(cls.TAG, "data-notification-confirm")
        invoke = LongInvokeId.read(reader)
        reader.finish()
        return cls(invoke)


@dataclass(frozen=True, slots=True)
class EventNotification:
    """One attribute told because something happened; `stamp` None when the meter left it out."""

    TAG: ClassVar[int] = 0xC2
    stamp: CosemDateTime | None
    attribute: Attribute
    data: bytes

    def to_bytes(self) -> bytes:
        """The message."""
        stamp = b"\x00" if self.stamp is None else b"\x01\x0c" + self.stamp.to_bytes()
        return bytes((self.TAG,)) + stamp + self.attribute.to_bytes() + self.data

    @classmethod
    def from_bytes(cls, raw: bytes) -> Self:
        """Read it whole; a stamp with the octet-string's tag before it, as some meters send, is read too."""
        reader = Reader(raw)
        reader.expect(cls.TAG, "event-notification-request")
        # Kaifa MX382 write 09 for the presence byte.
        if raw[1:2] == bytes((axdr.Tag.OCTET_STRING,)):
            reader.take(1)
            stamp: CosemDateTime | None = _stamp(reader, reader.length())
        else:
            stamp = _stamp(reader, reader.length()) if reader.flag("time") else None
        attribute = Attribute.read(reader)
        data = axdr.skip(reader)
        reader.finish()
        return cls(stamp, attribute, data)

    def value(self) -> axdr.Data:
        """The attribute's value decoded."""
        return axdr.decode(self.data)


Notification: TypeAlias = DataNotification | EventNotification


def _stamp(reader: Reader, length: int) -> CosemDateTime:
    if length != 12:
        raise reader.error(f"a date-time of {length} bytes")
    return CosemDateTime.from_bytes(reader.take(12))


@dataclass(frozen=True, slots=True)
class ExceptionResponse:
    """The meter cannot serve this request at all; `counter` comes with an invocation counter error."""

    TAG: ClassVar[int] = 0xD8
    state_error: StateError
    service_error: ServiceError
    counter: int | None = None

    def to_bytes(self) -> bytes:
        """The message."""
        tail = b"" if self.counter is None else self.counter.to_bytes(4, "big")
        return bytes((self.TAG, self.state_error, self.service_error)) + tail

    @classmethod
    def from_bytes(cls, raw: bytes) -> Self:
        """Read it whole; raises `DecodeError`."""
        reader = Reader(raw)
        reader.expect(cls.TAG, "exception-response")
        state, service = reader.u8(), reader.u8()
        try:
            errors = StateError(state), ServiceError(service)
        except ValueError as unknown:
            raise DecodeError(f"exception {state}, {service} is not in the standard", raw) from unknown
        counter = (
            reader.number(4) if errors[1] is ServiceError.INVOCATION_COUNTER_ERROR and reader.left else None
        )
        reader.finish()
        return cls(*errors, counter)
