"""`ami serve`: the pages."""

from __future__ import annotations

import json
import logging
import socket
import sys
import threading
from datetime import datetime

import rich_click as click
import uvicorn

from ami import clocks, home, logs
from ami.console import say
from ami.failure import Failure
from ami.options import AS_OF
from ami.order_acting import rules_of
from ami.settings import Settings, load
from analytics import warm_up
from dashboard.app import WebSettings, create_app

LOOPBACK = ("127.0.0.1", "::1", "localhost")


@click.command("serve")
@click.option("--host", help="Address to listen on; default: [web] host.")
@click.option("--port", type=click.IntRange(1, 65535), help="Port to listen on; default: [web] port.")
@AS_OF
@click.option("--ticking", is_flag=True, help="Run on from --as-of.")
@click.option(
    "--ready-line", is_flag=True, help="Print one JSON line with the address once pages are served."
)
def command(
    host: str | None, port: int | None, as_of: datetime | None, ticking: bool, ready_line: bool
) -> None:
    """Serve the pages for staff and customers (default http://127.0.0.1:8050)."""
    settings = load()
    logs.to_stderr(settings.log_format, logging.WARNING)
    host, port = host or settings.web_host, port or settings.web_port
    listener = _listen(host, port)
    scheme = "https" if settings.tls else "http"
    address = f"{scheme}://{'localhost' if host in ('0.0.0.0', '::') else host}:{port}/"
    with home.database(settings) as dsn, listener:
        app = create_app(
            WebSettings(
                dsn=dsn,
                supplier=settings.supplier,
                clock=clocks.clock(as_of, ticking=ticking),
                secure_cookies=settings.tls,
                rules=rules_of(settings),
            )
        )
        if host not in LOOPBACK and not settings.tls:
            say("Careful: these pages, passwords included, are on the network without TLS (docs/serving.md).")
        if ready_line:
            sys.stdout.write(json.dumps({"address": address}) + "\n")
            sys.stdout.flush()
        else:
            say(f"Serving {address} (Ctrl-C ends it)")
        # The first page that draws a curve should not wait for a compiler.
        threading.Thread(target=warm_up, name="warm-up", daemon=True).start()
        _serve(app, settings, listener)


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(256)
    except OSError as error:
        listener.close()
        said = f"The pages cannot be served on {host}:{port} ({error.strerror})"
        raise Failure(f"{said}: free the port or name another with --port.") from error
    return listener


def _serve(app: object, settings: Settings, listener: socket.socket) -> None:
    config = uvicorn.Config(
        app,  # type: ignore[arg-type]
        log_level="warning",
        access_log=False,
        server_header=False,
        ssl_certfile=settings.tls_certificate,
        ssl_keyfile=settings.tls_key,
        timeout_graceful_shutdown=3,
    )
    uvicorn.Server(config).run(sockets=[listener])
