"""Ports of servers on this machine, below those the kernel hands out to clients."""

from __future__ import annotations

import random
import socket

LOWEST, HIGHEST = 15000, 31999


def is_free(port: int) -> bool:
    """Whether a server could listen on 127.0.0.1:`port` now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def choose() -> int:
    """A port that is free now; from 32768 on, the kernel may hand it to a client while the server is down."""
    while True:
        port = random.randint(LOWEST, HIGHEST)  # no secret
        if is_free(port):
            return port
