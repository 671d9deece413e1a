"""General block transfer (IEC 62056-5-3, General-Block-Transfer): any message in numbered pieces, both ways.

Each side numbers the blocks it sends and says which of the other's it has in order. A side sends as many
blocks as the other's window allows, all but the last of them streaming, and then waits; what got lost is
sent again from the block after the one acknowledged. A block without data only acknowledges.
"""

from dataclasses import dataclass
from typing import ClassVar, Final, Self

from protocols.errors import LocalError, RemoteError
from protocols.reader import Reader, length_bytes

MAX_WINDOW: Final = 63
MAX_BLOCKS: Final = 0xFFFF
BLOCK_HEAD: Final = 9
"""The most that stands before the data of a block: tag, control, two numbers, a length of three bytes."""
MAX_REPEATS: Final = 5
"""Stretches or time-outs in succession that bring nothing new, before the transfer is given up."""


@dataclass(frozen=True, slots=True)
class GeneralBlock:
    """One block: its `number` counts from 1, `acknowledged` is the last of the other side's in order."""

    TAG: ClassVar[int] = 0xE0
    last: bool
    streaming: bool
    window: int
    number: int
    acknowledged: int
    piece: bytes

    def to_bytes(self) -> bytes:
        """The message."""
        if not 0 <= self.window <= MAX_WINDOW:
            raise LocalError(f"a window is 0 to {MAX_WINDOW} blocks, not {self.window}")
        control = self.window | (0x80 if self.last else 0) | (0x40 if self.streaming else 0)
        numbers = self.number.to_bytes(2, "big") + self.acknowledged.to_bytes(2, "big")
        return bytes((self.TAG, control)) + numbers + length_bytes(len(self.piece)) + self.piece

    @classmethod
    def from_bytes(cls, raw: bytes) -> Self:
        """Read it whole; raises `DecodeError`."""
        reader = Reader(raw)
        reader.expect(cls.TAG, "general-block-transfer")
        control, number, acknowledged = reader.u8(), reader.number(2), reader.number(2)
        piece = reader.take(reader.length())
        reader.finish()
        return cls(bool(control & 0x80), bool(control & 0x40), control & 0x3F, number, acknowledged, piece)


