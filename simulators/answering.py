"""A port where bytes are answered with bytes: every call gets a conversation of its own."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from dataclasses import dataclass, field

from protocols.errors import RemoteError

Answerer = Callable[[bytes], bytes]
"""A conversation: what is heard in, what is said out; `RemoteError` hangs up."""
_CHUNK = 65536


@dataclass(slots=True)
class Answering:
    """`open` begins a conversation."""

    open: Callable[[], Answerer]
    server: asyncio.Server | None = None
    calls: set[asyncio.StreamWriter] = field(default_factory=set)

    async def start(self, sock: socket.socket) -> None:
        """Serve a bound socket."""
        self.server = await asyncio.start_server(self._converse, sock=sock)

    async def stop(self) -> None:
        """Hang up on everybody and free the port."""
        if self.server is not None:
            self.server.close()
        calls = tuple(self.calls)
        for writer in calls:
            writer.transport.abort()
        await asyncio.gather(*(writer.wait_closed() for writer in calls), return_exceptions=True)

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.calls.add(writer)
        answer = self.open()
        try:
            while chunk := await reader.read(_CHUNK):
                writer.write(answer(chunk))
                await writer.drain()
        except (OSError, RemoteError):
            pass  # who called hung up, or speaks no language of these meters
        finally:
            self.calls.discard(writer)
            writer.close()
