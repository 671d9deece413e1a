"""A port where bytes are answered with bytes: every call gets a conversation of its own."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import cast

from protocols.errors import RemoteError
from simulators.networks import CLEAR, Fate, Weather

Answerer = Callable[[bytes], bytes]
"""A conversation: what is heard in, what is said out; `RemoteError` hangs up."""
BACKLOG = 16  # of one modem: hardly anybody but the head-end calls it


@dataclass(slots=True)
class Answering:
    """`open` begins a conversation; `weather` is that of the modem's air."""

    open: Callable[[], Answerer]
    weather: Weather = CLEAR
    server: asyncio.Server | None = None
    calls: set[Conversation] = field(default_factory=set)

    async def start(self, sock: socket.socket) -> None:
        """Serve a bound socket."""
        loop = asyncio.get_running_loop()
        self.server = await loop.create_server(
            lambda: Conversation(self.open(), self.calls, self.weather), sock=sock, backlog=BACKLOG
        )

    async def stop(self) -> None:
        """Hang up on everybody and free the port."""
        if self.server is not None:
            self.server.close()
        for call in tuple(self.calls):
            call.hang_up()
        await asyncio.sleep(0)


class Conversation(asyncio.Protocol):
    """One call. A protocol and no streams: thousands stand at once, and each answer costs one write."""

    __slots__ = ("_answer", "_calls", "_transport", "_weather")

    def __init__(self, answer: Answerer, calls: set[Conversation], weather: Weather = CLEAR) -> None:
        self._answer = answer
        self._calls = calls
        self._weather = weather
        self._transport: asyncio.Transport | None = None

    def hang_up(self) -> None:
        """At once, whatever is still to be sent."""
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See `asyncio.Protocol`."""
        self._transport = cast(asyncio.Transport, transport)  # uvloop's are no subclass
        self._calls.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """See `asyncio.Protocol`."""
        self._calls.discard(self)
        self._transport = None

    def data_received(self, data: bytes) -> None:
        """See `asyncio.Protocol`."""
        try:
            said = self._answer(data)
        except RemoteError:  # who called speaks no language of these meters
            if self._transport is not None:
                self._transport.close()
            return
        if said:
            self.say(said)

    def say(self, said: bytes) -> None:
        """An answer, as the air lets it through."""
        transport = self._transport
        if transport is None:
            return
        if self._weather.is_clear:
            transport.write(said)
            return
        fate, late_s = self._weather.exchange()
        if fate is Fate.UNANSWERED:
            return
        if fate is Fate.GARBLED:
            said = garbled(said)
        send = self._cut if fate is Fate.CUT else self._send
        if late_s:
            asyncio.get_running_loop().call_later(late_s, send, said)
        else:
            send(said)

    def _send(self, said: bytes) -> None:
        if self._transport is not None:
            self._transport.write(said)

    def _cut(self, said: bytes) -> None:
        """Half of the answer comes, and then the line is lost."""
        if self._transport is not None:
            self._transport.write(said[: len(said) // 2])
            self._transport.close()

    def pause_writing(self) -> None:
        """See `asyncio.Protocol`: who does not read is not listened to."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.pause_reading()

    def resume_writing(self) -> None:
        """See `asyncio.Protocol`."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.resume_reading()


def garbled(said: bytes) -> bytes:
    """An answer with noise where it shows: nothing on the way has a check that noise in a value would break.

    The noise takes the beginning, and with it the frame's own word of what it is.
    """
    head = bytes(byte ^ 0xA5 for byte in said[:8])
    return head + said[8:]
