"""The characters of a line cut into messages: nothing is kept beyond one that is not whole yet."""

import re
from dataclasses import dataclass
from typing import Final, TypeAlias

from protocols.errors import DecodeError
from protocols.iec62056_21.characters import (
    ACK,
    EOT,
    ETX,
    STX,
    Parity,
    block_check,
    without_parity,
)  # fmt: skip
from protocols.iec62056_21.identification import MAX_LENGTH
from protocols.iec62056_21.messages import Acknowledged, Again, Command, Damaged, Data

MAX_BLOCK: Final = 128 * 1024
MAX_FILL: Final = 65_536
"""Characters that mean nothing between two messages: a line that says nothing else says nothing."""
MAX_AT_ONCE: Final = 256
"""Messages in one chunk: each side waits for the other, so that there are mostly one or two."""
_FILL: Final = b"\x00\r\n\x7f"
_BEGINS: Final = re.compile(rb"[/\x01]")
_LF: Final = ord("\n")
_OPTION_LENGTH: Final = 6


@dataclass(frozen=True, slots=True)
class Line:
    """A line that begins with /: a request, or an identification. Its end is part of it."""

    raw: bytes


@dataclass(frozen=True, slots=True)
class Option:
    """ACK and the characters that select, end of line included."""

    raw: bytes


Frame: TypeAlias = Line | Option | Command | Data | Acknowledged | Again | Damaged


class Framer:
    """One side's ear. With `options` an ACK begins an option select, as a meter expects after identifying."""

    def __init__(self, parity: Parity = Parity.NONE, max_block: int = MAX_BLOCK) -> None:
        self.options = False
        self._parity, self._max = parity, max_block
        self._kept = bytearray()
        self._bad = bytearray()  # for each character kept: whether it is damaged
        self._scanned = 0
        self._left = MAX_AT_ONCE
        self._filled = 0

    def feed(self, chunk: bytes) -> None:
        """Characters as they came off the line."""
        characters, bad = without_parity(chunk, self._parity)
        self._kept += characters
        self._bad += bad
        self._left = MAX_AT_ONCE

    def next(self) -> Frame | None:
        """The next whole message, None when more has to come; `DecodeError` for what begins none.

        What was found wrong is left out; who listens on finds the next message after it.
        """
        kept = self._kept
        if kept and kept[0] in _FILL:
            self._filled += len(self._take(len(kept) - len(kept.lstrip(_FILL))))
            if self._filled > MAX_FILL:
                self._filled = 0
                raise DecodeError(f"{MAX_FILL} characters came without a message", self._take(256) or _FILL)
        if not kept:
            return None
        self._filled = 0
        self._left -= 1
        if self._left < 0:
            lost = self._take(len(kept))
            raise DecodeError(f"more than {MAX_AT_ONCE} messages came at once", lost[:256])
        match kept[0]:
            case 0x2F:
                line = self._line(MAX_LENGTH)
                return None if line is None else Line(line)
            case 0x06 if self.options:
                line = self._line(_OPTION_LENGTH)
                return None if line is None else Option(line)
            case 0x06 | 0x15 if not self._bad[0]:
                return Acknowledged() if self._take(1)[0] == ACK else Again()
            case 0x01 | 0x02:
                return self._block()
        begins = _BEGINS.search(kept, 1)
        lost = self._take(len(kept) if begins is None else begins.start())
        raise DecodeError(f"no message begins with {lost[:16]!r}", lost[:256])

    def seek_line(self) -> None:
        """Forget what comes before the next line: a meter at rest listens for a request and nothing else."""
        begins = self._kept.find(b"/")
        self._take(len(self._kept) if begins < 0 else begins)

    def drop(self) -> None:
        """Forget what has not become a message."""
        self._take(len(self._kept))

    def _take(self, count: int) -> bytes:
        taken = bytes(self._kept[:count])
        del self._kept[:count], self._bad[:count]
        self._scanned = 0
        return taken

    def _line(self, limit: int) -> bytes | None:
        end = self._kept.find(_LF, 0, limit)
        if end < 0:
            if len(self._kept) >= limit:
                raise DecodeError("a line that does not end", self._take(limit))
            return None
        damaged = self._bad.find(1, 0, end + 1) >= 0
        line = self._take(end + 1)
        if damaged:
            raise DecodeError(_damaged(self._parity), line)
        return line

    def _block(self) -> Frame | None:
        ends = [at for mark in (ETX, EOT) if (at := self._kept.find(mark, self._scanned)) >= 0]
        end = min(ends, default=len(self._kept))
        if end > self._max:
            lost = self._take(end)
            raise DecodeError(f"a block of more than {self._max} bytes", lost[:256])
        if end + 1 >= len(self._kept):
            self._scanned = end
            return None
        intact = self._bad.find(1, 0, end + 2) < 0
        raw = self._take(end + 2)
        if not intact or block_check(raw[1:-1]) != raw[-1]:
            return Damaged(raw)
        if raw[0] == STX:
            return Data(raw[1:-2], raw[-2] == ETX)
        if raw[-2] == EOT:
            raise DecodeError("a command that announces another block", raw)
        return Command.from_body(raw[1:-2], raw)


def _damaged(parity: Parity) -> str:
    if parity is Parity.NONE:
        return "its characters have eight bits: the line passes parity bits on, say parity=even"
    return "the parity of its characters is wrong: check the speed and the parity of the line"
