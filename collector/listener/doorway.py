"""Listening sockets whose callers are counted by address before anything is kept for them.

A caller that may not come in costs one accept and one reset: no transport, no task, no buffer.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import socket
import ssl
import struct
from collections.abc import Callable
from pathlib import Path

from collector.errors import ListenerError, reason
from collector.listener.crowd import Crowd, neighbourhood

BACKLOG = 4096  # the kernel's own limit may be lower
AT_ONCE = 64  # callers taken before the loop has another look at everybody else
PAUSE_S = 0.2  # with no descriptor left: until callers have gone
HANDSHAKE_S = 10.0
_RESET = struct.pack("ii", 1, 0)
_OUT_OF = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)


def tls_context(certificate: Path, key: Path) -> ssl.SSLContext:
    """Of a server with this certificate; `ListenerError` in one sentence when the files are no use."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        context.load_cert_chain(certificate, key)
    except (OSError, ssl.SSLError) as error:
        raise ListenerError(
            f"the certificate {certificate} and the key {key} for modems that dial in cannot be used "
            f"({getattr(error, 'reason', None) or reason(error)}): check that they belong together"
        ) from error
    return context


class Caller(asyncio.Protocol):
    """Somebody let in. Once his connection is `made` it is his to tell the crowd when he leaves the door."""

    __slots__ = ("made",)

    def __init__(self) -> None:
        self.made = False


class Doorway:
    """Every caller let in becomes one of `meet`, which is given his address as it is counted; whoever is not
    let in is told to `reject`, by reason and address (empty: nobody in particular)."""

    def __init__(
        self, crowd: Crowd, meet: Callable[[str], Caller], reject: Callable[[str, str], None]
    ) -> None:
        self._crowd, self._meet, self._reject = crowd, meet, reject
        self._listening: dict[socket.socket, ssl.SSLContext | None] = {}
        self._coming: set[asyncio.Task[None]] = set()
        self._pauses: dict[socket.socket, asyncio.TimerHandle] = {}

    def open(self, host: str, port: int, context: ssl.SSLContext | None = None) -> int:
        """Listen there too, with TLS where a context is given; the port. `OSError` when it is taken."""
        found = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        for family, kind, number, _, where in found:
            sock = socket.socket(family, kind, number)
            try:
                sock.setblocking(False)
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                if family == socket.AF_INET6:
                    sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                sock.bind((where[0], port, *where[2:]))
                sock.listen(BACKLOG)
            except OSError:
                sock.close()
                raise
            port = sock.getsockname()[1]
            self._listening[sock] = context
            asyncio.get_running_loop().add_reader(sock, self._accept, sock)
        return port

    async def close(self) -> None:
        """Take nobody any more."""
        loop = asyncio.get_running_loop()
        for pause in self._pauses.values():
            pause.cancel()
        for sock in self._listening:
            loop.remove_reader(sock)
            sock.close()
        self._listening.clear()
        for task in tuple(self._coming):
            task.cancel()
        await asyncio.gather(*self._coming, return_exceptions=True)

    def _accept(self, sock: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        for _ in range(AT_ONCE):
            try:
                caller, where = sock.accept()
            except (BlockingIOError, InterruptedError):
                return
            except OSError as error:
                if error.errno not in _OUT_OF:
                    continue  # one that hung up before he was let in
                self._reject("descriptors", "")
                loop.remove_reader(sock)
                self._pauses[sock] = loop.call_later(PAUSE_S, loop.add_reader, sock, self._accept, sock)
                return
            address = neighbourhood(str(where[0]))
            refusal = self._crowd.refusal(address, loop.time())
            if refusal:
                self._reject(refusal, address)
                with contextlib.suppress(OSError):
                    caller.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
                caller.close()
                continue
            task = loop.create_task(self._let_in(caller, address, self._listening[sock]))
            self._coming.add(task)
            task.add_done_callback(self._coming.discard)

    async def _let_in(self, caller: socket.socket, address: str, context: ssl.SSLContext | None) -> None:
        met = self._meet(address)
        try:
            caller.setblocking(False)
            with contextlib.suppress(OSError):
                caller.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
                caller.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            await asyncio.get_running_loop().connect_accepted_socket(
                lambda: met,
                caller,
                ssl=context,
                ssl_handshake_timeout=HANDSHAKE_S if context is not None else None,
            )
        except OSError:  # of TLS too: no handshake, or none in time
            if not met.made:
                self._reject("tls", address)
                self._crowd.left(address)
        except asyncio.CancelledError:
            caller.close()
            raise
