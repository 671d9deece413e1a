"""A cursor over bytes that a peer sent: every step is checked before anything is taken."""

from protocols.errors import DecodeError


class Reader:
    """Reads numbers and strings off `raw`; raises `DecodeError` instead of running past the end.

    `bounds` is for what a decoder counts over everything read here: a list of values has the bounds of one.
    """

    __slots__ = ("at", "bounds", "raw")

    def __init__(self, raw: bytes, at: int = 0) -> None:
        self.raw = raw
        self.at = at
        self.bounds: object = None

    @property
    def left(self) -> int:
        """Bytes not read yet."""
        return len(self.raw) - self.at

    def take(self, count: int) -> bytes:
        """The next `count` bytes."""
        end = self.at + count
        if count < 0 or end > len(self.raw):
            raise self.error(f"{count} bytes announced, {self.left} there")
        piece = self.raw[self.at : end]
        self.at = end
        return piece

    def rest(self) -> bytes:
        """All that is left, possibly nothing."""
        piece = self.raw[self.at :]
        self.at = len(self.raw)
        return piece

    def number(self, octets: int, *, signed: bool = False) -> int:
        """The next `octets` bytes as an integer."""
        return int.from_bytes(self.take(octets), "big", signed=signed)

    def u8(self) -> int:
        """The next byte."""
        if self.at >= len(self.raw):
            raise self.error("a byte is missing")
        self.at += 1
        return self.raw[self.at - 1]

    def length(self) -> int:
        """A length or count as A-XDR and BER write it: a byte below 0x80, else 0x81..0x84 and its bytes."""
        first = self.u8()
        if first < 0x80:
            return first
        octets = first & 0x7F
        if not 1 <= octets <= 4:
            raise self.error(f"a length of {octets} bytes is not allowed")
        return self.number(octets)

    def expect(self, octet: int, what: str) -> None:
        """The next byte must be `octet`."""
        found = self.u8()
        if found != octet:
            raise self.error(f"{what}: expected byte {octet:02X}, found {found:02X}")

    def flag(self, what: str) -> bool:
        """A presence byte: 0 absent, anything but 0 and 1 refused."""
        found = self.u8()
        if found > 1:
            raise self.error(f"{what}: a presence byte is 0 or 1, found {found:02X}")
        return found == 1

    def finish(self) -> None:
        """Nothing may be left."""
        if self.at != len(self.raw):
            raise self.error(f"{self.left} bytes too many")

    def error(self, why: str) -> DecodeError:
        """The error to raise here, with the place in it and all the bytes beside it."""
        return DecodeError(f"{why} (at byte {self.at} of {len(self.raw)})", self.raw)


def length_bytes(count: int) -> bytes:
    """Encode a length or count the shortest way."""
    if count < 0x80:
        return bytes((count,))
    octets = (count.bit_length() + 7) // 8
    return bytes((0x80 | octets,)) + count.to_bytes(octets, "big")
