"""The frame check sequence FCS-16 (ISO/IEC 13239; CRC-16/X-25), which guards header and frame alike.

The standard's polynomial runs from the lowest bit up, `binascii.crc_hqx` the other way: with the bits of
every byte mirrored before, and of the result after, the two are one, and the work is done in C.
"""

from binascii import crc_hqx
from typing import Final

_MIRROR: Final = bytes(int(f"{octet:08b}"[::-1], 2) for octet in range(256))
_MIRROR_INVERTED: Final = bytes(octet ^ 0xFF for octet in _MIRROR)
_START: Final = 0xFFFF
_GOOD: Final = 0x1D0F
"""What is left over after bytes followed by their own check sequence."""


def fcs(octets: bytes) -> bytes:
    """The two bytes to send after `octets`, the lower first.

    >>> fcs(b"123456789").hex()
    '6e90'
    """
    return crc_hqx(octets.translate(_MIRROR), _START).to_bytes(2, "big").translate(_MIRROR_INVERTED)


def intact(octets: bytes) -> bool:
    """Whether these bytes end with their check sequence."""
    return crc_hqx(octets.translate(_MIRROR), _START) == _GOOD
