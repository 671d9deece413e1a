"""Where modems that dial in arrive: nobody gets further than the door without a name we know.

Bounded per connection (first byte, registration, length) and per address, never over all: a global bound
before the name is known would let strangers lock good modems out.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections import Counter
from collections.abc import Mapping

from collector.errors import ListenerError, reason
from collector.links import DialIn
from collector.settings import HeadEndSettings
from collector.wire import Wire
from protocols.errors import ProtocolError
from protocols.modem.dialects import load
from protocols.modem.stream import ModemEvent, ModemStream, Registered

log = logging.getLogger("ami.listener")

FIRST_BYTE_S = 5.0
REGISTRATION_S = 10.0
UNREGISTERED_BYTES = 1024
IDLE_S = 90.0  # on top of the heartbeat
SWEEP_S = 15.0
REMEMBERED = 1000  # strangers whose name has been written to the log once


class Listener:
    """`expect` says who may come in; `rejected` counts who did not, by reason."""

    def __init__(self, settings: HeadEndSettings) -> None:
        self.host, self.port = settings.listen_host, settings.listen_port or 0
        self.cap = settings.unregistered_per_address
        self.idle_s = IDLE_S + settings.heartbeat_s
        self.rejected: Counter[str] = Counter()
        self.at_the_door: Counter[str] = Counter()
        self._expected: dict[tuple[str, str], DialIn] = {}
        self._wires: set[Wire] = set()
        self._doors: set[Door] = set()
        self._strangers: set[str] = set()
        self._server: asyncio.Server | None = None
        self._sweeping: asyncio.TimerHandle | None = None

    def expect(self, links: Mapping[str, DialIn]) -> None:
        """The modems that may register, by the name they say."""
        self._expected = {(link.modem.dialect, name): link for name, link in links.items()}

    @property
    def dialects(self) -> list[str]:
        """The dialects somebody is expected to speak."""
        return sorted({dialect for dialect, _ in self._expected})

    async def open(self) -> None:
        """Listen; `ListenerError` when the port is taken. Afterwards `port` is the one listened on."""
        loop = asyncio.get_running_loop()
        try:
            self._server = await loop.create_server(
                lambda: Door(self), self.host, self.port, backlog=1024, reuse_address=True
            )
        except OSError as error:
            raise ListenerError(
                f"port {self.port} for modems that dial in cannot be opened on {self.host} "
                f"({reason(error)}): another program has it, choose another with AMI_LISTEN_PORT"
            ) from error
        self.port = self._server.sockets[0].getsockname()[1]
        self._sweeping = loop.call_later(SWEEP_S, self._sweep)

    async def close(self) -> None:
        """Hang up on everybody."""
        if self._sweeping is not None:
            self._sweeping.cancel()
        if self._server is not None:
            self._server.close()
        for door in list(self._doors):
            door.shut("")
        for wire in list(self._wires):
            wire.close("the head-end has stopped")
        if self._server is not None:
            await self._server.wait_closed()
        await asyncio.sleep(0)  # the sockets close in the loop's next turn

    def enter(self, door: Door) -> bool:
        """Whether one more unregistered caller from this address may stand at the door."""
        if self.at_the_door[door.address] >= self.cap:
            return False
        self.at_the_door[door.address] += 1
        self._doors.add(door)
        return True

    def leave(self, door: Door) -> None:
        """It has registered, given up or been sent away."""
        if door in self._doors:
            self._doors.discard(door)
            self.at_the_door[door.address] -= 1
            if not self.at_the_door[door.address]:
                del self.at_the_door[door.address]

    def link_of(self, dialect: str, name: str) -> DialIn | None:
        """Whose name this is, None for a stranger (counted, and named in the log once)."""
        link = self._expected.get((dialect, name))
        if link is None and name not in self._strangers and len(self._strangers) < REMEMBERED:
            self._strangers.add(name)
            log.warning(
                "a modem calls itself %s and is not in the register: add it there, or find out whose it is",
                name,
            )
        return link

    def admit(self, link: DialIn, wire: Wire) -> None:
        """The newest caller that knows the name is the modem."""
        self._wires.add(wire)
        link.arrived(wire)

    def lost(self, link: DialIn, wire: Wire) -> None:
        """A modem hung up."""
        self._wires.discard(wire)
        link.gone(wire)

    def _sweep(self) -> None:
        loop = asyncio.get_running_loop()
        for wire in list(self._wires):
            if loop.time() - wire.heard_at > self.idle_s:
                wire.poison(f"modem {wire.modem} was silent for {self.idle_s:.0f} s")
        self._sweeping = loop.call_later(SWEEP_S, self._sweep)


class Door(asyncio.Protocol):
    """A caller that has not said its name yet."""

    def __init__(self, listener: Listener) -> None:
        self._listener = listener
        self.address = ""
        self._transport: asyncio.Transport | None = None
        self._candidates = [ModemStream(load(name)) for name in listener.dialects]
        self._heard = 0
        self._patience: list[asyncio.TimerHandle] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        peer = transport.get_extra_info("peername")
        self.address = str(peer[0]) if peer else ""
        if not self._listener.enter(self):
            self._listener.rejected["address_cap"] += 1
            transport.abort()
            return
        raw_socket = transport.get_extra_info("socket")
        if raw_socket is not None:
            raw_socket.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        loop = asyncio.get_running_loop()
        self._patience = [
            loop.call_later(FIRST_BYTE_S, self._still_silent),
            loop.call_later(REGISTRATION_S, self.shut, "registration_time"),
        ]

    def _still_silent(self) -> None:
        if not self._heard:
            self.shut("first_byte")

    def data_received(self, data: bytes) -> None:
        self._heard += len(data)
        if self._heard > UNREGISTERED_BYTES:
            self.shut("too_long")
            return
        left = []
        stranger = False
        for stream in self._candidates:
            try:
                events = stream.feed(data)
            except ProtocolError:
                continue
            name = next((event.device_id for event in events if isinstance(event, Registered)), None)
            if name is None:
                left.append(stream)
                continue
            link = self._listener.link_of(stream.dialect.name, name)
            if link is not None:
                self._hand_over(link, stream, events)
                return
            stranger = True
        self._candidates = left
        if not left:
            self.shut("unknown_modem" if stranger else "unknown_dialect")

    def _hand_over(self, link: DialIn, stream: ModemStream, events: list[ModemEvent]) -> None:
        assert self._transport is not None
        self._settle()
        listener = self._listener
        wire = Wire(link.modem.code, stream, lambda ended: listener.lost(link, ended))
        self._transport.set_protocol(wire)
        wire.connection_made(self._transport)
        registration = stream.dialect.registration
        reply = registration.answer(stream.device_id or "") if registration is not None else None
        if reply:
            wire.write(reply)
        wire.take(events)
        listener.admit(link, wire)

    def _settle(self) -> None:
        for timer in self._patience:
            timer.cancel()
        self._listener.leave(self)

    def shut(self, reason: str) -> None:
        """Send the caller away; `reason` is counted."""
        if reason:
            self._listener.rejected[reason] += 1
        self._settle()
        if self._transport is not None:
            self._transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        self._settle()
