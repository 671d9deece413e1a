"""Sockets for modems to listen on: the first free ports from a given one."""

from __future__ import annotations

import errno
import socket

from simulators import descriptors
from simulators.errors import SimulatorError
from simulators.options import HIGHEST_PORT


def listening(host: str, port_from: int, count: int, *, onwards: bool = False) -> list[socket.socket]:
    """So many bound sockets on rising ports; ports somebody else has are passed over.

    `onwards`: where the ports of a loopback address run out, those of the next one are taken (127.0.0.2 …),
    so that every modem has a port of its own. Raises `SimulatorError` when there are not enough below 32768,
    the host is not this machine's, or the machine lets one program have no more sockets.
    """
    descriptors.raise_limit()
    found: list[socket.socket] = []
    try:
        for at in _hosts(host) if onwards else (host,):
            for port in range(port_from, HIGHEST_PORT + 1):
                if len(found) == count:
                    return found
                taken = _bound(at, port)
                if taken is not None:
                    found.append(taken)
        if len(found) == count:
            return found
        raise SimulatorError(
            f"only {len(found)} of {count} ports are free on {host} from {port_from} to {HIGHEST_PORT}: "
            "start from a lower port or stop another fleet"
        )
    except BaseException:
        for each in found:
            each.close()
        raise


def _hosts(host: str) -> list[str]:
    """The address, and the loopback addresses after it in its last place."""
    if not host.startswith("127."):
        return [host]
    front, _, last = host.rpartition(".")
    return [f"{front}.{number}" for number in range(int(last), 255)]


def one(host: str, port: int) -> socket.socket:
    """A bound socket on this very port (0: any that is free); raises `SimulatorError` when it is taken."""
    taken = _bound(host, port)
    if taken is None:
        raise SimulatorError(f"port {port} of {host} is taken or not to be had: choose another")
    return taken


def _bound(host: str, port: int) -> socket.socket | None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        sock = socket.socket(family, socket.SOCK_STREAM)
    except OSError as error:
        raise SimulatorError(descriptors.SENTENCE) from error
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((host, port))
        sock.listen(64)
        sock.setblocking(False)
    except OSError as error:
        sock.close()
        if isinstance(error, socket.gaierror) or error.errno == errno.EADDRNOTAVAIL:
            raise SimulatorError(
                f"modems cannot listen on {host}: it is no address of this machine"
            ) from error
        return None
    return sock
