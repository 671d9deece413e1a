"""Characters of IEC 62056-21: control characters, block check, parity bit (clauses 5.1, 6.3, 6.4)."""

from enum import StrEnum
from typing import Final

import numpy as np

SOH: Final = 0x01
STX: Final = 0x02
ETX: Final = 0x03
EOT: Final = 0x04
ACK: Final = 0x06
NAK: Final = 0x15
END_OF_LINE: Final = b"\r\n"
END_OF_DATA: Final = b"!\r\n"

_EVEN: Final = bytes(octet | (octet.bit_count() & 1) << 7 for octet in range(128))
"""Each character with the bit that makes its ones even."""
_WITH_PARITY: Final = _EVEN + _EVEN
_STRIPPED: Final = bytes(range(128)) * 2
_DAMAGED_EIGHT: Final = bytes(128) + b"\x01" * 128
_DAMAGED_EVEN: Final = bytes(octet.bit_count() & 1 for octet in range(256))


class Parity(StrEnum):
    """Who makes the seven bits with even parity (7E1) that the standard speaks.

    NONE: the line does, or the meter speaks 8N1; a character above 7F is damaged. EVEN: a modem passes eight
    bits on as they are, the bit is put there and checked here. IGNORED: the same, not checked.
    """

    NONE = "none"
    EVEN = "even"
    IGNORED = "ignored"


def block_check(raw: bytes) -> int:
    """The block check character (ISO/IEC 1155) of what follows SOH or STX, up to ETX or EOT included."""
    return int(np.bitwise_xor.reduce(np.frombuffer(raw, np.uint8))) if raw else 0


def with_parity(raw: bytes, parity: Parity) -> bytes:
    """Characters as they go onto the line."""
    return raw if parity is Parity.NONE else raw.translate(_WITH_PARITY)


def without_parity(raw: bytes, parity: Parity) -> tuple[bytes, bytes]:
    """The characters that came, and a mask of the same length: a byte other than 0 where one is damaged."""
    if parity is Parity.IGNORED:
        return raw.translate(_STRIPPED), bytes(len(raw))
    if parity is Parity.NONE:
        return raw.translate(_STRIPPED), raw.translate(_DAMAGED_EIGHT)
    return raw.translate(_STRIPPED), raw.translate(_DAMAGED_EVEN)
