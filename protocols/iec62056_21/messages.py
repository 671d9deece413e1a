"""What the two sides say, one frozen class a message (IEC 62056-21, clauses 6.3.1 to 6.3.11)."""

import re
from dataclasses import dataclass
from typing import Final, TypeAlias

from protocols.errors import DecodeError, LocalError
from protocols.iec62056_21.characters import ACK, EOT, ETX, NAK, SOH, STX, block_check

_SIGN_ON: Final = re.compile(r"/([ -~])([0-9A-Za-z ]{0,32})!\r?\n")
_OPTION: Final = re.compile(r"\x06([0-9])([0-9A-F])([0-9])\r?\n")
_COMMAND: Final = re.compile(r"([PWREB])([0-9])(?:\x02([^\x00-\x1f]*))?")
_SOLE: Final = re.compile(r"\(([^()]*)\)")

READ_OUT, PROGRAM, BINARY = "0", "1", "2"
"""Mode control character Y (item 11)."""


@dataclass(frozen=True, slots=True)
class SignOn:
    """/?ADDRESS!: `letter` other than ? asks some meters for their second, third … list."""

    address: str = ""
    letter: str = "?"

    @classmethod
    def from_bytes(cls, raw: bytes) -> "SignOn":
        match = _SIGN_ON.fullmatch(raw.decode("latin-1"))
        if match is None:
            raise DecodeError(f"{raw[:60]!r} is no request like /?!", raw)
        return cls(match[2], match[1])

    def to_bytes(self) -> bytes:
        raw = f"/{self.letter}{self.address}!\r\n"
        if _SIGN_ON.fullmatch(raw) is None:
            raise LocalError(
                f"{self.address!r} is no device address: up to 32 letters, digits and spaces (item 22)"
            )
        return raw.encode("ascii")


@dataclass(frozen=True, slots=True)
class OptionSelect:
    """ACK V Z Y: protocol, speed and what is wanted of the meter."""

    baud: str
    wanted: str = READ_OUT
    protocol: str = "0"

    @classmethod
    def from_bytes(cls, raw: bytes) -> "OptionSelect":
        match = _OPTION.fullmatch(raw.decode("latin-1"))
        if match is None:
            raise DecodeError(f"{raw[:20]!r} is no option select like ACK 050", raw)
        return cls(match[2], match[3], match[1])

    def to_bytes(self) -> bytes:
        raw = f"\x06{self.protocol}{self.baud}{self.wanted}\r\n"
        if _OPTION.fullmatch(raw) is None:
            raise LocalError(f"{raw[1:-2]!r} is no protocol, speed and mode a meter can be asked for")
        return raw.encode("ascii")


@dataclass(frozen=True, slots=True)
class Command:
    """SOH C D STX data ETX BCC: `name` is C and D, like R5; `data` None where there is no STX at all.

    Never printed in full: the data of a P command is a password.
    """

    name: str
    data: str | None = None

    @classmethod
    def from_body(cls, body: bytes, raw: bytes) -> "Command":
        """From what stands between SOH and ETX."""
        match = _COMMAND.fullmatch(body.decode("latin-1"))
        if match is None:
            raise DecodeError(f"{body[:40]!r} is no command like R5", raw)
        return cls(match[1] + match[2], match[3])

    def to_bytes(self) -> bytes:
        body = self.name if self.data is None else f"{self.name}\x02{self.data}"
        if _COMMAND.fullmatch(body) is None or not body.isascii():
            raise LocalError(f"{self.name} with these data is no command a meter can be given")
        checked = body.encode("ascii") + bytes((ETX,))
        return bytes((SOH,)) + checked + bytes((block_check(checked),))

    def sole_value(self) -> str:
        """What the data hold where that is one pair of brackets, empty where there are no data."""
        match = _SOLE.fullmatch(self.data or "()")
        if match is None:
            raise DecodeError(f"{self.name} with more than one value in brackets", (self.data or "").encode())
        return match[1]

    def __repr__(self) -> str:
        return f"Command({self.name})"


@dataclass(frozen=True, slots=True)
class Data:
    """STX data ETX BCC, or EOT in place of ETX where another block follows."""

    body: bytes
    last: bool = True

    def to_bytes(self) -> bytes:
        if any(octet in self.body for octet in (SOH, STX, ETX, EOT)):
            raise LocalError("a data block cannot hold SOH, STX, ETX or EOT")
        checked = self.body + bytes((ETX if self.last else EOT,))
        return bytes((STX,)) + checked + bytes((block_check(checked),))


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """ACK."""

    def to_bytes(self) -> bytes:
        return bytes((ACK,))


@dataclass(frozen=True, slots=True)
class Again:
    """NAK: the last message is to be sent once more."""

    def to_bytes(self) -> bytes:
        return bytes((NAK,))


@dataclass(frozen=True, slots=True)
class Damaged:
    """A block whose check character, or the parity of one of its characters, is wrong."""

    raw: bytes


Message: TypeAlias = SignOn | OptionSelect | Command | Data | Acknowledged | Again | Damaged
BREAK: Final = Command("B0")
"""Complete sign-off (item 21)."""
