"""Opening and closing an association: AARQ, AARE, RLRQ, RLRE (IEC 62056-5-3, 9.4 and 11).

`user_information` is the xDLMS message inside as bytes: an `InitiateRequest` or `InitiateResponse`, possibly
ciphered; `initiate()` reads it when it is plain.
"""

from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache
from typing import ClassVar, Final, Self, TypeVar

from protocols.dlms import ber
from protocols.dlms.enums import (
    AssociationResult,
    Context,
    Mechanism,
    ProviderDiagnostic,
    ReleaseReason,
    UserDiagnostic,
)
from protocols.dlms.initiate import ConfirmedServiceError, InitiateRequest, InitiateResponse
from protocols.errors import DecodeError
from protocols.reader import Reader

_CONTEXT_NAME: Final = 0xA1
_CALLING_AP_TITLE: Final = 0xA6
_USER_INFORMATION: Final = 0xBE
_ACSE_REQUIREMENTS: Final = bytes((0x07, 0x80))
_CODES = TypeVar("_CODES", bound=IntEnum)


def _code(codes: type[_CODES], number: int, raw: bytes) -> _CODES:
    try:
        return codes(number)
    except ValueError as unknown:
        raise DecodeError(f"{number} is no {codes.__name__}", raw) from unknown


def _body(raw: bytes, tag: int, name: str) -> dict[int, bytes]:
    reader = Reader(raw)
    reader.expect(tag, name)
    contents = reader.take(reader.length())
    reader.finish()
    return dict(ber.elements(contents))


def _need(found: dict[int, bytes], tag: int, what: str, raw: bytes) -> bytes:
    contents = found.get(tag)
    if contents is None:
        raise DecodeError(f"{what} is missing", raw)
    return contents


def _refuse_unknown(found: dict[int, bytes], known: tuple[int, ...], raw: bytes) -> None:
    for tag in found:
        if tag not in known:
            raise DecodeError(f"element {tag:02X} has no place here", raw)


def _user_information(found: dict[int, bytes]) -> bytes | None:
    contents = found.get(_USER_INFORMATION)
    return None if contents is None else ber.only(contents, 0x04)


def _value(contents: bytes | None) -> bytes | None:
    """An authentication value: charstring, or bitstring, whose first byte counts unused bits."""
    if contents is None:
        return None
    return ber.only(contents, 0x81)[1:] if contents[:1] == b"\x81" else ber.only(contents, 0x80)


def _octets(contents: bytes | None) -> bytes | None:
    return None if contents is None else ber.only(contents, 0x04)


@lru_cache(maxsize=64)
def identifiers(context: Context, mechanism: Mechanism, system_title: bytes | None) -> bytes:
    """How an AARQ begins: most clients of a head-end introduce themselves alike."""
    out = ber.tlv(_CONTEXT_NAME, ber.tlv(0x06, ber.identifier(1, context)))
    if system_title is not None:
        out += ber.tlv(_CALLING_AP_TITLE, ber.tlv(0x04, system_title))
    if mechanism is not Mechanism.NONE:
        out += ber.tlv(0x8A, _ACSE_REQUIREMENTS) + ber.tlv(0x8B, ber.identifier(2, mechanism))
    return out


@dataclass(frozen=True, slots=True)
class Aarq:
    """A-associate request; `password` is the calling-authentication-value (LLS secret, HLS challenge)."""

    TAG: ClassVar[int] = 0x60
    user_information: bytes
    context: Context = Context.LN
    mechanism: Mechanism = Mechanism.NONE
    password: bytes | None = None
    system_title: bytes | None = None

    def to_bytes(self) -> bytes:
        """The message with its tag."""
        head = identifiers(self.context, self.mechanism, self.system_title)
        return aarq(head, self.password, information(self.user_information))

    @classmethod
    def from_bytes(cls, raw: bytes) -> Self:
        """Read it whole; raises `DecodeError`."""
        found = _body(raw, cls.TAG, "AARQ")
        _refuse_unknown(found, (0x80, 0xA1, *range(0xA2, 0xAA), 0x8A, 0x8B, 0xAC, 0xBD, 0xBE), raw)
        context = ber.only(_need(found, _CONTEXT_NAME, "the application context", raw), 0x06)
        information = _user_information(found)
        if information is None:
            raise DecodeError("an AARQ without user-information", raw)
        mechanism = Mechanism.NONE
        if 0x8B in found:
            mechanism = _code(Mechanism, ber.identified(found[0x8B], 2, raw), raw)
        return cls(
            information,
            _code(Context, ber.identified(context, 1, raw), raw),
            mechanism,
            _value(found.get(0xAC)),
            _octets(found.get(_CALLING_AP_TITLE)),
        )

    def initiate(self) -> InitiateRequest:
        """The plain proposal inside."""
        return InitiateRequest.from_bytes(self.user_information)


