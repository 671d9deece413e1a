"""One direction of a bad line: what is done to the bytes that pass it, and the chance it is drawn with."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, Final, Self

from simulators.errors import ControlError, SimulatorError

_BURST: Final = 4
_SHARES: Final = ("corrupt", "cut_chance")


@dataclass(frozen=True, slots=True)
class Trouble:
    """What one direction suffers; nothing by itself.

    A chunk is what one look at the socket finds: where questions and answers take turns, one message.
    delay_s, jitter_s: each chunk comes so much later, and up to so much more, never out of order.
    slice_bytes: the most that is sent in one piece (0: as it came). rate_bytes: bytes a second (0: no limit).
    corrupt: the share of chunks with one to four bytes changed. cut_chance: the share of chunks at which the
    connection is cut instead. cut_after: it is cut once so many bytes of it have passed (None: never).
    cut_on: it is cut before a chunk that holds these bytes (empty: never). blackhole: bytes are taken and
    never come out; the connection stays.
    """

    delay_s: float = 0.0
    jitter_s: float = 0.0
    slice_bytes: int = 0
    rate_bytes: int = 0
    corrupt: float = 0.0
    cut_chance: float = 0.0
    cut_after: int | None = None
    cut_on: bytes = b""
    blackhole: bool = False

    def __post_init__(self) -> None:
        for name in _SHARES:
            if not 0.0 <= getattr(self, name) <= 1.0:
                raise SimulatorError(f"{name} is a share from 0 to 1, not {getattr(self, name)}")
        for name in ("delay_s", "jitter_s", "slice_bytes", "rate_bytes"):
            if getattr(self, name) < 0:
                raise SimulatorError(f"{name} is not below 0, as {getattr(self, name)} is")

    def changed(self, document: Mapping[str, Any]) -> Self:
        """The same with some words changed, `cut_on` given as text; else raises `ControlError`."""
        known = {field.name: field.type for field in fields(self)}
        unknown = sorted(set(document) - set(known))
        if unknown:
            raise ControlError(f"a line knows no {', '.join(unknown)}: it knows {', '.join(known)}")
        said: dict[str, Any] = {
            word: value.encode() if isinstance(value, str) else value for word, value in document.items()
        }
        for word, value in said.items():
            wanted: tuple[type, ...] = (int, float)
            match word:
                case "cut_on":
                    wanted = (bytes,)
                case "blackhole":
                    wanted = (bool,)
                case "slice_bytes" | "rate_bytes":
                    wanted = (int,)
                case "cut_after":
                    wanted = (int, type(None))
            if not isinstance(value, wanted) or (isinstance(value, bool) and word != "blackhole"):
                raise ControlError(f"{word} cannot be {document[word]!r}")
        try:
            return replace(self, **said)
        except SimulatorError as wrong:
            raise ControlError(str(wrong)) from wrong


PLAIN: Final = Trouble()


class Cut(Exception):
    """The line breaks here."""


@dataclass(slots=True)
class Tally:
    """What has passed one direction since the proxy began."""

    bytes_in: int = 0
    bytes_out: int = 0
    corrupted: int = 0
    swallowed: int = 0
    cut: int = 0


class Direction:
    """The bytes of one connection in one direction; `trouble` may be changed while they pass."""

    def __init__(self, trouble: Trouble, chance: random.Random, tally: Tally) -> None:
        self.trouble = trouble
        self._chance = chance
        self._tally = tally
        self._passed = 0
        self._due = 0.0
        self._free = 0.0  # when the last bytes are through, where there is a rate

    def take(self, chunk: bytes, now: float) -> tuple[float, bytes]:
        """What comes out of a chunk and when (the loop's time), or nothing; `Cut` where the line breaks."""
        trouble, tally = self.trouble, self._tally
        tally.bytes_in += len(chunk)
        if trouble.blackhole:
            tally.swallowed += len(chunk)
            return now, b""
        if trouble.cut_on and trouble.cut_on in chunk:
            raise Cut
        if trouble.cut_chance and self._chance.random() < trouble.cut_chance:
            raise Cut
        if trouble.corrupt and self._chance.random() < trouble.corrupt:
            tally.corrupted += 1
            chunk = self._spoiled(chunk)
        late = trouble.delay_s + (self._chance.random() * trouble.jitter_s if trouble.jitter_s else 0.0)
        self._due = max(self._due, now + late)
        return self._due, chunk

    def left(self) -> int | None:
        """How many bytes pass before the line is cut; None: no end."""
        after = self.trouble.cut_after
        return None if after is None else max(0, after - self._passed)

    async def send(self, chunk: bytes, writer: asyncio.StreamWriter) -> None:
        """Write what came out, in pieces and no faster than the rate; `Cut` where the line breaks."""
        loop = asyncio.get_running_loop()
        left = self.left()
        ends = left is not None and len(chunk) >= left
        chunk = chunk[:left]
        while chunk:
            trouble = self.trouble
            size = trouble.slice_bytes or (max(1, trouble.rate_bytes // 20) if trouble.rate_bytes else 0)
            piece, chunk = (chunk[:size], chunk[size:]) if size else (chunk, b"")
            if trouble.rate_bytes:
                self._free = max(self._free, loop.time()) + len(piece) / trouble.rate_bytes
                await asyncio.sleep(self._free - loop.time())
            writer.write(piece)
            self._passed += len(piece)
            self._tally.bytes_out += len(piece)
            await writer.drain()
            if chunk and trouble.slice_bytes and not trouble.rate_bytes:
                await asyncio.sleep(0.001)  # else the kernel would put the pieces together again
        if ends:
            raise Cut

    def _spoiled(self, chunk: bytes) -> bytes:
        """One to four bytes in a row, each of them another than it was."""
        spoiled = bytearray(chunk)
        at = self._chance.randrange(len(spoiled))
        for place in range(at, min(len(spoiled), at + self._chance.randint(1, _BURST))):
            spoiled[place] ^= self._chance.randint(1, 255)
        return bytes(spoiled)
