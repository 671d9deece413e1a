"""What stands after the question mark of an address, taken field by field; what is left over is refused."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TypeVar
from urllib.parse import SplitResult, parse_qsl

from collector.errors import BadAddress

T = TypeVar("T")
_BITS = re.compile(r"[78][NEO][12]")
_SECRET = re.compile(r"(.*[-_]key|key|guek|gak|gbek|ek|ak|dk|kek)", re.IGNORECASE)
"""How people call a key; what stands behind it is never part of a sentence."""
_KEY_ITSELF = re.compile(r"([0-9a-fA-F]{2}[ :-]?){16,32}")
NEVER = (
    "a key never stands in an address, for others can list the command lines of this machine: put the keys "
    "into a file and name it with keys=FILE, or into AMI_METER_ENCRYPTION_KEY and "
    "AMI_METER_AUTHENTICATION_KEY"
)


class Fields:
    """The fields of one address; everything wrong is a `BadAddress` of one sentence."""

    def __init__(self, parts: SplitResult) -> None:
        self._left: dict[str, str] = {}
        # A plus is a plus here, for a password may hold one.
        for key, value in parse_qsl(parts.query.replace("+", "%2B"), keep_blank_values=True):
            if _SECRET.fullmatch(key) or (key == "keys" and _KEY_ITSELF.fullmatch(value)):
                raise BadAddress(NEVER)
            if key in self._left:
                raise BadAddress(f"{key}=… stands twice in this address: leave one out")
            self._left[key] = value

    def text(self, key: str, default: str = "") -> str:
        """A word."""
        return self._left.pop(key, default)

    def has(self, key: str) -> bool:
        """Whether the field is there."""
        return key in self._left

    def says(self, key: str, text: str) -> bool:
        """Whether the field is there and is this word; it stays."""
        return self._left.get(key, "").lower() == text

    def choice(self, key: str, words: Mapping[str, T], default: str) -> T:
        """One of several words."""
        word = self.text(key, default).lower()
        if word not in words:
            *most, last = words
            listed = f"{', '.join(most)} or {last}" if most else last
            raise BadAddress(f"{key}={word} is not known: use {listed}")
        return words[word]

    def number(self, key: str, default: int, lowest: int, highest: int) -> int:
        """A whole number within bounds."""
        text = self.text(key, str(default))
        if not (text.isascii() and text.isdigit()) or not lowest <= int(text[:12]) <= highest:
            raise BadAddress(f"{key}={text} must be a whole number from {lowest} to {highest}")
        return int(text)

    def optional(self, key: str, lowest: int, highest: int) -> int | None:
        """A whole number within bounds, or none."""
        return self.number(key, lowest, lowest, highest) if self.has(key) else None

    def octets(self, key: str, length: int, default: bytes) -> bytes:
        """So many bytes in hex."""
        text = self.text(key, default.hex())
        try:
            octets = bytes.fromhex(text)
        except ValueError:
            octets = b""
        if len(octets) != length:
            raise BadAddress(f"{key}={text} must be {2 * length} hexadecimal digits")
        return octets

    def seconds(self) -> float:
        """The time-out of an answer."""
        text = self.text("timeout", "10")
        try:
            seconds = float(text)
        except ValueError:
            seconds = 0.0
        if not 0 < seconds <= 600:
            raise BadAddress(f"timeout={text} must be a number of seconds above 0, up to 600")
        return seconds

    def bits(self, default: str) -> str:
        """Data bits, parity, stop bits of a serial line, like 8E1."""
        bits = self.text("bits", default).upper()
        if not _BITS.fullmatch(bits):
            raise BadAddress(f"bits={bits} is not known: write data bits, parity and stop bits, like 8N1")
        return bits

    def bps(self, default: int) -> int:
        """The speed of a serial line, as bps=… or baud=…"""
        key = "baud" if self.has("baud") else "bps"
        return self.number(key, default, 50, 4_000_000)

    def finish(self) -> None:
        """Nothing may be left."""
        for key in self._left:
            raise BadAddress(f"{key}=… means nothing in this address: leave it out")
