"""A line to a database that is cut at a chosen moment: when a statement that holds certain words is sent."""

from __future__ import annotations

import contextlib
import socket
import threading
from types import TracebackType

from psycopg.conninfo import conninfo_to_dict


class CutLine:
    """A TCP proxy in threads of its own. What holds `words` is not passed on, nor is anything after it."""

    def __init__(self, dsn: str, port: int, words: bytes) -> None:
        there = conninfo_to_dict(dsn)
        self._target = (str(there["host"]), int(str(there["port"])))
        self.url = f"postgresql://{there['user']}:{there['password']}@127.0.0.1:{port}/{there['dbname']}"
        self.is_cut = threading.Event()
        self._words, self._port = words, port
        self._open: set[socket.socket] = set()
        self._listener: socket.socket | None = None

    def __enter__(self) -> CutLine:
        self._listen()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.cut()

    def _listen(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", self._port))
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def cut(self) -> None:
        """Nobody is let through, and whoever was is hung up on."""
        self.is_cut.set()
        if self._listener is not None:
            with contextlib.suppress(OSError):
                self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()
            self._listener = None
        for each in list(self._open):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    def _accept(self, listener: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = listener.accept()
                far = socket.create_connection(self._target)
                self._open |= {near, far}
                for source, sink, words in ((near, far, self._words), (far, near, b"")):
                    threading.Thread(target=self._pump, args=(source, sink, words), daemon=True).start()

    def _pump(self, source: socket.socket, sink: socket.socket, words: bytes) -> None:
        with contextlib.suppress(OSError):
            for chunk in iter(lambda: source.recv(65536), b""):
                if words and words in chunk:
                    self.cut()
                    break
                sink.sendall(chunk)
        for each in (source, sink):
            self._open.discard(each)
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()
