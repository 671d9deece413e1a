"""Security suites (IEC 62056-5-3, table "DLMS/COSEM security suites"): which algorithms belong together."""

from enum import IntEnum
from typing import Final

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from protocols.errors import LocalError

SYSTEM_TITLE_BYTES: Final = 8
TAG_BYTES: Final = 12
"""GCM tags are cut to 96 bits in every suite."""


class Suite(IntEnum):
    """The security suite id, as it stands in the security control byte."""

    GCM_128 = 0
    """AES-GCM-128 and AES-128 key wrap; no signatures."""
    ECDSA_P256 = 1
    """AES-GCM-128, ECDSA and ECDH on P-256 with SHA-256."""
    ECDSA_P384 = 2
    """AES-GCM-256, ECDSA and ECDH on P-384 with SHA-384."""

    @property
    def key_bytes(self) -> int:
        """Octets of every symmetric key of the suite."""
        return 32 if self is Suite.ECDSA_P384 else 16

    @property
    def curve(self) -> ec.EllipticCurve:
        """The curve; `LocalError` in suite 0, which has none."""
        if self is Suite.GCM_128:
            raise LocalError("security suite 0 has no signatures and no key agreement: use suite 1 or 2")
        return ec.SECP384R1() if self is Suite.ECDSA_P384 else ec.SECP256R1()

    @property
    def coordinate_bytes(self) -> int:
        """Octets of one coordinate, one scalar, or one half of a signature."""
        return (self.curve.key_size + 7) // 8

    @property
    def hash(self) -> hashes.HashAlgorithm:
        """The hash beside the curve."""
        return hashes.SHA384() if self is Suite.ECDSA_P384 else hashes.SHA256()
