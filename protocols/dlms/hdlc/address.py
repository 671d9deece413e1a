"""Addresses of HDLC (IEC 62056-46, 6.4.2): a client's is one byte, a meter's one, two or four.

The lowest bit of every byte says whether it is the last. A meter has an upper address, the logical device,
and behind a shared line a lower one, the physical device.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Self

from protocols.errors import DecodeError, LocalError

NO_STATION: Final = 0
CLIENT_MANAGEMENT: Final = 0x01
PUBLIC_CLIENT: Final = 0x10
ALL_STATIONS: Final = (0x7F, 0x3FFF)
"""To everybody, as one byte or two write it."""
CALLING_STATIONS: Final = (0x7E, 0x3FFE)
"""The lower address of a meter that calls of its own accord."""


@dataclass(frozen=True, slots=True)
class HdlcAddress:
    """`upper` alone in one byte, `upper` and `lower` in two or four; `octets` 0 takes the fewest.

    >>> HdlcAddress(1, 17).to_bytes().hex(), HdlcAddress(1, 17, octets=4).to_bytes().hex()
    ('0223', '00020023')
    """

    upper: int
    lower: int | None = None
    octets: int = 0

    def __post_init__(self) -> None:
        numbers = (self.upper,) if self.lower is None else (self.upper, self.lower)
        small = all(0 <= number <= 0x7F for number in numbers)
        if self.octets == 0:
            object.__setattr__(self, "octets", len(numbers) if small else 4)
        fits = {1: small and self.lower is None, 2: small and self.lower is not None}.get(
            self.octets,
            self.octets == 4 and self.lower is not None and all(0 <= n <= 0x3FFF for n in numbers),
        )
        if not fits:
            raise LocalError(
                f"an HDLC address is one number of 0 to 127, or two of 0 to 16383, not {self} "
                f"in {self.octets} bytes"
            )

    def to_bytes(self) -> bytes:
        """As it stands in a frame."""
        if self.lower is None:
            return bytes((self.upper << 1 | 1,))
        if self.octets == 2:
            return bytes((self.upper << 1, self.lower << 1 | 1))
        high, low = self.upper, self.lower
        return bytes((high >> 7 << 1, (high & 0x7F) << 1, low >> 7 << 1, (low & 0x7F) << 1 | 1))

    @classmethod
    def from_bytes(cls, raw: bytes) -> Self:
        """The address these bytes are, the whole of them; raises `DecodeError`."""
        if len(raw) not in (1, 2, 4) or [octet & 1 for octet in raw] != [0] * (len(raw) - 1) + [1]:
            raise DecodeError("these bytes are no HDLC address", raw)
        parts = [octet >> 1 for octet in raw]
        if len(parts) < 4:
            return cls(*parts)
        return cls(parts[0] << 7 | parts[1], parts[2] << 7 | parts[3], octets=4)

    def same_station(self, other: "HdlcAddress") -> bool:
        """Whether both name the same device, in however many bytes."""
        return (self.upper, self.lower) == (other.upper, other.lower)

    def __str__(self) -> str:
        return str(self.upper) if self.lower is None else f"{self.upper}/{self.lower}"


@lru_cache(maxsize=256)
def read_address(raw: bytes) -> HdlcAddress:
    """`HdlcAddress.from_bytes`, remembered: the same few stand in every frame of a line."""
    return HdlcAddress.from_bytes(raw)
