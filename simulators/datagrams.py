"""The wrapper in UDP datagrams, on the very port number that serves it over TCP (IEC 62056-4-7)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import cast

from protocols.dlms.wrapper import datagrams
from protocols.errors import RemoteError
from simulators.answering import Answerer

CALLERS = 16
"""Conversations kept at once; the one longest quiet gives way."""


class Datagrams(asyncio.DatagramProtocol):
    """Every address that writes to us has a conversation of its own."""

    def __init__(self, open_conversation: Callable[[], Answerer]) -> None:
        self._open = open_conversation
        self._callers: dict[object, Answerer] = {}
        self._transport: asyncio.DatagramTransport | None = None

    async def start(self, host: str, port: int) -> None:
        """Take datagrams at this port; `OSError` when it is taken."""
        await asyncio.get_running_loop().create_datagram_endpoint(lambda: self, local_addr=(host, port))

    async def stop(self) -> None:
        """Free the port."""
        if self._transport is not None:
            self._transport.close()
            await asyncio.sleep(0)  # it closes in the loop's next turn

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)  # asyncio's own do not inherit it

    def datagram_received(self, data: bytes, addr: object) -> None:
        answerer = self._callers.pop(addr, None) or self._open()
        self._callers[addr] = answerer
        if len(self._callers) > CALLERS:
            del self._callers[next(iter(self._callers))]
        try:
            said = answerer(data)
        except RemoteError:
            del self._callers[addr]  # no datagram of ours; nobody is told, as at any closed door
            return
        if self._transport is None:
            return
        for datagram in datagrams(said):
            self._transport.sendto(datagram, addr)  # type: ignore[arg-type]  # an address as it came
