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

CANDIDATES: Final = 8  # callers of one name, each from another address, who wait to be tried
IMPOSTORS: Final = 64  # addresses remembered for having given a name that was not theirs
IMPOSTOR_S: Final = 30.0  # for so long, after each further one of theirs twice as long
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

    @property
    def connected(self) -> bool:
        """Whether there is a connection: without one a lease calls, where we are the ones to call."""
        return self._wire is not None and self._wire.up

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

    A name is no proof. Who says it is a candidate until a meter behind him has shown that it is ours; then he
    is the modem, and the one before him is given up. Candidates are tried by the next conversations, each
    once, while the modem's own connection stays; after one that failed it has peace for a while, and nobody
    from that one's address is let in under this name for as long.
    """

    def __init__(self, modem: Modem) -> None:
        super().__init__(modem)
        self.listener: Host | None = None
        self._came = asyncio.Event()
        self._news = False
        self._candidates: list[tuple[Wire, str]] = []
        self._impostors: dict[str, tuple[int, float]] | None = None  # by address: how many, and until when
        self._peace_until = 0.0

    def take_news(self) -> bool:
        """Whether the modem has called since this was last asked."""
        news, self._news = self._news, False
        return news

    @property
    def connected(self) -> bool:
        if self._wire is not None and self._wire.up:
            return True
        return any(wire.up for wire, _ in self._candidates)

    def arrived(self, wire: Wire, address: str = "") -> None:
        """A call that has registered under this modem's name."""
        others = self.connected
        if others and self._is_impostor(address):
            self._refuse(wire, "impostor", f"an impostor of modem {self.modem.code} has called again")
            return
        for older, his in self._candidates:
            if his == address:
                self._candidates.remove((older, his))
                self._refuse(older, "duplicate", f"modem {self.modem.code} has called again")
                break
        if len(self._candidates) >= CANDIDATES:
            self._refuse(wire, "duplicate", f"too many callers call themselves modem {self.modem.code}")
            return
        self._candidates.append((wire, address))
        self._news = True
        self._came.set()
        if not others:
            self._settled()

    def gone(self, wire: Wire) -> None:
        """A call has ended."""
        self._candidates = [each for each in self._candidates if each[0] is not wire]
        if self._wire is wire:
            self._wire = None
        if not self.connected:
            self._came.clear()

    def _settled(self) -> None:
        if self.listener is not None:
            self.listener.settled(self)

    def _refuse(self, wire: Wire, reason: str, sentence: str) -> None:
        wire.poison(sentence)
        if self.listener is not None:
            self.listener.reject(reason)

    def _is_impostor(self, address: str) -> bool:
        _, until = (self._impostors or {}).get(address, (0, 0.0))
        return asyncio.get_running_loop().time() < until

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
        if self._wire is not None and not self._wire.up:
            self._wire = None
        in_peace = self._wire is not None and asyncio.get_running_loop().time() < self._peace_until
        for wire, _ in self._candidates if not in_peace else ():
            if wire.up:
                return wire
        if self._wire is None:
            raise LinkDown(
                self.modem.code, f"modem {self.modem.code} is not connected: it has to dial in again"
            )
        return self._wire

    def _left(self, wire: Wire) -> None:
        super()._left(wire)
        address = next((his for each, his in self._candidates if each is wire), None)
        if address is None:
            return
        if wire.proved:
            others = self._wire is not None
            if self._wire is not None:
                self._wire.poison(f"modem {self.modem.code} has called again")
            self._candidates = [each for each in self._candidates if each[0] is not wire]
            self._impostors, self._wire = None, wire
            if others:
                self._settled()
        elif len(self._candidates) > 1 or (self._wire is not None and self._wire.up):
            self._candidates = [each for each in self._candidates if each[0] is not wire]
            self._failed(address)
            self._refuse(wire, "impostor", f"no meter of modem {self.modem.code} is behind this call")

    def _failed(self, address: str) -> None:
        """Nobody from there for a while; where the modem has proved itself, nobody is tried for as long."""
        now = asyncio.get_running_loop().time()
        times, _ = (self._impostors or {}).get(address, (0, 0.0))
        peace = min(IMPOSTOR_S * 2**times, IMPOSTOR_MOST_S)
        self._impostors = {
            each: (count, until) for each, (count, until) in (self._impostors or {}).items() if until > now
        }
        if len(self._impostors) < IMPOSTORS:
            self._impostors[address] = (min(times + 1, 8), now + peace)
        self._peace_until = now + peace

    def close(self) -> None:
        candidates, self._candidates = self._candidates, []
        for wire, _ in candidates:
            wire.close()
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
