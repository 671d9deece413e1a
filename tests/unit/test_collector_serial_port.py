"""A port's transport where the system is awkward: nothing yet, an error, a port that is gone."""

import asyncio
import errno
import os
import socket
from collections.abc import Callable
from typing import cast

import pytest
import serial

from collector.errors import LinkDown
from collector.links.serial_port import PortTransport, open_port

Call = Callable[..., object]


class Port:
    """As much of pyserial's port as the transport uses, over one end of a pair of sockets."""

    def __init__(self, end: socket.socket) -> None:
        self._end = end
        self.baudrate = 9600
        self.gone = False

    @property
    def out_waiting(self) -> int:
        if self.gone:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return 0

    def fileno(self) -> int:
        return self._end.fileno()

    def reset_output_buffer(self) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    def close(self) -> None:
        self._end.close()


class Heard(asyncio.Protocol):
    def __init__(self) -> None:
        self.heard, self.came = b"", asyncio.Event()
        self.lost: asyncio.Future[Exception | None] = asyncio.get_running_loop().create_future()

    def data_received(self, data: bytes) -> None:
        self.heard += data
        self.came.set()

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost.set_result(exc)


class Line:
    """A transport on a port that a test holds the other end of."""

    def __init__(self) -> None:
        self.far, near = socket.socketpair()
        self.far.setblocking(False)
        self.port, self.heard = Port(near), Heard()
        loop = asyncio.get_running_loop()
        self.transport = PortTransport(loop, cast("serial.Serial", self.port), self.heard)


@pytest.fixture
async def line() -> Line:
    return Line()


def once(monkeypatch: pytest.MonkeyPatch, name: str, fd: int, error: OSError) -> None:
    """The next call of `os.name` for this descriptor fails, those after it do what they do."""
    real: Call = getattr(os, name)
    errors = [error]

    def call(which: int, *more: object) -> object:
        if which == fd and errors:
            raise errors.pop()
        return real(which, *more)

    monkeypatch.setattr(os, name, call)


@pytest.mark.parametrize("error", [BlockingIOError(), InterruptedError()])
async def test_nothing_yet_is_no_error(line: Line, monkeypatch: pytest.MonkeyPatch, error: OSError) -> None:
    once(monkeypatch, "read", line.port.fileno(), error)
    once(monkeypatch, "write", line.port.fileno(), error)
    line.far.sendall(b"in")
    line.transport.write(b"out")
    assert (line.transport.get_write_buffer_size(), line.transport.unsent) == (3, 3)
    async with asyncio.timeout(5):
        await line.heard.came.wait()
        said = await asyncio.get_running_loop().sock_recv(line.far, 9)
    assert (line.heard.heard, said, line.transport.unsent) == (b"in", b"out", 0)
    line.transport.close()
    line.transport.abort()
    assert await line.heard.lost is None
    line.far.close()


@pytest.mark.parametrize("name", ["read", "write"])
async def test_an_error_ends_the_line_once(line: Line, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    once(monkeypatch, name, line.port.fileno(), OSError(errno.EIO, os.strerror(errno.EIO)))
    line.far.sendall(b"in")
    line.transport.write(b"out")
    assert isinstance(await line.heard.lost, ConnectionError)
    assert line.transport.is_closing()
    line.transport.write(b"more")  # said to nobody
    assert line.transport.unsent == 0
    line.far.close()


async def test_a_port_that_is_gone_sends_nothing(line: Line) -> None:
    line.far.close()
    line.port.gone = True
    assert line.transport.unsent == 0
    assert isinstance(await line.heard.lost, ConnectionError)


async def test_a_line_closed_before_it_began_is_never_listened_to(line: Line) -> None:
    line.transport.close()
    assert await line.heard.lost is None
    assert line.heard.heard == b""
    line.far.close()


def test_an_error_without_a_number_is_told_in_its_own_words(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: object, **more: object) -> None:
        raise ValueError("Not a valid baudrate: 1")

    monkeypatch.setattr(serial, "Serial", refuse)
    with pytest.raises(LinkDown, match=r"it does not do 1 bit/s with 8N1 \(Not a valid baudrate: 1\)"):
        open_port("/dev/ttyS0", 1, "8N1")
