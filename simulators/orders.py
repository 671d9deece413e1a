"""Lines of a file descriptor, as they come: the orders to a simulation."""

from __future__ import annotations

import asyncio
import contextlib
import os
import threading


def listen(loop: asyncio.AbstractEventLoop, orders: asyncio.Queue[str | None], descriptor: int) -> None:
    """Bring lines of a file descriptor into the loop, None at its end.

    A thread that reads the bare descriptor works for pipes, files and terminals alike, and its buffer holds
    no lock that the interpreter would wait for on leaving.
    """

    def put(line: str | None) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is gone: nobody is listening any more
            loop.call_soon_threadsafe(orders.put_nowait, line)

    def read() -> None:
        kept = b""
        try:
            while chunk := os.read(descriptor, 65536):
                *lines, kept = (kept + chunk).split(b"\n")
                for line in lines:
                    put(line.decode("utf-8", "replace"))
        except OSError:
            pass  # a closed descriptor is an end like any other
        if kept.strip():
            put(kept.decode("utf-8", "replace"))
        put(None)

    threading.Thread(target=read, name="orders", daemon=True).start()
