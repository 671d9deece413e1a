"""What a head-end shows of itself over HTTP: /metrics for Prometheus, /livez and /readyz for whoever runs it.

The server is a thread of its own: a loop that hangs cannot say so, somebody beside it can. It answers few at
a time, reads no body, and hangs up on those who dawdle.
"""

from __future__ import annotations

import logging
import socket
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, HTTPServer
from socketserver import ThreadingMixIn
from typing import Final

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from collector.errors import reason
from collector.watch.metrics import REGISTRY

log = logging.getLogger("ami.health")

HUNG_S = 10.0
"""A loop that did nothing for so long hangs."""
AT_ONCE = 16
PATIENCE_S = 5.0  # for one request, from the first byte to the last of the answer
NEXT_PORTS = 32  # several nodes of one machine find a port each
PLAIN: Final = "text/plain; charset=utf-8"


class Health:
    """`silent_s` says for how long the loop has been silent, `unready` why no work should come here."""

    def __init__(self, silent_s: Callable[[], float], unready: Callable[[], str]) -> None:
        self._silent_s, self._unready = silent_s, unready

    def answer(self, path: str) -> tuple[int, str, bytes]:
        """Status, content type and body of a path."""
        if path == "/metrics":
            return 200, CONTENT_TYPE_LATEST, generate_latest(REGISTRY)
        if path == "/livez":
            silent = self._silent_s()
            if silent > HUNG_S:
                return 503, PLAIN, f"the event loop has hung for {silent:.1f} s\n".encode()
            return 200, PLAIN, f"alive, the event loop is {silent:.3f} s behind\n".encode()
        if path == "/readyz":
            unready = self._unready()
            return (503, PLAIN, f"{unready}\n".encode()) if unready else (200, PLAIN, b"ready\n")
        return 404, PLAIN, b"/metrics, /livez, /readyz\n"


class Server(ThreadingMixIn, HTTPServer):
    """Listening once made; `serve` in a thread, `stop` from another."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 64

    def __init__(self, health: Health, host: str, port: int) -> None:
        self.health = health
        self._room = threading.BoundedSemaphore(AT_ONCE)
        self._callers: dict[socket.socket, float] = {}
        self._guard = threading.Lock()
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        super().__init__((host, port), _Request)

    def server_bind(self) -> None:
        # Without the look-up of the machine's full name that http.server makes, which may take seconds.
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = str(self.server_address[0]), int(self.server_address[1])

    def process_request(self, request: socket.socket, client_address: object) -> None:  # type: ignore[override]
        if not self._room.acquire(blocking=False):
            self.shutdown_request(request)
            return
        with self._guard:
            self._callers[request] = time.monotonic() + PATIENCE_S
        super().process_request(request, client_address)

    def process_request_thread(self, request: socket.socket, client_address: object) -> None:  # type: ignore[override]
        try:
            super().process_request_thread(request, client_address)
        finally:
            with self._guard:
                self._callers.pop(request, None)
            self._room.release()

    def service_actions(self) -> None:
        """Between two looks at the door: whoever dawdles is sent away."""
        now = time.monotonic()
        with self._guard:
            late = [request for request, until in self._callers.items() if now > until]
        for request in late:
            try:
                request.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue  # it has gone by itself

    def handle_error(self, request: object, client_address: object) -> None:
        """A caller that went in the middle is none of our business."""


class _Request(BaseHTTPRequestHandler):
    server: Server
    timeout = PATIENCE_S
    server_version, sys_version = "dienke", ""

    def do_GET(self) -> None:
        status, kind, body = self.server.health.answer(self.path.partition("?")[0])
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    do_HEAD = do_GET

    def log_message(self, format: str, *args: object) -> None:
        """A scrape every few seconds is no news."""


class Shown:
    """The server at work; `where` is its host:port."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self.host, self.port = str(server.server_address[0]), server.server_port
        self._thread = threading.Thread(target=server.serve_forever, args=(0.2,), name="health", daemon=True)
        self._thread.start()

    @property
    def where(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    def close(self) -> None:
        """Listen no more."""
        self._server.shutdown()
        self._thread.join(PATIENCE_S)
        self._server.server_close()


def show(health: Health, host: str, port: int) -> Shown | None:
    """Show it at the port or, that being taken, at one of the next; None (and a line in the log) where none
    can be had: meters are read all the same."""
    said = ""
    for tried in range(port, min(port + NEXT_PORTS, 65536)):
        try:
            shown = Shown(Server(health, host, tried))
        except OSError as error:
            said = reason(error)
            continue
        if tried != port:
            log.warning("port %d for /metrics is taken (%s): it is shown at %s", port, said, shown.where)
        return shown
    log.error(
        "no port from %d on is free on %s for /metrics (%s): set [collector] metrics_port", port, host, said
    )
    return None
