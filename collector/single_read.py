"""Read one meter by its address alone: no register, no database, no model but the one the address names."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from collector import single_dlms, single_modbus
from collector.address import Address, DlmsAddress
from collector.found import Asked, Found
from collector.links import DialOut
from collector.wire import ByteStream
from model.grid import Modem, ModemLink


@asynccontextmanager
async def line_to(address: Address) -> AsyncIterator[ByteStream]:
    """A call to the address, alone on the line; raises `LinkDown` when nobody answers."""
    modem = Modem(f"{address.host}:{address.port}", ModemLink.DIAL_OUT, host=address.host, port=address.port)
    link = DialOut(modem, address.timeout_s)
    try:
        async with link.lease() as stream:
            yield stream
    finally:
        link.close()
        await asyncio.sleep(0)  # the socket closes in the loop's next turn


async def read(address: Address, asked: Asked) -> Found:
    """Read what was asked.

    Raises `NoLink` when the meter cannot be reached or falls silent, `protocols.errors.ProtocolError` when it
    will not be spoken to or breaks the protocol; items it refuses stand in the result.
    """
    async with line_to(address) as stream:
        if isinstance(address, DlmsAddress):
            return await single_dlms.read(stream, address, asked)
        return await single_modbus.read(stream, address, asked)
