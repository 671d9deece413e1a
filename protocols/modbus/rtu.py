"""Modbus RTU (Modbus over serial line 1.02, 2.5): the frame, its check, and the meter reader's half of it.

No byte of a frame says which question it answers. An answer that comes too late fits the next question, if
that asks as much of the same unit, and every answer after it is one behind. So nothing is ever sent on a line
with an answer outstanding: see `Framing`.
"""

from dataclasses import dataclass
from typing import Final, Self

from protocols.errors import LocalError, RemoteError
from protocols.modbus.codes import MAX_PDU, require
from protocols.modbus.pdu import Request, answer_octets

MAX_FRAME: Final = MAX_PDU + 3
CHARACTER_BITS: Final = 11
"""Start bit, eight data bits, parity (or a second stop bit), stop bit (2.5.1)."""
_SPLIT_BAUD: Final = 19200


def _table() -> tuple[int, ...]:
    found = []
    for octet in range(256):
        value = octet
        for _ in range(8):
            value = value >> 1 ^ (0xA001 if value & 1 else 0)
        found.append(value)
    return tuple(found)


_TABLE: Final = _table()


def crc16(raw: bytes) -> int:
    """The check of a frame (2.5.1.2 and appendix B); sent with its low byte first.

    >>> hex(crc16(bytes((2, 7))))
    '0x1241'
    """
    value = 0xFFFF
    for octet in raw:
        value = value >> 8 ^ _TABLE[(value ^ octet) & 0xFF]
    return value


def sealed(raw: bytes) -> bytes:
    """A frame with its check."""
    return raw + crc16(raw).to_bytes(2, "little")


def intact(frame: bytes) -> bool:
    """Whether the last two bytes are the check of those before."""
    return crc16(frame[:-2]) == int.from_bytes(frame[-2:], "little")


@dataclass(frozen=True, slots=True)
class Silence:
    """The pauses of a serial line in seconds (2.5.1.1), and the time that bytes take on it."""

    within_frame_s: float
    between_frames_s: float
    character_s: float

    @classmethod
    def at(cls, baud: int, bits: int = CHARACTER_BITS) -> Self:
        """1.5 and 3.5 characters; above 19,200 Bd fixed at 750 µs and 1.75 ms."""
        require(baud > 0, f"a line has no {baud} Bd")
        character = bits / baud
        if baud > _SPLIT_BAUD:
            return cls(0.00075, 0.00175, character)
        return cls(1.5 * character, 3.5 * character, character)


class RtuFraming:
    """The `Framing` of RTU, on a serial line or through a modem that passes its bytes on."""

    numbered = False

    def __init__(self, unit: int) -> None:
        require(1 <= unit <= 247, f"a unit on a serial line is 1 to 247, not {unit}")
        self._unit = unit
        self._asked: Request[object] | None = None
        self._held = bytearray()
        self._over = False
        self.stray = b""

    @property
    def unit(self) -> int:
        """The unit that is spoken to."""
        return self._unit

    def ask(self, request: Request[object]) -> bytes:
        """See `Framing`."""
        if self._asked is not None or self._over:
            raise LocalError(f"nothing may be asked here before {self._asked or 'the line'} is settled")
        self._asked = request
        return sealed(bytes((self._unit,)) + request.to_bytes())

    def feed(self, chunk: bytes) -> bytes | None:
        """See `Framing`."""
        self._held += chunk
        raw = bytes(self._held[: MAX_FRAME + 1])
        try:
            frame = self._complete(raw)
        except RemoteError as wrong:
            self._over = True
            raise RemoteError(wrong.reason, raw) from wrong
        if frame is None:
            return None
        self._asked = None
        self.stray = raw[len(frame) :]
        self._over = bool(self.stray)
        self._held.clear()
        return frame[1:-2]

    def _complete(self, raw: bytes) -> bytes | None:
        if self._asked is None or self._over:
            raise RemoteError("bytes came that nobody asked for", raw)
        if raw and raw[0] != self._unit:
            raise RemoteError(
                f"unit {raw[0]} answered where unit {self._unit} was asked: correct the unit", raw
            )
        if len(raw) < 2:
            return None
        due = 1 + answer_octets(self._asked, raw[1:]) + 2
        if len(raw) < due:
            return None
        if not intact(raw[:due]):
            raise RemoteError(f"the check of an answer about {self._asked} is wrong", raw)
        return raw[:due]
