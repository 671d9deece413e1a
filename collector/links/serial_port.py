"""A serial port in the event loop: the one file that knows pyserial (docs/adr/0010-serial-ports.md).

pyserial opens, locks and configures the port; bytes go through the loop's own readers and writers.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import re
import termios

import serial

from collector.errors import BadAddress, LinkDown, reason

_BITS = re.compile(r"([78])([NEO])([12])")
_CHUNK = 4096
_PSEUDO = "/dev/pts/"
_WHY = {
    errno.ENOENT: "it is not there: check the cable, and its name with ls /dev/tty*",
    errno.ENXIO: "nothing is connected to it: check the cable",
    errno.EACCES: "this user may not use it: add the user to the group that owns it (dialout)",
    errno.EPERM: "this user may not use it: add the user to the group that owns it (dialout)",
    errno.EBUSY: "another program has it: end that program",
    errno.EAGAIN: "another program has it: end that program",
    errno.ENOTTY: "it is no serial port: check the name",
    errno.EISDIR: "it is no serial port: check the name",
}


def open_port(device: str, bps: int, bits: str) -> serial.Serial:
    """The port, locked for us; `LinkDown` in one sentence when it cannot be had. Blocks for a moment."""
    match = _BITS.fullmatch(bits)
    if match is None:
        raise BadAddress(f"bits={bits} is not known: write data bits, parity and stop bits like 8N1 or 7E1")
    data, parity, stop = match.groups()
    if os.path.realpath(device).startswith(_PSEUDO):
        data, parity, stop = "8", "N", "1"  # bytes between two programs: nothing makes bits of them
    try:
        port = serial.Serial(
            device, bps, bytesize=int(data), parity=parity, stopbits=int(stop), exclusive=True
        )
        port.timeout = port.write_timeout = 0  # said again: opening forgives a port what it cannot do
    except (serial.SerialException, termios.error, OSError, ValueError) as error:
        why = _WHY.get(_number(error), f"it does not do {bps} bit/s with {bits} ({error.args[-1]})")
        raise LinkDown(device, f"serial port {device} cannot be used: {why}") from error
    return port


def _number(error: BaseException) -> int:
    """The system's number for an error; pyserial hides that of the terminal's beneath its own."""
    for each in (error, error.__context__):
        if isinstance(each, termios.error):
            return int(each.args[0])
        if isinstance(each, OSError) and each.errno:
            return each.errno
    return 0


class PortTransport(asyncio.Transport):
    """What `asyncio` has for sockets, for a port: bytes to a protocol as they come, bytes out as they go."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, port: serial.Serial, protocol: asyncio.Protocol
    ) -> None:
        super().__init__({"serial": port})
        self._loop, self._port, self._protocol = loop, port, protocol
        self._fd: int = port.fileno()
        self._unsent = bytearray()
        self._closing = False
        os.set_blocking(self._fd, False)
        loop.call_soon(protocol.connection_made, self)
        loop.call_soon(self._listen)

    @property
    def unsent(self) -> int:
        """Bytes that have not left the machine yet."""
        try:
            return 0 if self._closing else len(self._unsent) + self._port.out_waiting
        except OSError:
            return 0  # a port that has gone sends nothing; whoever reads is told

    def set_speed(self, bits_per_second: int) -> None:
        """Go on at this speed; what is on its way is lost."""
        self._port.baudrate = bits_per_second

    def is_closing(self) -> bool:
        return self._closing

    def get_write_buffer_size(self) -> int:
        return len(self._unsent)

    def write(self, data: bytes | bytearray | memoryview) -> None:
        if self._closing:
            return
        if not self._unsent:
            self._loop.add_writer(self._fd, self._send)
        self._unsent += data

    def close(self) -> None:
        self.abort()

    def abort(self) -> None:
        self._end(None)

    def _listen(self) -> None:
        if not self._closing:
            self._loop.add_reader(self._fd, self._receive)

    def _receive(self) -> None:
        try:
            chunk = os.read(self._fd, _CHUNK)
        except (BlockingIOError, InterruptedError):
            return
        except OSError as error:
            self._end(error)
            return
        if chunk:
            self._protocol.data_received(chunk)
        else:
            self._end(OSError(errno.EIO, os.strerror(errno.EIO)))

    def _send(self) -> None:
        try:
            del self._unsent[: os.write(self._fd, self._unsent)]
        except (BlockingIOError, InterruptedError):
            return
        except OSError as error:
            self._end(error)
            return
        if not self._unsent:
            self._loop.remove_writer(self._fd)

    def _end(self, error: OSError | None) -> None:
        if self._closing:
            return
        self._closing = True
        self._loop.remove_reader(self._fd)
        self._loop.remove_writer(self._fd)
        self._unsent.clear()
        with contextlib.suppress(OSError, termios.error):
            self._port.reset_output_buffer()  # else closing waits for what will never leave
        self._port.close()
        told = None if error is None else ConnectionError(reason(error))
        self._loop.call_soon(self._protocol.connection_lost, told)
