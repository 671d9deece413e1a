"""Long values travel in numbered pieces (IEC 62056-5-3, DataBlock-SA): a piece, and how a value is cut."""

from dataclasses import dataclass
from typing import Final, Self

from protocols.errors import LocalError
from protocols.reader import Reader, length_bytes

MAX_LIST: Final = 1024
"""Attributes, methods or results in one list: more than any meter takes, few enough to look at."""
BLOCK_OVERHEAD: Final = 13
"""The most that stands around a block's data: tag, choice, invoke-id, last, number, choice, length."""


@dataclass(frozen=True, slots=True)
class DataBlock:
    """A piece of a long value: `number` counts from 1."""

    last: bool
    number: int
    raw: bytes

    def to_bytes(self) -> bytes:
        """As it stands in a message."""
        head = bytes((self.last,)) + self.number.to_bytes(4, "big")
        return head + length_bytes(len(self.raw)) + self.raw

    @classmethod
    def read(cls, reader: Reader) -> Self:
        """The next block."""
        last = reader.u8() != 0
        return cls(last, reader.number(4), reader.take(reader.length()))


class Cutting:
    """A long value on its way out, a block at a time."""

    def __init__(self, whole: bytes) -> None:
        self._left = memoryview(whole)
        self.number = 0

    @property
    def done(self) -> bool:
        """The last block has been handed out."""
        return self.number > 0 and not self._left

    def next(self, largest: int, head: int = 0) -> DataBlock:
        """A block that makes a message of `largest` bytes at most; `head` is what the message has besides."""
        room = largest - BLOCK_OVERHEAD - head
        if room < 1:
            raise LocalError(f"messages of {largest} bytes are too short for a block behind {head} bytes")
        piece, self._left = bytes(self._left[:room]), self._left[room:]
        self.number += 1
        return DataBlock(not self._left, self.number, piece)


def count_of(reader: Reader, smallest: int, what: str) -> int:
    """The count of a list whose elements take `smallest` bytes each at least; 1 to `MAX_LIST`."""
    count = reader.length()
    if not 0 < count <= MAX_LIST or count * smallest > reader.left:
        raise reader.error(f"{count} {what} announced in {reader.left} bytes")
    return count


def counted(items: list[bytes], what: str) -> bytes:
    """A list with its count before it; `LocalError` when it is empty or too long."""
    if not 0 < len(items) <= MAX_LIST:
        raise LocalError(f"a list of {what} has 1 to {MAX_LIST} of them, not {len(items)}")
    return length_bytes(len(items)) + b"".join(items)
