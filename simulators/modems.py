"""Modems that carry meters' bytes: some wait to be called, some call, say their name, keep the line alive."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass, field

from protocols.errors import RemoteError
from protocols.modem import dialects
from protocols.modem.dialects import Dialect
from protocols.modem.stream import frame_size
from simulators.air import Air
from simulators.answering import Answerer
from simulators.lines import Line

HEARTBEAT_S = 10.0
RETRY_S = (0.1, 0.2, 0.4, 0.8, 1.5)  # pauses between calls that fail; the last one stays
_CHUNK = 65536


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


async def call(bus: Bus, head_end: tuple[str, int]) -> None:
    """Dial in, and again whenever the line is lost; runs until cancelled."""
    failures = 0
    while True:
        heard = False
        if not bus.air.is_silent(bus.line.code):
            with contextlib.suppress(OSError, RemoteError):
                heard = await _session(bus, head_end)
        failures = 0 if heard else failures + 1
        await asyncio.sleep(RETRY_S[min(failures, len(RETRY_S) - 1)])


async def _session(bus: Bus, head_end: tuple[str, int]) -> bool:
    """One connection from registration to its end; whether the head-end ever said anything."""
    reader, writer = await asyncio.open_connection(*head_end)
    voice = Voice(dialects.load(bus.line.dialect), bus.line.registration, bus.framed)
    answer = bus.open()
    heard = False
    beat = asyncio.create_task(_keep_alive(bus, voice, writer))
    try:
        writer.write(voice.registration)
        while chunk := await reader.read(_CHUNK):
            heard = True
            for frame in voice.hear(chunk):
                if bus.air.is_silent(bus.line.code):
                    return heard
                writer.write(voice.packet(answer(frame)))
            await writer.drain()
    except asyncio.CancelledError:
        writer.transport.abort()  # the fleet ends: nothing waits for a head-end that does not read
        raise
    finally:
        beat.cancel()
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()
    return heard


async def _keep_alive(bus: Bus, voice: Voice, writer: asyncio.StreamWriter) -> None:
    """Heartbeats, in the middle of a conversation too; hangs up when the modem dies."""
    while True:
        await asyncio.sleep(HEARTBEAT_S)
        if bus.air.is_silent(bus.line.code):
            writer.close()
            return
        if voice.heartbeat:
            writer.write(voice.heartbeat)


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
