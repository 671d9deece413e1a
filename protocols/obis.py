"""OBIS codes (IEC 62056-6-1): six numbers that name what a meter measures."""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Self

from protocols.errors import DecodeError, LocalError

_DOTTED = re.compile(r"(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})(?:\.(\d{1,3}))?")
_VERBOSE = re.compile(r"(\d{1,3})-(\d{1,3}):(\d{1,3})\.(\d{1,3})\.(\d{1,3})(?:[*.](\d{1,3}))?")


@dataclass(frozen=True, slots=True, order=True)
class Obis:
    """One code, value groups A to F; F is 255 where nothing else was said.

    >>> str(Obis.parse("1-0:1.8.0"))
    '1.0.1.8.0.255'
    """

    a: int
    b: int
    c: int
    d: int
    e: int
    f: int = 255

    def __post_init__(self) -> None:
        try:
            bytes((self.a, self.b, self.c, self.d, self.e, self.f))
        except ValueError:
            raise LocalError(f"an OBIS code has six numbers of 0 to 255, not {self}") from None

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read "1.0.1.8.0", "1.0.1.8.0.255", "1-0:1.8.0" or "1-0:1.8.0*255"; else `LocalError`."""
        match = _DOTTED.fullmatch(text.strip()) or _VERBOSE.fullmatch(text.strip())
        if match is None:
            raise LocalError(f"{text!r} is not an OBIS code: write it like 1.0.1.8.0.255 or 1-0:1.8.0")
        return cls(*(255 if group is None else int(group) for group in match.groups()))

    @classmethod
    def from_bytes(cls, raw: bytes) -> Self:
        """The six bytes of a logical name."""
        if len(raw) != 6:
            raise DecodeError(f"a logical name has 6 bytes, not {len(raw)}", raw)
        return cls(*raw)

    def to_bytes(self) -> bytes:
        """The six bytes of the logical name."""
        return bytes((self.a, self.b, self.c, self.d, self.e, self.f))

    def __str__(self) -> str:
        return f"{self.a}.{self.b}.{self.c}.{self.d}.{self.e}.{self.f}"


@lru_cache(maxsize=1024)
def obis(text: str) -> Obis:
    """`Obis.parse`, remembered: for codes written in the program and in meter model files."""
    return Obis.parse(text)