def information(user_information: bytes) -> bytes:
    """The element that an xDLMS message travels in."""
    return ber.tlv(_USER_INFORMATION, ber.tlv(0x04, user_information))


def aarq(head: bytes, password: bytes | None, proposal: bytes) -> bytes:
    """The AARQ that `identifiers` begin and the `information` of a proposal ends."""
    if password is not None:
        head += ber.tlv(0xAC, ber.tlv(0x80, password))
    return ber.tlv(Aarq.TAG, head + proposal)


@dataclass(frozen=True, slots=True)
class Aare:
    """A-associate response."""

    TAG: ClassVar[int] = 0x61
    result: AssociationResult
    diagnostic: UserDiagnostic | ProviderDiagnostic
    user_information: bytes | None
    context: Context = Context.LN
    mechanism: Mechanism = Mechanism.NONE
    challenge: bytes | None = None
    system_title: bytes | None = None

    def to_bytes(self) -> bytes:
        """The message with its tag."""
        source = 0xA1 if isinstance(self.diagnostic, UserDiagnostic) else 0xA2
        out = ber.tlv(_CONTEXT_NAME, ber.tlv(0x06, ber.identifier(1, self.context)))
        out += ber.tlv(0xA2, ber.tlv(0x02, bytes((self.result,))))
        out += ber.tlv(0xA3, ber.tlv(source, ber.tlv(0x02, bytes((self.diagnostic,)))))
        if self.system_title is not None:
            out += ber.tlv(0xA4, ber.tlv(0x04, self.system_title))
        if self.mechanism is not Mechanism.NONE:
            out += ber.tlv(0x88, _ACSE_REQUIREMENTS) + ber.tlv(0x89, ber.identifier(2, self.mechanism))
        if self.challenge is not None:
            out += ber.tlv(0xAA, ber.tlv(0x80, self.challenge))
        if self.user_information is not None:
            out += information(self.user_information)
        return ber.tlv(self.TAG, out)

    @classmethod
    def from_bytes(cls, raw: bytes) -> Self:
        """Read it whole; raises `DecodeError`."""
        found = _body(raw, cls.TAG, "AARE")
        _refuse_unknown(found, (0x80, *range(0xA1, 0xA8), 0x88, 0x89, 0xAA, 0xBD, 0xBE), raw)
        context = ber.only(_need(found, _CONTEXT_NAME, "the application context", raw), 0x06)
        result = ber.unsigned(_need(found, 0xA2, "the result", raw))
        diagnostic = _need(found, 0xA3, "the diagnostic", raw)
        by_user = diagnostic[:1] == b"\xa1"
        number = ber.unsigned(ber.only(diagnostic, 0xA1 if by_user else 0xA2))
        mechanism = Mechanism.NONE
        if 0x89 in found:
            mechanism = _code(Mechanism, ber.identified(found[0x89], 2, raw), raw)
        return cls(
            _code(AssociationResult, result, raw),
            _code(UserDiagnostic, number, raw) if by_user else _code(ProviderDiagnostic, number, raw),
            _user_information(found),
            _code(Context, ber.identified(context, 1, raw), raw),
            mechanism,
            _value(found.get(0xAA)),
            _octets(found.get(0xA4)),
        )

    def initiate(self) -> InitiateResponse | ConfirmedServiceError:
        """The plain grant inside, or the error that stands in its place."""
        information = self.user_information or b""
        if information[:1] == bytes((ConfirmedServiceError.TAG,)):
            return ConfirmedServiceError.from_bytes(information)
        return InitiateResponse.from_bytes(information)


@dataclass(frozen=True, slots=True)
class _Release:
    TAG: ClassVar[int]
    reason: ReleaseReason | None = ReleaseReason.NORMAL
    user_information: bytes | None = None

    def to_bytes(self) -> bytes:
        """The message with its tag."""
        out = b"" if self.reason is None else ber.tlv(0x80, bytes((self.reason,)))
        if self.user_information is not None:
            out += information(self.user_information)
        return ber.tlv(self.TAG, out)

    @classmethod
    def from_bytes(cls, raw: bytes) -> Self:
        """Read it whole; raises `DecodeError`."""
        found = _body(raw, cls.TAG, "a release")
        _refuse_unknown(found, (0x80, _USER_INFORMATION), raw)
        reason = found.get(0x80)
        if reason is not None and len(reason) != 1:
            raise DecodeError("the reason of a release is one byte", raw)
        code = None if reason is None else _code(ReleaseReason, reason[0], raw)
        return cls(code, _user_information(found))


@dataclass(frozen=True, slots=True)
class Rlrq(_Release):
    """A-release request."""

    TAG: ClassVar[int] = 0x62


@dataclass(frozen=True, slots=True)
class Rlre(_Release):
    """A-release response."""

    TAG: ClassVar[int] = 0x63
