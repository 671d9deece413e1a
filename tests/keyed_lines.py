"""A line to a modem on which somebody listens: titles and counters of what goes to meters with keys."""

from __future__ import annotations

import contextlib
import socket
import socketserver
import threading
from collections.abc import Callable

from protocols.dlms import apdu as messages
from protocols.dlms.apdu import Aarq
from protocols.dlms.enums import Mechanism
from protocols.dlms.security.envelopes import PLAIN, ServiceCiphered
from protocols.dlms.wrapper import Frame, Unwrapper
from protocols.errors import RemoteError


class Overheard(socketserver.ThreadingTCPServer):
    """Passes bytes on to `to`. `nonces` are (title, counter) in the order they went by, `asked` the ways in
    that a client proposed; `trap` sees every message to a meter before it is passed on, None: nothing is."""

    allow_reuse_address = daemon_threads = True

    def __init__(self, port: int, to: tuple[str, int]) -> None:
        super().__init__(("127.0.0.1", port), _Call)
        self.to = to
        self.nonces: list[tuple[bytes, int]] = []
        self.asked: list[tuple[int, Mechanism]] = []
        self.trap: Callable[[bytes], bytes | None] | None = None
        self.answers: Callable[[bytes], bytes | None] | None = None  # in the meter's place, where it says so
        self.heard = threading.Event()

    def __enter__(self) -> Overheard:
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self.server_close()


class _Call(socketserver.BaseRequestHandler):
    server: Overheard
    request: socket.socket

    def handle(self) -> None:
        self._unwrapper, self._title = Unwrapper(), b""
        with socket.create_connection(self.server.to) as far:
            back = threading.Thread(target=self._back, args=(far,), daemon=True)
            back.start()
            with contextlib.suppress(OSError):
                while chunk := self.request.recv(65536):
                    self._listen(chunk)
                    if self._answered(chunk):
                        continue
                    passed = chunk if self.server.trap is None else self.server.trap(chunk)
                    if passed is None:
                        break
                    far.sendall(passed)
            with contextlib.suppress(OSError):
                far.shutdown(socket.SHUT_RDWR)
            back.join(5)

    def _listen(self, chunk: bytes) -> None:
        with contextlib.suppress(RemoteError):
            for frame in self._unwrapper.feed(chunk):
                payload = frame.payload
                if payload[0] == Aarq.TAG:
                    request = messages.decode(payload)
                    assert isinstance(request, Aarq)
                    self.server.asked.append((frame.source, request.mechanism))
                    self._title, payload = request.system_title or b"", request.user_information or b"\0"
                if payload[0] in PLAIN:
                    counter = ServiceCiphered.from_bytes(payload).protected.counter
                    self.server.nonces.append((self._title, counter))
                    self.server.heard.set()

    def _answered(self, chunk: bytes) -> bool:
        """Whether somebody else than the meter has answered this message, which is a whole one."""
        frame = Frame.from_datagram(chunk) if self.server.answers is not None else None
        said = None if frame is None or self.server.answers is None else self.server.answers(frame.payload)
        if frame is None or said is None:
            return False
        self.request.sendall(Frame(frame.destination, frame.source, said).to_bytes())
        return True

    def _back(self, far: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while chunk := far.recv(65536):
                self.request.sendall(chunk)
