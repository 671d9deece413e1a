"""One `Link` per modem: conversations one at a time, and no second use of a connection that went wrong."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from collector.turns import Turns
from collector.urgency import Urgency
from collector.wire import ByteStream, Wire
from model.grid import Modem


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
