"""Modems that call us: who says a modem's name, and who is it."""

from __future__ import annotations

import asyncio
from typing import Final, Protocol

from collector.errors import LinkDown
from collector.links.link import Link
from collector.links.wire import Wire
from model.grid import Modem

CANDIDATES: Final = 8  # callers of one name, each from another address, who wait to be tried
IMPOSTORS: Final = 64  # addresses remembered for having given a name that was not theirs
IMPOSTOR_S: Final = 30.0  # for so long, after each further one of theirs twice as long
IMPOSTOR_MOST_S: Final = 900.0


class Host(Protocol):
    """Whoever brings the wires of modems that dial in."""

    def reject(self, why: str, who: str = "") -> None:
        """A caller was sent away."""

    def settled(self, link: DialIn) -> None:
        """Another connection than before is this modem now."""


class DialIn(Link):
    """The modem calls us and stays; the listener brings its wire.

    A name is no proof. Who says it is a candidate until a meter behind him has shown that it is ours; then he
    is the modem, and the one before him is given up. Candidates are tried by the next conversations, each
    once, while the modem's own connection stays; after one that failed it has peace for a while, and nobody
    from that one's address is let in under this name for as long.

    While another node has the modem, whoever is here is in doubt (`doubt`): a candidate then even if nobody
    else calls himself so here.
    """

    def __init__(self, modem: Modem) -> None:
        super().__init__(modem)
        self.listener: Host | None = None
        self._came: asyncio.Event | None = None  # while somebody waits: most modems are never waited for
        self._news = False
        self._candidates: list[tuple[Wire, str]] = []
        self._impostors: dict[str, tuple[int, float]] | None = None  # by address: how many, and until when
        self._peace_until = 0.0
        self.doubted = False  # another node has the modem

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
            self._refuse(
                wire, address, "impostor", f"an impostor of modem {self.modem.code} has called again"
            )
            return
        for older, his in self._candidates:
            if his == address:
                self._candidates.remove((older, his))
                self._refuse(older, his, "duplicate", f"modem {self.modem.code} has called again")
                break
        if len(self._candidates) >= CANDIDATES:
            self._refuse(
                wire, address, "duplicate", f"too many callers call themselves modem {self.modem.code}"
            )
            return
        self._candidates.append((wire, address))
        self._news = True
        if self._came is not None:
            self._came.set()
        if self._wire is None or not self._wire.up:
            self._settled()  # who is here may be anybody: the newcomer is worth a try at once

    def gone(self, wire: Wire) -> None:
        """A call has ended."""
        self._candidates = [each for each in self._candidates if each[0] is not wire]
        if self._wire is wire:
            self._wire = None

    def doubt(self) -> None:
        """Another node has the modem: who is here may be an impostor, and known ones need not be tried."""
        self.doubted = True
        for wire, address in list(self._candidates):
            if self._is_impostor(address):
                self._candidates.remove((wire, address))
                self._refuse(
                    wire, address, "impostor", f"an impostor of modem {self.modem.code} has called again"
                )

    def believe(self) -> None:
        """The modem is here, whoever of those who say so it is."""
        self.doubted = False

    def hang_up(self, why: str) -> None:
        """The connection that was the modem is not any more; candidates stay."""
        if self._wire is not None:
            self._wire.poison(why)
            self._wire = None

    def send_away(self, why: str) -> None:
        """Nobody stays who calls himself so: the modem calls again, and may reach another head-end."""
        self.hang_up(why)
        candidates, self._candidates = self._candidates, []
        for wire, _ in candidates:
            wire.poison(why)

    def _settled(self) -> None:
        if self.listener is not None:
            self.listener.settled(self)

    def _refuse(self, wire: Wire, address: str, reason: str, sentence: str) -> None:
        wire.poison(sentence)
        if self.listener is not None:
            self.listener.reject(reason, f"{address} as modem {self.modem.code}".lstrip())

    def _is_impostor(self, address: str) -> bool:
        _, until = (self._impostors or {}).get(address, (0, 0.0))
        return asyncio.get_running_loop().time() < until

    async def ready(self, wait_s: float) -> None:
        if self.connected:
            return
        came = self._came = self._came or asyncio.Event()
        try:
            async with asyncio.timeout(wait_s):
                while not self.connected:
                    came.clear()
                    await came.wait()
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
        elif self.doubted or len(self._candidates) > 1 or (self._wire is not None and self._wire.up):
            self._candidates = [each for each in self._candidates if each[0] is not wire]
            self._failed(address)
            self._refuse(
                wire, address, "impostor", f"no meter of modem {self.modem.code} is behind this call"
            )

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
