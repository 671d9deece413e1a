"""The security control byte: which suite, which protection (IEC 62056-5-3, 9.2.7.2.4.1)."""

from dataclasses import dataclass
from typing import Self

from protocols.dlms.security.suites import Suite
from protocols.errors import SecurityError, SecurityFault

_AUTHENTICATED, _ENCRYPTED, _BROADCAST, _COMPRESSED = 0x10, 0x20, 0x40, 0x80


@dataclass(frozen=True, slots=True)
class SecurityControl:
    """Bits 0-3 the suite, 4 authenticated, 5 encrypted, 6 the broadcast key was used, 7 compressed first."""

    suite: Suite = Suite.GCM_128
    authenticated: bool = True
    encrypted: bool = True
    broadcast: bool = False
    compressed: bool = False

    def to_byte(self) -> int:
        """The octet on the wire."""
        return (
            self.suite
            | (_AUTHENTICATED if self.authenticated else 0)
            | (_ENCRYPTED if self.encrypted else 0)
            | (_BROADCAST if self.broadcast else 0)
            | (_COMPRESSED if self.compressed else 0)
        )

    @classmethod
    def from_byte(cls, octet: int, raw: bytes = b"") -> Self:
        """Read it; `SecurityError` (with `raw` as evidence) for a suite that does not exist."""
        try:
            suite = Suite(octet & 0x0F)
        except ValueError as unknown:
            reason = f"security suite {octet & 0x0F} does not exist"
            raise SecurityError(reason, raw or bytes((octet,)), SecurityFault.SUITE) from unknown
        return cls(
            suite,
            bool(octet & _AUTHENTICATED),
            bool(octet & _ENCRYPTED),
            bool(octet & _BROADCAST),
            bool(octet & _COMPRESSED),
        )
