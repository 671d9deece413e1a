"""One `Link` per modem: conversations one at a time, and no second use of a connection that went wrong."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final, Protocol

from collector.errors import LinkDown, reason
from collector.permits import Urgency
from collector.turns import Turns
from collector.wire import ByteStream, Wire
from model.grid import Modem, ModemLink
from protocols.modem.stream import ModemStream

IMPOSTOR_S: Final = 30.0  # after one, the next newcomer waits so long, after each further one twice as long
IMPOSTOR_MOST_S: Final = 900.0


class Link:
    """What every link shares: the turns, the lease and the end of a poisoned connection."""

    def __init__(self, modem: Modem) -> None:
        self.modem = modem
        self._turns = Turns()
        self._wire: Wire | None = None
        self._broke_off = False

    @property
    def busy(self) -> bool:
        """A conversation is under way."""
        return self._turns.taken

    @property
    def wanted_by(self) -> Urgency | None:
        """How urgent the most urgent conversation that waits for this line is; None: nobody waits."""
        return self._turns.wanted_by

    async def ready(self, wait_s: float) -> None:
        """Return when a conversation may be tried; raises `LinkDown` after `wait_s` seconds."""

    async def _connected(self) -> Wire:
        raise NotImplementedError

    @asynccontextmanager
    async def lease(self, urgency: Urgency = Urgency.ROUTINE) -> AsyncIterator[ByteStream]:
        """The line to the meters, alone. What is raised within poisons it, as `ByteStream.poison` does.

        Who waits is let in by urgency, and in the order of coming among equals.
        """
        await self._turns.take(urgency)
        try:
            wire = await self._connected()
            wire.take_lease(broke_off=self._broke_off)
            try:
                yield wire
            except BaseException as error:
                wire.poison(
                    f"a conversation behind modem {self.modem.code} broke off: {type(error).__name__}"
                )
                raise
            finally:
                wire.end_lease()
                self._broke_off = bool(wire.poisoned)
                self._left(wire)
        finally:
            self._turns.give_back()

    def _left(self, wire: Wire) -> None:
        """A conversation over this wire has ended."""
        if not wire.up and self._wire is wire:
            self._wire = None

    def rest(self) -> None:
        """Nothing more to ask for now."""

    def close(self) -> None:
        """Hang up for good."""
        if self._wire is not None:
            self._wire.close()
            self._wire = None


class DialOut(Link):
    """We call host:port. The call is kept between the meters of one round and ended by `rest`."""

    def __init__(self, modem: Modem, connect_s: float = 10.0) -> None:
        super().__init__(modem)
        self.connect_s = connect_s

    async def _connected(self) -> Wire:
        if self._wire is not None and self._wire.up:
            return self._wire
        modem = self.modem
        where = f"{modem.host}:{modem.port}"
        if modem.code != where:  # an address alone has no name besides
            where = f"modem {modem.code} at {where}"
        try:
            async with asyncio.timeout(self.connect_s):
                _, wire = await asyncio.get_running_loop().create_connection(
                    lambda: Wire(modem.code, ModemStream(modem.dialect)), modem.host, modem.port
                )
        except TimeoutError:
            raise LinkDown(
                modem.code,
                f"{where} did not answer the call within {self.connect_s:g} s: check its power and network",
            ) from None
        except OSError as error:
            raise LinkDown(
                modem.code,
                f"{where} cannot be called ({reason(error)}): check its power, network and address",
            ) from error
        self._wire = wire
        return wire

    def rest(self) -> None:
        self.close()


class Host(Protocol):
    """Whoever brings the wires of modems that dial in."""

    def reject(self, why: str) -> None:
        """A caller was sent away."""

    def settled(self, link: DialIn) -> None:
        """Another connection than before is this modem now."""


class DialIn(Link):
    """The modem calls us and stays; the listener brings its wire.

    A name is no proof. Where one is connected already, the newcomer is tried by the next conversation: when a
    meter behind it shows that it is ours, the older connection is given up, else the newcomer is. After
    impostors the next newcomer has to wait, so that they cannot keep us from the modem.
    """

    def __init__(self, modem: Modem) -> None:
        super().__init__(modem)
        self.listener: Host | None = None
        self._came = asyncio.Event()
        self._news = False
        self._newcomer: Wire | None = None
        self._impostors = 0
        self._not_before = 0.0

    def take_news(self) -> bool:
        """Whether the modem has called since this was last asked."""
        news, self._news = self._news, False
        return news

    @property
    def connected(self) -> bool:
        return any(wire is not None and wire.up for wire in (self._wire, self._newcomer))

    def arrived(self, wire: Wire) -> None:
        """A call that has registered under this modem's name."""
        if self._wire is None or not self._wire.up:
            self._settle(wire)
        else:
            if self._newcomer is not None:
                self._refuse(self._newcomer, "duplicate", f"modem {self.modem.code} has called yet again")
            self._newcomer = wire
        self._news = True
        self._came.set()

    def gone(self, wire: Wire) -> None:
        """A call has ended."""
        if self._newcomer is wire:
            self._newcomer = None
        if self._wire is wire:
            self._wire = None
            self._promote()
        if not self.connected:
            self._came.clear()

    def _promote(self) -> None:
        """With no other left, the newcomer is the modem for all we know."""
        if self._newcomer is not None and self._newcomer.up:
            wire, self._newcomer = self._newcomer, None
            self._settle(wire)

    def _settle(self, wire: Wire) -> None:
        self._wire = wire
        if self.listener is not None:
            self.listener.settled(self)

    def _refuse(self, wire: Wire, reason: str, sentence: str) -> None:
        wire.poison(sentence)
        if self.listener is not None:
            self.listener.reject(reason)

    async def ready(self, wait_s: float) -> None:
        if self.connected:
            return
        self._came.clear()
        try:
            async with asyncio.timeout(wait_s):
                while not self.connected:
                    self._came.clear()
                    await self._came.wait()
        except TimeoutError:
            raise LinkDown(
                self.modem.code,
                f"modem {self.modem.code} has not dialled in: check its power, network and address to call",
            ) from None

    async def _connected(self) -> Wire:
        if self._wire is None or not self._wire.up:
            self._wire = None
            self._promote()
        newcomer = self._newcomer
        if newcomer is not None and newcomer.up and asyncio.get_running_loop().time() >= self._not_before:
            return newcomer
        if self._wire is None:
            raise LinkDown(
                self.modem.code, f"modem {self.modem.code} is not connected: it has to dial in again"
            )
        return self._wire

    def _left(self, wire: Wire) -> None:
        super()._left(wire)
        if wire is not self._newcomer:
            if self._wire is None:
                self._promote()
            return
        self._newcomer = None
        if wire.proved or self._wire is None or not self._wire.up:
            old = self._wire
            self._impostors = 0
            self._settle(wire)
            if old is not None:
                old.poison(f"modem {self.modem.code} has called again")
            return
        self._refuse(wire, "impostor", f"no meter of modem {self.modem.code} is behind this call")
        self._not_before = asyncio.get_running_loop().time() + min(
            IMPOSTOR_S * 2**self._impostors, IMPOSTOR_MOST_S
        )
        self._impostors = min(self._impostors + 1, 8)

    def close(self) -> None:
        newcomer, self._newcomer = self._newcomer, None
        if newcomer is not None:
            newcomer.close()
        super().close()


class Unasked(Link):
    """A gateway: it sends what it reads by itself, nobody can ask it anything."""

    async def ready(self, wait_s: float) -> None:
        await self._connected()

    async def _connected(self) -> Wire:
        raise LinkDown(
            self.modem.code,
            f"gateway {self.modem.registration} cannot be asked: it sends what it reads by itself",
        )


LinkMaker = Callable[[Modem], Link]


def link_to(modem: Modem, connect_s: float = 10.0) -> Link:
    """The kind of link that reaches a modem."""
    if modem.link is ModemLink.DIAL_OUT:
        return DialOut(modem, connect_s)
    return DialIn(modem) if modem.link is ModemLink.DIAL_IN else Unasked(modem)
