"""A serial port of this machine as a line to meters: RS-485, RS-232, an optical head."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from collector.errors import LinkDown
from collector.links.serial_port import PortTransport, open_port
from collector.links.wire import Medium, Wire
from protocols.modem.stream import ModemStream

DRAIN_S = 60.0  # 1,000 characters at 300 bit/s take half of this
LEAVE_S = 5.0
CHARACTER_BITS = 10
_POLL_S = 0.005


class SerialLine(Wire):
    """A `ByteStream` whose speed can be changed; each conversation begins at the first one."""

    medium = Medium.BARE

    def __init__(self, device: str, bps: int) -> None:
        super().__init__(device, ModemStream("transparent"))
        self.gone = asyncio.Event()
        self._bps = self._first_bps = bps

    def take_lease(self, *, broke_off: bool = False) -> None:
        super().take_lease(broke_off=broke_off)
        if self._bps != self._first_bps and isinstance(self._transport, PortTransport):
            self._transport.set_speed(self._first_bps)
            self._bps = self._first_bps

    def connection_lost(self, exc: Exception | None) -> None:
        self._end = self._end or f"serial port {self.modem} is gone ({exc}): check its cable"
        super().connection_lost(exc)
        self.gone.set()

    async def change_baud(self, bits_per_second: int) -> None:
        """Go on at this speed once everything written has left; raises `LinkDown` when it does not leave."""
        if not await self.sent(DRAIN_S):
            self.poison(f"serial port {self.modem} does not send: check its flow control")
        port = self._transport
        if not self.up or not isinstance(port, PortTransport):
            raise LinkDown(self.modem, self.poisoned or self._end)
        port.set_speed(bits_per_second)
        self._bps = bits_per_second

    async def sent(self, seconds: float) -> bool:
        """Wait until everything written has left, for so long at most; whether it has."""
        loop = asyncio.get_running_loop()
        end = loop.time() + seconds
        port = self._transport
        while isinstance(port, PortTransport) and port.unsent:
            if loop.time() > end:
                return False
            await asyncio.sleep(_POLL_S)
        # What has left the machine may still stand in the shift register of the port or of an adapter.
        await asyncio.sleep(2 * CHARACTER_BITS / self._bps)
        return True


@asynccontextmanager
async def serial_line(device: str, bps: int = 9600, bits: str = "8N1") -> AsyncIterator[SerialLine]:
    """The port, alone, at this speed; `bits` are data bits, parity (N, E, O) and stop bits.

    Raises `LinkDown` when it cannot be had, `BadAddress` for bits that make no sense.
    """
    loop = asyncio.get_running_loop()
    port = await loop.run_in_executor(None, open_port, device, bps, bits)
    line = SerialLine(device, bps)
    transport = PortTransport(loop, port, line)
    await asyncio.sleep(0)  # the line learns of its transport in the loop's next turn
    line.take_lease()
    try:
        yield line
    finally:
        if line.up:
            await line.sent(LEAVE_S)  # the last word, as a rule
        transport.abort()
        await line.gone.wait()
