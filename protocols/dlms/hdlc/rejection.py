"""Why a frame was rejected: the contents of FRMR (ISO/IEC 13239, 5.5.3.4.2)."""

from dataclasses import dataclass
from typing import Self


@dataclass(frozen=True, slots=True)
class Rejection:
    """The rejected control byte, both state variables of the rejecting side, and the reasons."""

    control: int
    send: int = 0
    receive: int = 0
    unknown: bool = False
    """W: the control byte means nothing here."""
    with_info: bool = False
    """X: it may not have contents."""
    too_long: bool = False
    """Y: its contents are longer than was agreed."""
    bad_number: bool = False
    """Z: its N(R) acknowledges what was never sent."""

    def to_bytes(self) -> bytes:
        """The three bytes."""
        reasons = (self.unknown, self.with_info, self.too_long, self.bad_number)
        flags = sum(1 << place for place, reason in enumerate(reasons) if reason)
        return bytes((self.control, self.send << 1 | self.receive << 5, flags))

    @classmethod
    def from_bytes(cls, raw: bytes) -> Self:
        """Read what is there; a rejection without reasons is one all the same."""
        octet, numbers, flags = (raw + bytes(3))[:3]
        reasons = [bool(flags >> place & 1) for place in range(4)]
        return cls(octet, numbers >> 1 & 7, numbers >> 5, *reasons)

    def __str__(self) -> str:
        reasons = {
            "its control byte is unknown": self.unknown,
            "it may not have contents": self.with_info,
            "its contents are too long": self.too_long,
            "it acknowledges what was never sent": self.bad_number,
        }
        said = " and ".join(reason for reason, given in reasons.items() if given) or "no reason was given"
        return f"control byte {self.control:02X}, {said}"
