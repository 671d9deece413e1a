"""Read one meter by its address alone: no register, no database, no model but the one the address names."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

from collector.links.kinds import DialOut
from collector.links.serial_line import serial_line
from collector.links.udp_line import udp_line
from collector.links.wire import ByteStream
from collector.single import dlms as single_dlms
from collector.single import modbus as single_modbus
from collector.single import mode_c as single_mode_c
from collector.single.found import Asked, Found
from collector.single.routes import Address, DlmsAddress, ModbusAddress, Route, SerialRoute, UdpRoute
from model.grid import Modem, ModemLink
from protocols.dlms.security import CounterStore, MemoryCounters


@asynccontextmanager
async def line_to(route: Route, timeout_s: float) -> AsyncIterator[ByteStream]:
    """A call, alone on the line; raises `LinkDown` when nobody answers."""
    if isinstance(route, SerialRoute):
        async with serial_line(route.device, route.bps, route.bits) as stream:
            yield stream
        return
    if isinstance(route, UdpRoute):
        async with udp_line(route.host, route.port) as datagrams:
            yield datagrams
        return
    modem = Modem(str(route), ModemLink.DIAL_OUT, host=route.host, port=route.port)
    link = DialOut(modem, timeout_s)
    try:
        async with link.lease() as stream:
            yield stream
    finally:
        link.close()
        await asyncio.sleep(0)  # the socket closes in the loop's next turn


async def read(address: Address, asked: Asked, counters: CounterStore | None = None) -> Found:
    """Read what was asked. `counters` are those of the keys; without them every call begins anew.

    Raises `NoLink` when the meter cannot be reached or falls silent, `protocols.errors.ProtocolError` when it
    will not be spoken to or breaks the protocol; items it refuses stand in the result.
    """
    call = partial(line_to, address.route, address.timeout_s)
    if isinstance(address, DlmsAddress):
        return await single_dlms.read(call, address, asked, counters or MemoryCounters())
    if isinstance(address, ModbusAddress):
        return await single_modbus.read(call, address, asked)
    async with call() as stream:
        return await single_mode_c.read(stream, address, asked)
