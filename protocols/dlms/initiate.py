"""What the two sides agree on inside AARQ and AARE: xDLMS initiate messages and their error."""

from dataclasses import dataclass
from enum import IntEnum
from typing import ClassVar, Final, Self

from protocols.dlms.enums import Conformance, InitiateError
from protocols.errors import DecodeError, LocalError
from protocols.reader import Reader, length_bytes

DLMS_VERSION: Final = 6
VAA_NAME_LN: Final = 0x0007
_CONFORMANCE_HEAD: Final = bytes((0x5F, 0x1F, 0x04, 0x00))
_CONFORMANCE_HEAD_SHORT: Final = bytes((0x5F, 0x04, 0x00))


def _conformance(reader: Reader) -> Conformance:
    """The block with its APPLICATION 31 tag, in the right form (5F 1F) or the older short one (5F)."""
    if reader.raw[reader.at : reader.at + 4] == _CONFORMANCE_HEAD:
        reader.take(4)
    elif reader.raw[reader.at : reader.at + 3] == _CONFORMANCE_HEAD_SHORT:
        reader.take(3)
    else:
        raise reader.error("no conformance block where one belongs")
    return Conformance(reader.number(3))


@dataclass(frozen=True, slots=True)
class InitiateRequest:
    """The client's proposal; `max_pdu` is what the client can receive, 0 for no limit."""

    TAG: ClassVar[int] = 0x01
    conformance: Conformance
    max_pdu: int = 0xFFFF
    dedicated_key: bytes | None = None
    response_allowed: bool = True
    quality_of_service: int | None = None
    version: int = DLMS_VERSION

    def to_bytes(self) -> bytes:
        """The message with its tag."""
        out = bytearray((self.TAG,))
        if self.dedicated_key is None:
            out.append(0)
        else:
            out += b"\x01" + length_bytes(len(self.dedicated_key)) + self.dedicated_key
        out += b"\x00" if self.response_allowed else b"\x01\x00"
        out += b"\x00" if self.quality_of_service is None else bytes((1, self.quality_of_service & 0xFF))
        out.append(self.version)
        out += _CONFORMANCE_HEAD + int(self.conformance).to_bytes(3, "big") + self.max_pdu.to_bytes(2, "big")
        return bytes(out)

    @classmethod
    def from_bytes(cls, raw: bytes) -> Self:
        """Read it whole; raises `DecodeError`."""
        reader = Reader(raw)
        reader.expect(cls.TAG, "InitiateRequest")
        key = reader.take(reader.length()) if reader.flag("dedicated-key") else None
        # BOOLEAN DEFAULT TRUE: left out means allowed.
        allowed = reader.u8() != 0 if reader.flag("response-allowed") else True
        quality = reader.number(1, signed=True) if reader.flag("quality of service") else None
        version = reader.u8()
        conformance = _conformance(reader)
        request = cls(conformance, reader.number(2), key, allowed, quality, version)
        reader.finish()
        return request


@dataclass(frozen=True, slots=True)
class InitiateResponse:
    """What the server grants; `max_pdu` is what the server can receive, 0 for no limit."""

    TAG: ClassVar[int] = 0x08
    conformance: Conformance
    max_pdu: int
    quality_of_service: int | None = None
    version: int = DLMS_VERSION
    vaa_name: int = VAA_NAME_LN

    def to_bytes(self) -> bytes:
        """The message with its tag."""
        quality = b"\x00" if self.quality_of_service is None else bytes((1, self.quality_of_service & 0xFF))
        return (
            bytes((self.TAG,)) + quality + bytes((self.version,)) + _CONFORMANCE_HEAD
            + int(self.conformance).to_bytes(3, "big") + self.max_pdu.to_bytes(2, "big")
            + self.vaa_name.to_bytes(2, "big")
        )  # fmt: skip

    @classmethod
    def from_bytes(cls, raw: bytes) -> Self:
        """Read it whole; raises `DecodeError`."""
        reader = Reader(raw)
        reader.expect(cls.TAG, "InitiateResponse")
        quality = reader.number(1, signed=True) if reader.flag("quality of service") else None
        version = reader.u8()
        conformance = _conformance(reader)
        response = cls(conformance, reader.number(2), quality, version, reader.number(2))
        reader.finish()
        return response


@dataclass(frozen=True, slots=True)
class ConfirmedServiceError:
    """The old way to say no: `service` 1 initiate, 5 read, 6 write; `kind` the choice, `value` its code."""

    TAG: ClassVar[int] = 0x0E
    service: int
    kind: int
    value: int

    @property
    def error(self) -> IntEnum | int:
        """The named initiate error where it is one, else the bare number."""
        if self.kind == 6 and self.value in InitiateError.__members__.values():
            return InitiateError(self.value)
        return self.value

    def to_bytes(self) -> bytes:
        """The message with its tag."""
        try:
            return bytes((self.TAG, self.service, self.kind, self.value))
        except ValueError as wrong:
            raise LocalError(f"{self!r} does not fit its bytes") from wrong

    @classmethod
    def from_bytes(cls, raw: bytes) -> Self:
        """Read it whole; raises `DecodeError`."""
        if len(raw) != 4 or raw[0] != cls.TAG:
            raise DecodeError("a confirmed-service-error has four bytes", raw)
        return cls(raw[1], raw[2], raw[3])
