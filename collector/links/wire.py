"""One TCP connection to a modem, as bytes from and to the meters behind it.

What the modem says of its own accord (registrations, heartbeats) is taken out and answered here, at any time,
whether somebody is talking to a meter or not. No task per connection: ten thousand of them must be cheap.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from enum import Enum
from typing import ClassVar, Protocol, cast

from collector.errors import LinkDown
from protocols.errors import ProtocolError
from protocols.modem.stream import HOLD_S, Heartbeat, ModemEvent, ModemStream, Payload, Registered

HELD = 1 << 20  # bytes that came and nobody has taken yet
BEGUN = 4096  # bytes of an unfinished frame that may stand while nobody asks: ten thousand modems have them
OWED = 1 << 16  # bytes of answers to heartbeats that a modem has not taken yet


class Medium(Enum):
    """What carries the bytes, and so what DLMS is framed in."""

    CONNECTION = "connection"  # the wrapper
    DATAGRAMS = "datagrams"  # the wrapper, a message each
    BARE = "bare"  # nothing but bytes: HDLC


class ByteStream(Protocol):
    """What a conversation needs: bytes in, bytes out, and a way to say that they cannot be trusted."""

    medium: ClassVar[Medium]

    async def read(self) -> bytes:
        """The bytes that have come, at least one; raises `LinkDown` when the modem hung up."""

    def write(self, raw: bytes) -> None:
        """Send."""

    def poison(self, why: str) -> None:
        """Never use this connection again; the first reason is kept."""

    def prove(self) -> None:
        """A meter behind this line has shown that it is ours, by its serial or its keys."""

    def carries(self, *, framed: bool) -> None:
        """Whether what comes says how long it is; where it does not (mode C, Modbus RTU), say so first."""

    @property
    def held(self) -> int:
        """Bytes that have come and nobody has read."""

    @property
    def broke_off(self) -> bool:
        """The conversation before this one was given up: an answer to it may still come."""

    @property
    def gateway(self) -> bool:
        """The other end takes Modbus TCP, whatever its meters speak."""


class Wire(asyncio.Protocol):
    """A connected socket behind the rules of one modem dialect."""

    medium: ClassVar[Medium] = Medium.CONNECTION
    # What a wire begins with; one is made for every call.
    poisoned = ""
    proved = False
    unasked = 0  # payload bytes that came while nobody was asking
    leased = False
    broke_off = False
    heard_at = 0.0  # loop time of the last byte
    told: Callable[[Wire, bytes], None] | None = None  # whole frames that nobody asked for
    _now: Callable[[], float] = staticmethod(time.monotonic)  # the loop's, once there is one
    _loop: asyncio.AbstractEventLoop | None = None
    _transport: asyncio.Transport | None = None
    _waiting: asyncio.Future[None] | None = None
    _holding: asyncio.TimerHandle | None = None
    _end = ""

    def __init__(self, modem: str, stream: ModemStream, lost: Callable[[Wire], None] | None = None) -> None:
        self.modem = modem
        self._stream = stream
        self._transparent = stream.dialect.transparent  # every byte is a meter's
        self._lost = lost
        self._held = bytearray()

    @property
    def up(self) -> bool:
        return self._transport is not None and not self._end and not self.poisoned

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's are no subclass
        self._loop = asyncio.get_running_loop()
        self._now = self._loop.time
        self.heard_at = self._now()

    def data_received(self, data: bytes) -> None:
        self.heard_at = self._now()
        if self._transparent and self.leased:
            self._held += data
            if len(self._held) > HELD:
                self.poison(f"modem {self.modem} sends without end")
            else:
                self._wake()
            return
        try:
            events = self._stream.feed(data)
        except ProtocolError as error:
            self.poison(f"modem {self.modem} sent what its dialect does not know: {error.reason}")
            return
        self.take(events)
        if not self.leased and self._stream.pending > BEGUN:
            self.poison(f"modem {self.modem} sends what nobody asked for")
            return
        if self._holding is not None:
            self._holding.cancel()
        self._holding = (
            asyncio.get_running_loop().call_later(HOLD_S, self._release) if self._stream.held else None
        )

    def _release(self) -> None:
        """What looked like the beginning of a heartbeat was the meter's."""
        self._holding = None
        self.take(self._stream.release())

    def prove(self) -> None:
        """See `ByteStream`."""
        self.proved = True

    def carries(self, *, framed: bool) -> None:
        """See `ByteStream`; with the lease it ends."""
        self._stream.carries(framed=framed)

    def take(self, events: list[ModemEvent]) -> None:
        """What the modem's bytes have been found to be."""
        for event in events:
            match event:
                case Heartbeat(reply=reply) if reply and self._transport is not None:
                    self._transport.write(reply)
                    if self._transport.get_write_buffer_size() > OWED:
                        self.poison(f"modem {self.modem} wants answers and does not take them")
                        return
                case Payload(raw=raw) if self.leased:
                    self._held += raw
                case Payload(raw=raw):
                    # Between conversations nothing may come; what does is an answer too late to be one.
                    self.unasked += len(raw)
                    if self.told is not None:
                        self.told(self, raw)
                case Registered() | Heartbeat():
                    pass
        if len(self._held) > HELD:
            self.poison(f"modem {self.modem} sends without end")
        elif self._held:
            self._wake()

    def eof_received(self) -> bool:
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        if self._holding is not None:
            self._holding.cancel()
        self._end = self._end or f"modem {self.modem} hung up{f' ({_why(exc)})' if exc else ''}"
        self._wake()
        if self._lost is not None:
            self._lost(self)

    def _wake(self) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(None)

    async def read(self) -> bytes:
        """See `ByteStream`; what came before the modem hung up is handed out first."""
        if not self._held:
            if self._end or self.poisoned:
                raise LinkDown(self.modem, self.poisoned or self._end)
            loop = self._loop or asyncio.get_running_loop()
            self._waiting = loop.create_future()
            try:
                await self._waiting
            finally:
                self._waiting = None
            if not self._held:
                raise LinkDown(self.modem, self.poisoned or self._end)
        raw = bytes(self._held)
        self._held.clear()
        return raw

    @property
    def held(self) -> int:
        """See `ByteStream`."""
        return len(self._held)

    @property
    def gateway(self) -> bool:
        """See `ByteStream`."""
        return self._stream.dialect.gateway

    def write(self, raw: bytes) -> None:
        """See `ByteStream`."""
        transport = self._transport
        if transport is None or self._end or self.poisoned:
            raise LinkDown(self.modem, self.poisoned or self._end or f"modem {self.modem} is not connected")
        transport.write(raw)

    def poison(self, why: str) -> None:
        """See `ByteStream`: the socket is closed at once, without waiting for what is still on its way."""
        self.poisoned = self.poisoned or why
        if self._transport is not None:
            self._transport.abort()
        self._wake()

    def close(self, why: str = "") -> None:
        """Hang up."""
        self._end = self._end or why or f"the call to modem {self.modem} is over"
        if self._transport is not None:
            self._transport.close()
        self._wake()

    def take_lease(self, *, broke_off: bool = False) -> None:
        """From here on what comes belongs to a conversation; `broke_off` as in `ByteStream`."""
        self.leased = True
        self.broke_off = broke_off
        self._held.clear()

    def end_lease(self) -> None:
        """The conversation is over; bytes nobody read mean that somebody lost count."""
        self.leased = False
        self._stream.carries(framed=True)
        if self._held:
            self.poison(f"modem {self.modem}: bytes came after the conversation was over")
            self._held.clear()


def _why(error: Exception) -> str:
    """What the system says of an end, without its number."""
    return (error.strerror if isinstance(error, OSError) else None) or str(error)
