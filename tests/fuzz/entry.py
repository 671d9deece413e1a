"""One place where bytes of a peer come in: how it is made ready, how it is fed, and what fits it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from protocols.errors import ProtocolError, RemoteError

Chunks = tuple[bytes, ...]
"""An input: what is fed, one after the other; a decoder takes it as one."""


class Broken(AssertionError):
    """A promise besides the one about errors that was not kept."""


@dataclass(frozen=True, slots=True)
class Entry:
    """`feed(prepare(), chunks)` throws an input at it; that is timed. `verify` looks at what came of it.

    refusals: the errors it may raise. evidence: whether an error must bear the bytes it was found in.
    stream: chunks are messages that may be lost, repeated and reordered; wire: they may be cut anew as well.
    """

    name: str
    feed: Callable[[Any, Chunks], object]
    seeds: tuple[Chunks, ...]
    prepare: Callable[[], Any] = lambda: None
    verify: Callable[[Any], object] = lambda found: None
    refusals: tuple[type[ProtocolError], ...] = (RemoteError,)
    evidence: bool = True
    stream: bool = False
    wire: bool = False
    bombs: str = "axdr"

    @property
    def words(self) -> list[bytes]:
        """The messages its seeds are made of."""
        return [chunk for chunks in self.seeds for chunk in chunks if chunk] or [b"\0"]


def decoder(name: str, decode: Callable[[bytes], object], seeds: Sequence[bytes], **more: Any) -> Entry:
    """An entry that takes one message."""

    def feed(_: None, chunks: Chunks) -> object:
        return decode(b"".join(chunks))

    return Entry(name, feed, tuple([(seed,) for seed in seeds]), **more)


def steady(read: Callable[[bytes], Any], write: Callable[[Any], bytes]) -> Callable[[Any], None]:
    """What was read must be writable, and read again from that as the same: compared by what is written."""

    def verify(found: Any) -> None:
        try:
            written = write(found)
            again = write(read(written))
        except ProtocolError as wrong:
            raise Broken(f"{found!r:.200} was read and does not come back: {wrong}") from wrong
        if again != written:
            raise Broken(f"{written.hex()[:80]} is read and written as {again.hex()[:80]}")

    return verify