class GeneralBlocks:
    """One side of one exchange in blocks: a message out, a message in, what got lost sent again.

    `window` is how many blocks this side takes at once, `largest` the length of a message the other side
    takes, `limit` the bytes of a whole message this side puts together. The client has said all it has to
    say when it acknowledges (last block), the meter's answer is then still to come.
    """

    def __init__(self, window: int, largest: int, limit: int, *, by_client: bool) -> None:
        self._window, self._room, self._limit = window, (largest or 0xFFFF) - BLOCK_HEAD, limit
        if self._room < 1:
            raise LocalError(f"messages of {largest} bytes are too short for a block")
        self._by_client = by_client
        self._theirs = 1  # their window, until they say
        self._sent: list[tuple[bytes, bool]] = []  # of every block its data, and whether it is the last
        self._begun = 0  # blocks that have gone out at least once
        self._confirmed = 0
        self._best = 0  # the most they ever confirmed
        self._repeats = 0
        self._news = False  # anything came since the last stretch that we had not yet
        self._heard = 0  # their last block in order
        self._ahead: dict[int, bytes] = {}  # blocks that came before one that got lost
        self._first = b""
        self._whole = bytearray()

    def begins_anew(self, raw: bytes) -> bool:
        """These bytes are the first block of another exchange, not one of this that came twice."""
        block = GeneralBlock.from_bytes(raw)
        return block.number == 1 and bool(block.piece) and bool(self._first) and block.piece != self._first

    def send(self, message: bytes) -> list[bytes]:
        """Cut `message` into blocks; those that may go out now."""
        pieces = [message[at : at + self._room] for at in range(0, len(message), self._room)]
        if len(self._sent) + len(pieces) > MAX_BLOCKS:
            raise LocalError(f"a message of {len(message)} bytes is too long for blocks of {self._room}")
        self._confirmed = self._begun
        self._sent += [(piece, at == len(pieces) - 1) for at, piece in enumerate(pieces)]
        return self._stretch()

    def receive(self, raw: bytes) -> tuple[bytes | None, list[bytes]]:
        """The message that a block completes, or what is to be sent because of it; raises `RemoteError`."""
        block = GeneralBlock.from_bytes(raw)
        if block.acknowledged > self._begun:
            reason = f"blocks up to {block.acknowledged} are acknowledged, {self._begun} were sent"
            raise RemoteError(reason, raw)
        self._news |= block.acknowledged > self._best
        self._theirs = max(1, block.window)
        self._confirmed = block.acknowledged
        self._best = max(self._best, self._confirmed)
        whole = self._take(block, raw)
        if whole is not None:
            # An answer: all that was sent has arrived.
            self._confirmed = self._best = len(self._sent)
            return whole, []
        if block.streaming:
            return None, []
        self._count_repeat(raw)
        if self._confirmed < len(self._sent):
            return None, self._stretch()
        return None, [self._acknowledge()] if block.piece else []

    def on_silence(self) -> list[bytes]:
        """Nothing came: the last stretch again, or what this side has; raises `RemoteError` in the end."""
        self._count_repeat(b"")
        return self._stretch() if self._confirmed < len(self._sent) else [self._acknowledge()]

    def _take(self, block: GeneralBlock, raw: bytes) -> bytes | None:
        # Some do not count the blocks with which they only acknowledge: data may begin at 1 after those.
        if block.number != self._heard + 1 and not (block.number == 1 and block.piece and not self._first):
            # One got lost, or came twice: what is acknowledged tells the other side.
            self._keep(block)
            return None
        self._news = True
        self._heard = block.number
        self._first = self._first or block.piece
        self._whole += block.piece
        self._ahead.pop(self._heard, None)
        while self._heard + 1 in self._ahead:
            self._heard += 1
            self._whole += self._ahead.pop(self._heard)
        if len(self._whole) > self._limit:
            raise RemoteError(f"a message in blocks longer than {self._limit} bytes", raw)
        if not block.last or not self._whole:
            return None
        whole = bytes(self._whole)
        self._whole.clear()
        self._ahead.clear()
        return whole

    def _keep(self, block: GeneralBlock) -> None:
        """A block that need not be sent again when the one before it has come, as far as the window reaches.

        Never the last: with it the message is whole, and the rest of the stretch must not come behind that.
        """
        within = self._heard < block.number <= self._heard + max(1, self._window)
        if within and block.piece and not block.last and block.number not in self._ahead:
            self._ahead[block.number] = block.piece
            self._news = True

    def _stretch(self) -> list[bytes]:
        """As many blocks as the other side takes, from the first it has not confirmed."""
        end = min(len(self._sent), self._confirmed + self._theirs)
        self._begun = max(self._begun, end)
        return [self._block(at, streaming=at + 1 < end) for at in range(self._confirmed, end)]

    def _block(self, at: int, *, streaming: bool) -> bytes:
        piece, last = self._sent[at]
        return GeneralBlock(last, streaming, self._window, at + 1, self._heard, piece).to_bytes()

    def _acknowledge(self) -> bytes:
        """A block without data; it is counted like any other."""
        if len(self._sent) >= MAX_BLOCKS:
            raise RemoteError(f"a transfer of more than {MAX_BLOCKS} blocks")
        self._sent.append((b"", self._by_client))
        self._begun = len(self._sent)
        return self._block(len(self._sent) - 1, streaming=False)

    def _count_repeat(self, raw: bytes) -> None:
        self._repeats = 0 if self._news else self._repeats + 1
        self._news = False
        if self._repeats > MAX_REPEATS:
            raise RemoteError(f"blocks were sent {MAX_REPEATS} times again and nothing new arrived", raw)


def unconfirmed(message: bytes, largest: int) -> list[bytes]:
    """All the blocks of a message that nobody asked for and nobody will acknowledge."""
    room = largest - BLOCK_HEAD
    if room < 1 or len(message) > room * MAX_BLOCKS:
        raise LocalError(f"a message of {len(message)} bytes does not go in blocks of {room}")
    pieces = [message[at : at + room] for at in range(0, len(message), room)]
    ends = len(pieces)
    return [
        GeneralBlock(number == ends, number < ends, 0, number, 0, piece).to_bytes()
        for number, piece in enumerate(pieces, 1)
    ]
