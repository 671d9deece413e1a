"""Lines that this machine opens for conversations and lets go of again: serial ports, calls, datagrams."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from typing import ClassVar, Final, Protocol

from collector.links.csd_line import ModemAt, csd_line
from collector.links.link import Link
from collector.links.serial_line import serial_line
from collector.links.turns import Turns
from collector.links.udp_line import udp_line
from collector.links.wire import ByteStream
from collector.polling.urgency import Urgency
from collector.single.routes import SerialRoute
from model.grid import Modem
from protocols.modem.at import CallSettings

HANG_UP_S: Final = 15.0  # guard times and two commands that nobody answers
KEPT_S: Final = 5.0
"""A line that nobody said is done with is let go of after so long: a call costs money, a port others want."""


class Line(ByteStream, Protocol):
    """A stream that conversations have in turn."""

    @property
    def up(self) -> bool:
        """It can be used."""

    def take_lease(self, *, broke_off: bool = False) -> None:
        """From here on what comes belongs to a conversation."""

    def end_lease(self) -> None:
        """The conversation is over."""


class Opened(Link):
    """A line kept open between the conversations of one round; whatever goes wrong on it closes it.

    What several links share (one modem of ours dials many numbers) is had by one of them at a time.
    """

    _shared: ClassVar[dict[str, Turns]] = {}
    _endings: ClassVar[set[asyncio.Task[None]]] = set()

    def __init__(self, modem: Modem) -> None:
        super().__init__(modem)
        self._stream: Line | None = None
        self._kept: AsyncExitStack | None = None
        self._ending: asyncio.Task[None] | None = None
        self._patience: asyncio.TimerHandle | None = None

    @property
    def device(self) -> str:
        """What it is opened on."""
        return f"{self.modem.host}:{self.modem.port}"

    def _line(self) -> AbstractAsyncContextManager[Line]:
        raise NotImplementedError

    @asynccontextmanager
    async def lease(self, urgency: Urgency = Urgency.ROUTINE) -> AsyncIterator[ByteStream]:
        await self._turns.take(urgency)
        try:
            stream = await self._opened(urgency)
            stream.take_lease(broke_off=self._broke_off)
            self._broke_off = True
            try:
                yield stream
                self._broke_off = False
            except BaseException as error:
                stream.poison(f"a conversation on {self.device} broke off: {type(error).__name__}")
                raise
            finally:
                stream.end_lease()
                self._broke_off = self._broke_off or not stream.up
                if stream.up:
                    self._patience = asyncio.get_running_loop().call_later(KEPT_S, self.rest)
                else:
                    self.close()
        finally:
            self._turns.give_back()

    async def _opened(self, urgency: Urgency) -> Line:
        if self._patience is not None:
            self._patience.cancel()
        if self._stream is not None and self._stream.up:
            return self._stream
        self.close()
        if self._ending is not None:
            await asyncio.shield(self._ending)
        async with AsyncExitStack() as stack:
            turns = self._shared.setdefault(self.device, Turns())
            await turns.take(urgency)
            stack.callback(turns.give_back)
            stream = await stack.enter_async_context(self._line())
            self._stream, self._kept = stream, stack.pop_all()
        return stream

    def rest(self) -> None:
        if not self.busy:
            self.close()

    def close(self) -> None:
        """Let go; hanging up takes a while, and goes on behind this."""
        if self._patience is not None:
            self._patience.cancel()
        kept, self._kept, self._stream = self._kept, None, None
        if kept is not None:
            before = self._ending
            self._ending = asyncio.get_running_loop().create_task(_end(before, kept))
            self._endings.add(self._ending)
            self._ending.add_done_callback(self._endings.discard)

    @classmethod
    async def all_let_go(cls) -> None:
        """Wait until everything that was closed is hung up: whoever ends before leaves a call standing."""
        if cls._endings:
            await asyncio.wait(tuple(cls._endings), timeout=HANG_UP_S)


async def _end(before: asyncio.Task[None] | None, kept: AsyncExitStack) -> None:
    if before is not None:
        await before
    await kept.aclose()


def port_of(modem: Modem) -> SerialRoute:
    """The serial port that `Modem.device` names: speed and bits the usual ones where it says none."""
    words = modem.device.split()
    bps, bits = words[1:2] or ["9600"], words[2:3] or ["8N1"]
    return SerialRoute(words[0], int(bps[0]), bits[0])


class SerialLink(Opened):
    """A serial port of this machine: the meters on its bus in turn."""

    @property
    def device(self) -> str:
        return port_of(self.modem).device

    def _line(self) -> AbstractAsyncContextManager[Line]:
        route = port_of(self.modem)
        return serial_line(route.device, route.bps, route.bits)


class CsdLink(Opened):
    """A modem of ours, on a serial port or behind a TCP port, dials theirs."""

    settings = CallSettings()

    @property
    def device(self) -> str:
        return str(self._at())

    def _at(self) -> ModemAt:
        if not self.modem.device:
            return ModemAt(host=self.modem.host, port=self.modem.port)
        route = port_of(self.modem)
        return ModemAt(route.device, route.bps, route.bits)

    def _line(self) -> AbstractAsyncContextManager[Line]:
        return csd_line(self._at(), self.modem.dials, self.settings)


class UdpLink(Opened):
    """A meter, or several behind one address, that take datagrams."""

    def _line(self) -> AbstractAsyncContextManager[Line]:
        return udp_line(self.modem.host, self.modem.port)
