"""Modems that carry meters' bytes: some wait to be called, some call, say their name, keep the line alive."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from protocols.errors import RemoteError
from protocols.modem.dialects import Dialect
from protocols.modem.stream import frame_size
from simulators.air import Air
from simulators.answering import Answerer
from simulators.lines import Line


@dataclass(frozen=True, slots=True)
class Bus:
    """The meters behind one modem. `took_profile` says, once, that the last answer holds profile rows.

    `framed`: the head-end's messages say how long they are, as in DLMS.
    """

    line: Line
    open_line: Callable[[], Answerer]
    air: Air
    took_profile: Callable[[], bool]
    framed: bool = True

    def open(self) -> Answerer:
        """A conversation: the head-end's bytes in, the meters' out; `RemoteError` for what is no frame."""
        hear = self.open_line()

        def answer(chunk: bytes) -> bytes:
            if self.air.is_silent(self.line.code):
                return b""
            said = hear(chunk)
            return self.air.spoiled(said) if self.took_profile() else said

        return answer


@dataclass(slots=True)
class Voice:
    """What a modem says of its own, and what it takes from the stream as said to itself."""

    dialect: Dialect
    name: str
    framed: bool = True
    _kept: bytearray = field(default_factory=bytearray)

    @property
    def registration(self) -> bytes:
        """The first bytes on the line."""
        token = self.dialect.registration
        return token.write(self.name) if token is not None else b""

    @property
    def heartbeat(self) -> bytes:
        """A sign of life; nothing where the dialect has none."""
        token = self.dialect.heartbeat
        return token.write(self.name) if token is not None else b""

    def packet(self, answer: bytes) -> bytes:
        """A meter's answer as this modem sends it."""
        return self.registration + answer if answer and self.dialect.every_packet else answer

    def hear(self, chunk: bytes) -> list[bytes]:
        """What is for the meters, without replies to heartbeats; `RemoteError` for what is nothing."""
        token = self.dialect.heartbeat
        reply = (token.answer(self.name) if token is not None else None) or b""
        if not self.framed:
            return [chunk.replace(reply, b"") if reply else chunk]
        self._kept += chunk
        frames = []
        while self._kept:
            size = frame_size(bytes(self._kept[:16]))
            if size > 0 and len(self._kept) >= size:
                frames.append(bytes(self._kept[:size]))
                del self._kept[:size]
            elif size != 0:
                break
            elif reply and self._kept.startswith(reply):
                del self._kept[: len(reply)]
            elif reply.startswith(self._kept):
                break
            else:
                raise RemoteError(
                    "the head-end says what no meter and no modem understands", bytes(self._kept[:64])
                )
        return frames
