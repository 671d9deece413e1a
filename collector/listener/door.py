"""A caller at the door of the listener: some seconds and some bytes to say a name we know."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol, cast

from collector.links.kinds import DialIn
from collector.links.wire import Wire
from collector.listener.doorway import Caller
from protocols.errors import ProtocolError
from protocols.modem.dialects import load
from protocols.modem.stream import ModemEvent, ModemStream, Registered

FIRST_BYTE_S = 5.0
REGISTRATION_S = 10.0
UNREGISTERED_BYTES = 1024


class House(Protocol):
    """What a door leads into: the listener."""

    told: Callable[[Wire, bytes], None] | None

    @property
    def dialects(self) -> tuple[str, ...]:
        """The dialects somebody is expected to speak."""

    def came(self, door: Door) -> None:
        """Somebody stands at the door."""

    def left(self, door: Door) -> None:
        """And has gone, in or away."""

    def reject(self, why: str, who: str = "") -> None:
        """Somebody was sent away."""

    def link_of(self, dialect: str, name: str) -> DialIn | None:
        """Whose name this is, None for a stranger."""

    def admit(self, link: DialIn, wire: Wire, address: str) -> None:
        """A caller that knows a name."""

    def lost(self, link: DialIn, wire: Wire, address: str) -> None:
        """And has gone."""


class Door(Caller):
    """A caller that has not said its name yet."""

    __slots__ = ("_candidates", "_heard", "_house", "_patience", "_transport", "address")

    def __init__(self, house: House, address: str) -> None:
        super().__init__()
        self.address = address
        self._house = house
        self._transport: asyncio.Transport | None = None
        self._candidates = [ModemStream(load(name)) for name in house.dialects]
        self._heard = 0
        self._patience: tuple[asyncio.TimerHandle, ...] = ()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's do not inherit it
        self.made = True
        self._house.came(self)
        loop = asyncio.get_running_loop()
        self._patience = (
            loop.call_later(FIRST_BYTE_S, self._still_silent),
            loop.call_later(REGISTRATION_S, self.shut, "registration_time"),
        )

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
            link = self._house.link_of(stream.dialect.name, name)
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
        house, address = self._house, self.address
        wire = Wire(link.modem.code, stream, lambda ended: house.lost(link, ended, address))
        wire.told = house.told
        self._transport.set_protocol(wire)
        wire.connection_made(self._transport)
        registration = stream.dialect.registration
        reply = registration.answer(stream.device_id or "") if registration is not None else None
        if reply:
            wire.write(reply)
        wire.take(events)
        house.admit(link, wire, address)

    def _settle(self) -> None:
        for timer in self._patience:
            timer.cancel()
        self._patience = ()
        self._house.left(self)

    def shut(self, reason: str) -> None:
        """Send the caller away; `reason` is counted."""
        if reason:
            self._house.reject(reason, self.address)
        self._settle()
        if self._transport is not None:
            self._transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        self._settle()
