"""A modem that carries Modbus TCP: pymodbus serves the units behind it."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

from pymodbus.framer import FramerType
from pymodbus.server import ModbusTcpServer

from protocols.modbus.codes import Function
from protocols.modbus.identity import ReadIdentification, ReportServer
from protocols.modbus.server import AnyRequest, respond
from simulators.air import Air
from simulators.lines import Line
from simulators.modbus_meter import ModbusMeter

_UNIT, _FUNCTION = 6, 7  # their places: in the MBAP header, and behind it
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
        if sending:
            packet = self._named(packet)
        if sending and self.took_profile() and len(packet) > _HEADER + 4 and self.air.spoils_one():
            return _shortened(packet)
        return packet

    def _named(self, packet: bytes) -> bytes:
        """The answer; where pymodbus names itself (functions 17 and 43), the meter says who it is instead.

        pymodbus knows one name for all of its units, and words its report by itself.
        """
        asked: AnyRequest
        if len(packet) < _HEADER or packet[_FUNCTION] not in (
            Function.REPORT_SERVER_ID,
            Function.ENCAPSULATED_INTERFACE,
        ):
            return packet
        if packet[_FUNCTION] == Function.REPORT_SERVER_ID:
            asked = ReportServer()
        else:
            asked = ReadIdentification(packet[_FUNCTION + 2])
        said = respond(self.units[packet[_UNIT]], asked.to_bytes())
        return packet[:4] + (len(said) + 1).to_bytes(2, "big") + packet[_UNIT:_FUNCTION] + said


def _shortened(packet: bytes) -> bytes:
    """The answer with its last register lost, lengths and all: no check of Modbus TCP would show noise."""
    length = int.from_bytes(packet[4:6], "big") - 2
    return packet[:4] + length.to_bytes(2, "big") + packet[6:8] + bytes((packet[8] - 2,)) + packet[9:-2]
