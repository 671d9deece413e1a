"""What comes unasked or in place of an answer: data-notification and exception-response (IEC 62056-5-3)."""

from dataclasses import dataclass
from typing import ClassVar, Self

from protocols.dlms import axdr
from protocols.dlms.clock import CosemDateTime
from protocols.dlms.enums import ServiceError, StateError
from protocols.errors import DecodeError
from protocols.reader import Reader, length_bytes


@dataclass(frozen=True, slots=True)
class DataNotification:
    """A push: `stamp` None when the meter left it out, `data` the bytes of its body."""

    TAG: ClassVar[int] = 0x0F
    long_invoke_id: int
    stamp: CosemDateTime | None
    data: bytes

    def to_bytes(self) -> bytes:
        """The message, the stamp in its standard form: an octet-string without a tag."""
        stamp = b"" if self.stamp is None else self.stamp.to_bytes()
        head = bytes((self.TAG,)) + self.long_invoke_id.to_bytes(4, "big")
        return head + length_bytes(len(stamp)) + stamp + self.data

    @classmethod
    def from_bytes(cls, raw: bytes) -> Self:
        """Read it whole; a stamp with the octet-string's tag before it, as some meters push, is read too."""
        reader = Reader(raw)
        reader.expect(cls.TAG, "data-notification")
        invoke = reader.number(4)
        length = reader.length()
        # Kaifa meters write 09 0C before the stamp; a stamp of nine bytes does not exist.
        if length == axdr.Tag.OCTET_STRING:
            length = reader.length()
        if length not in (0, 12):
            raise reader.error(f"a date-time of {length} bytes")
        stamp = CosemDateTime.from_bytes(reader.take(12)) if length else None
        data = reader.rest()
        axdr.decode(data)
        return cls(invoke, stamp, data)

    def value(self) -> axdr.Data:
        """The body decoded."""
        return axdr.decode(self.data)


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
