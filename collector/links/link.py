"""One `Link` per modem: conversations one at a time, and no second use of a connection that went wrong."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from types import TracebackType

from collector.links.turns import Turns
from collector.links.wire import ByteStream, Wire
from collector.polling.urgency import Urgency
from model.grid import Modem


class _Lease:
    """See `Link.lease`: a class, for there is one in every conversation."""

    __slots__ = ("_link", "_urgency", "_wire")

    def __init__(self, link: Link, urgency: Urgency) -> None:
        self._link, self._urgency = link, urgency

    async def __aenter__(self) -> ByteStream:
        link = self._link
        if not link._turns.at_once():
            await link._turns.take(self._urgency)
        try:
            self._wire = await link._connected()
        except BaseException:
            link._turns.give_back()
            raise
        self._wire.take_lease(broke_off=link._broke_off)
        return self._wire

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        link, wire = self._link, self._wire
        try:
            if kind is not None:
                wire.poison(f"a conversation behind modem {link.modem.code} broke off: {kind.__name__}")
            wire.end_lease()
            link._broke_off = bool(wire.poisoned)
            link._left(wire)
        finally:
            link._turns.give_back()


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

    def lease(self, urgency: Urgency = Urgency.ROUTINE) -> AbstractAsyncContextManager[ByteStream]:
        """The line to the meters, alone. What is raised within poisons it, as `ByteStream.poison` does.

        Who waits is let in by urgency, and in the order of coming among equals.
        """
        return _Lease(self, urgency)

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
