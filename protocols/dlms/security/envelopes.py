"""Ciphered messages: service-specific (21, C8, D0 …), general-glo (DB) and general-ded-ciphering (DC).

All hold the same protected part: security control, invocation counter, and what `cipher.Key.seal` made.
IEC 62056-5-3, 9.2.7.2 and 9.5 (the tags of ciphered services).
"""

from dataclasses import dataclass
from typing import ClassVar, Final, Self

from protocols.dlms.security.control import SecurityControl
from protocols.dlms.security.suites import SYSTEM_TITLE_BYTES
from protocols.errors import LocalError, SecurityError, SecurityFault
from protocols.reader import Reader, length_bytes

INITIATE: Final = frozenset((0x01, 0x08))
"""Initiate request and response: ciphered with the global key whatever was agreed for the rest."""
GLOBAL: Final[dict[int, int]] = {
    **{tag: tag + 0x20 for tag in (0x01, 0x05, 0x06, 0x08, 0x0C, 0x0D, 0x0E, 0x16, 0x18)},
    **{tag: tag + 0x08 for tag in (0xC0, 0xC1, 0xC2, 0xC3, 0xC4, 0xC5, 0xC7)},
}
"""Plain tag to the tag of its glo- form: initiate 21, 28; get C8, CC; set C9, CD; action CB, CF …"""
DEDICATED: Final[dict[int, int]] = {
    **{tag: tag + 0x40 for tag in (0x01, 0x05, 0x06, 0x08, 0x0C, 0x0D, 0x0E, 0x16, 0x18)},
    **{tag: tag + 0x10 for tag in (0xC0, 0xC1, 0xC2, 0xC3, 0xC4, 0xC5, 0xC7)},
}
"""Plain tag to the tag of its ded- form: get D0, D4; set D1, D5; action D3, D7 …"""
PLAIN: Final[dict[int, int]] = {
    ciphered: plain for table in (GLOBAL, DEDICATED) for plain, ciphered in table.items()
}
"""The tag of a service-specific ciphered message to the tag of what must be inside."""
_DEDICATED_TAGS: Final = frozenset(DEDICATED.values())


@dataclass(frozen=True, slots=True)
class Protected:
    """The protected part: control byte, counter, and the sealed rest as bytes."""

    control: SecurityControl
    counter: int
    sealed: bytes

    def to_bytes(self) -> bytes:
        """The contents of the octet-string."""
        return bytes((self.control.to_byte(),)) + self.counter.to_bytes(4, "big") + self.sealed

    @classmethod
    def from_bytes(cls, raw: bytes, whole: bytes) -> Self:
        """Read it; `whole` is the message it stands in, the evidence of a `SecurityError`."""
        if len(raw) < 5:
            reason = f"a protected part of {len(raw)} bytes: control and counter alone are five"
            raise SecurityError(reason, whole, SecurityFault.FORM)
        return cls(SecurityControl.from_byte(raw[0], whole), int.from_bytes(raw[1:5], "big"), raw[5:])


@dataclass(frozen=True, slots=True)
class ServiceCiphered:
    """A service that has a tag for its ciphered form; the sender's title is known from AARQ or AARE."""

    tag: int
    protected: Protected

    @property
    def dedicated(self) -> bool:
        """Ciphered with the dedicated key rather than the global one."""
        return self.tag in _DEDICATED_TAGS

    @property
    def plain_tag(self) -> int:
        """The tag of the message that must be inside."""
        return PLAIN[self.tag]

    def to_bytes(self) -> bytes:
        """The message."""
        return bytes((self.tag,)) + _octets(self.protected.to_bytes())

    @classmethod
    def from_bytes(cls, raw: bytes) -> Self:
        """Read it whole; raises `DecodeError`, or `SecurityError` for what is inside."""
        reader = Reader(raw)
        tag = reader.u8()
        if tag not in PLAIN:
            raise reader.error(f"{tag:02X} is no service-specific ciphered message")
        contents = reader.take(reader.length())
        reader.finish()
        return cls(tag, Protected.from_bytes(contents, raw))


@dataclass(frozen=True, slots=True)
class _GeneralCiphered:
    TAG: ClassVar[int]
    dedicated: ClassVar[bool]
    system_title: bytes
    protected: Protected

    def to_bytes(self) -> bytes:
        """The message; `LocalError` for a title that is neither absent nor 8 bytes."""
        if len(self.system_title) not in (0, SYSTEM_TITLE_BYTES):
            raise LocalError(f"a system title of {len(self.system_title)} bytes")
        return bytes((self.TAG,)) + _octets(self.system_title) + _octets(self.protected.to_bytes())

    @classmethod
    def from_bytes(cls, raw: bytes) -> Self:
        """Read it whole; raises `DecodeError`, or `SecurityError` for what is inside."""
        reader = Reader(raw)
        reader.expect(cls.TAG, "general ciphering")
        title = reader.take(reader.length())
        if len(title) not in (0, SYSTEM_TITLE_BYTES):
            raise SecurityError(f"a system title of {len(title)} bytes", raw, SecurityFault.FORM)
        contents = reader.take(reader.length())
        reader.finish()
        return cls(title, Protected.from_bytes(contents, raw))


@dataclass(frozen=True, slots=True)
class GeneralGlobal(_GeneralCiphered):
    """General-glo-ciphering: any service under the global key, with the sender's title (or an empty one)."""

    TAG: ClassVar[int] = 0xDB
    dedicated: ClassVar[bool] = False


@dataclass(frozen=True, slots=True)
class GeneralDedicated(_GeneralCiphered):
    """General-ded-ciphering: any service under the dedicated key of the association."""

    TAG: ClassVar[int] = 0xDC
    dedicated: ClassVar[bool] = True


def is_dedicated(raw: bytes) -> bool:
    """Whether the tag says that the message is ciphered with the dedicated key."""
    return raw[:1] == bytes((GeneralDedicated.TAG,)) or (len(raw) > 0 and raw[0] in _DEDICATED_TAGS)


def _octets(contents: bytes) -> bytes:
    return length_bytes(len(contents)) + contents
