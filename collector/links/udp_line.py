"""A meter that is spoken to in UDP datagrams (IEC 62056-4-7): one message each way is one datagram."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import ClassVar, cast

from collector.errors import LinkDown
from collector.links.wire import Medium
from protocols.dlms.wrapper import datagrams

WAITING = 64
"""Datagrams that came and nobody has read; more of them are no answer to anything."""


class UdpLine(asyncio.DatagramProtocol):
    """A `ByteStream` whose `read` hands out whole datagrams, of our meter alone."""

    broke_off = False
    gateway = False
    medium: ClassVar[Medium] = Medium.DATAGRAMS

    def __init__(self, name: str) -> None:
        self._name = name
        self._transport: asyncio.DatagramTransport | None = None
        self._came: deque[bytes] = deque()
        self._waiting: asyncio.Future[None] | None = None
        self._end = ""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)  # asyncio's own do not inherit it

    def datagram_received(self, data: bytes, addr: object) -> None:
        self._came.append(data)
        if len(self._came) > WAITING:
            self.poison(f"meter {self._name} sends without end")
        self._wake()

    def error_received(self, exc: Exception) -> None:
        why = getattr(exc, "strerror", None) or exc
        self._end = self._end or f"{self._name} takes no datagrams ({why}): check its address and port"
        self._wake()

    def _wake(self) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(None)

    @property
    def held(self) -> int:
        """See `ByteStream`."""
        return sum(map(len, self._came))

    async def read(self) -> bytes:
        """See `ByteStream`; one datagram."""
        if not self._came and not self._end:
            self._waiting = asyncio.get_running_loop().create_future()
            try:
                await self._waiting
            finally:
                self._waiting = None
        if not self._came:
            raise LinkDown(self._name, self._end)
        return self._came.popleft()

    def write(self, raw: bytes) -> None:
        """See `ByteStream`; every wrapper frame is a datagram."""
        if self._end or self._transport is None:
            raise LinkDown(self._name, self._end or f"{self._name} is not open")
        for datagram in datagrams(raw):
            self._transport.sendto(datagram)

    def poison(self, why: str) -> None:
        """See `ByteStream`."""
        self._end = self._end or why
        self._came.clear()
        self._wake()

    @property
    def up(self) -> bool:
        """Datagrams can be sent."""
        return not self._end and self._transport is not None

    def take_lease(self, *, broke_off: bool = False) -> None:
        """What came before belongs to nobody."""
        self._came.clear()

    def end_lease(self) -> None:
        """What comes from here on belongs to nobody."""

    def prove(self) -> None:
        """See `ByteStream`; nobody else can have come by this way."""

    def carries(self, *, framed: bool) -> None:
        """See `ByteStream`; a datagram says how long it is."""

    def close(self) -> None:
        """Take nothing more."""
        if self._transport is not None:
            self._transport.close()


@asynccontextmanager
async def udp_line(host: str, port: int) -> AsyncIterator[UdpLine]:
    """A socket for this meter alone, on a port of its own; raises `LinkDown` where its host is not known."""
    name = f"{host}:{port}"
    line = UdpLine(name)
    try:
        await asyncio.get_running_loop().create_datagram_endpoint(lambda: line, remote_addr=(host, port))
    except OSError as error:
        raise LinkDown(
            name, f"{name} cannot be sent to ({error.strerror or error}): check its address"
        ) from error
    try:
        yield line
    finally:
        line.close()
        await asyncio.sleep(0)  # the socket closes in the loop's next turn
