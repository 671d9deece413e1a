"""A modem that carries Modbus TCP: pymodbus serves the units behind it."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

from pymodbus.framer import FramerType
from pymodbus.server import ModbusTcpServer

from simulators.air import Air
from simulators.lines import Line
from simulators.modbus_meter import ModbusMeter

_UNIT = 6  # its place in the MBAP header
_HEADER = 9  # MBAP, function, count of bytes


@dataclass(slots=True)
class ModbusLine:
    """`took_profile` says, once, that the last answer holds records of a logger."""

    line: Line
    units: Mapping[int, ModbusMeter]
    air: Air
    took_profile: Callable[[], bool]
    server: ModbusTcpServer | None = None

    async def start(self, sock: socket.socket) -> None:
        """Serve a bound socket. A unit nobody has stays silent, as on a bus."""
        host, port = sock.getsockname()[:2]
        devices = [meter.device(unit) for unit, meter in self.units.items()]
        server = ModbusTcpServer(
            devices,
            framer=FramerType.SOCKET,
            address=(host, port),
            ignore_missing_devices=True,
            trace_packet=self._pass,
        )
        # pymodbus would bind by itself; the port has been taken already, so that nobody comes between.
        server.call_create = partial(
            asyncio.get_running_loop().create_server, server.handle_new_connection, sock=sock
        )
        await server.serve_forever(background=True)
        self.server = server

    async def stop(self) -> None:
        """Hang up and free the port."""
        if self.server is not None:
            await self.server.shutdown()  # type: ignore[no-untyped-call]

    def _pass(self, sending: bool, packet: bytes) -> bytes:
        if self.air.is_silent(self.line.code):
            return b""
        # pymodbus 3.16 answers for a unit that is not there with "device failure", whatever it is told.
        if len(packet) > _UNIT and packet[_UNIT] not in self.units:
            return b""
        if sending and self.took_profile() and len(packet) > _HEADER + 4 and self.air.spoils_one():
            return _shortened(packet)
        return packet


def _shortened(packet: bytes) -> bytes:
    """The answer with its last register lost, lengths and all: no check of Modbus TCP would show noise."""
    length = int.from_bytes(packet[4:6], "big") - 2
    return packet[:4] + length.to_bytes(2, "big") + packet[6:8] + bytes((packet[8] - 2,)) + packet[9:-2]
