"""The identification message /XXXZ\\W…IDENT (IEC 62056-21, clause 6.3.2 and items 12, 13, 22 to 24)."""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from protocols.errors import DecodeError, LocalError

BITS_PER_SECOND: Final = {
    "0": 300, "1": 600, "2": 1200, "3": 2400, "4": 4800, "5": 9600, "6": 19200,
    "A": 600, "B": 1200, "C": 2400, "D": 4800, "E": 9600, "F": 19200,
}  # fmt: skip
"""Item 13: digits in mode C (and E), letters in mode B; 7 to 9 and G to I are reserved."""
OPENING_BPS: Final = 300
MAX_LENGTH: Final = 96
_LINE: Final = re.compile(r"/([A-Za-z]{3})([ -~])((?:\\[ -~])*)([^\x00-\x1f\x7f-\xff/!]*)\r?\n")


class Mode(StrEnum):
    """The protocol mode an identification stands for (clause 6.4)."""

    A = "A"
    B = "B"
    C = "C"


@dataclass(frozen=True, slots=True)
class Identification:
    """Who answered: `maker` (3 letters), `baud` a character, `escapes` the W of each \\W, `name` the rest."""

    maker: str
    baud: str
    name: str
    escapes: tuple[str, ...] = ()

    @property
    def mode(self) -> Mode:
        """Mode C for a digit, B for A to I, A for everything else."""
        if self.baud.isdigit():
            return Mode.C
        return Mode.B if "A" <= self.baud <= "I" else Mode.A

    @property
    def bits_per_second(self) -> int | None:
        """The speed it proposes; None for a reserved character. Mode A stays at the speed of the opening."""
        return OPENING_BPS if self.mode is Mode.A else BITS_PER_SECOND.get(self.baud)

    @property
    def reaction_seconds(self) -> float:
        """The least time before the other side speaks: 20 ms where the third letter is small, else 200 ms."""
        return 0.02 if self.maker[2].islower() else 0.2

    @property
    def speaks_hdlc(self) -> bool:
        """Mode E, item 24: \\2 offers binary mode (DLMS over HDLC) too."""
        return "2" in self.escapes

    @classmethod
    def from_bytes(cls, raw: bytes) -> "Identification":
        """Read a whole line, end included; `DecodeError` for what is none."""
        match = _LINE.fullmatch(raw.decode("latin-1"))
        if match is None or len(raw) > MAX_LENGTH:
            raise DecodeError(f"{raw[:60]!r} is no identification like /XXX5NAME", raw)
        maker, baud, escapes, name = match.groups()
        return cls(maker, baud, name, tuple(escapes[1::2]))

    def to_bytes(self) -> bytes:
        """The line; a part that cannot stand in it is `LocalError`."""
        text = f"/{self.maker}{self.baud}{''.join(chr(92) + one for one in self.escapes)}{self.name}\r\n"
        if _LINE.fullmatch(text) is None or len(text) > MAX_LENGTH or not text.isascii():
            raise LocalError(f"{text!r} is no identification a meter can send")
        return text.encode("ascii")
