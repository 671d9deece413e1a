"""What simulated meters send of their own accord: the lists of their model, wrapped, over TCP or UDP."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Mapping
from typing import Final

from protocols.dlms import axdr
from protocols.dlms.enums import DataAccessResult
from protocols.dlms.notice import DataNotification
from protocols.dlms.objects import InterfaceClass
from protocols.dlms.reference import LongInvokeId
from protocols.dlms.selection import EntrySelection
from protocols.dlms.wrapper import Frame
from protocols.meter_models.pushing import PushList
from simulators.dlms_meter import DlmsMeter, Lent
from simulators.errors import SimulatorError

ROWS: Final = 1  # of a profile that stand in a push
DAY: Final = 48
COLLECTOR: Final = 1  # the wrapper port pushes go to


def notification(
    meter: DlmsMeter | Lent, layout: PushList, number: int, *, rows: int = ROWS, event: int = 0,
    confirmed: bool = False,
) -> DataNotification:  # fmt: skip
    """The list as the meter would send it now; event objects hold the code `event`."""
    body = [_value(meter, layout, at, rows, event) for at in range(len(layout.objects))]
    whole = bytes((axdr.Tag.STRUCTURE, len(body))) + b"".join(body)
    return DataNotification(LongInvokeId(number & 0xFFFFFF, confirmed=confirmed), None, whole)


def _value(meter: DlmsMeter | Lent, layout: PushList, at: int, rows: int, event: int) -> bytes:
    asked = layout.objects[at]
    if asked.class_id == InterfaceClass.PUSH_SETUP:
        return axdr.encode(axdr.octet_string(asked.obis.to_bytes()))
    if (asked.obis.a, asked.obis.c, asked.obis.d) == (0, 96, 11):
        return axdr.encode(axdr.unsigned(event))
    selection = None
    if asked.class_id == InterfaceClass.PROFILE_GENERIC:
        answer = meter.read(asked.class_id, asked.obis, 7, None)  # entries in use: the newest are the last
        count = 0 if isinstance(answer, bytes | DataAccessResult) else int(answer.value)
        selection = EntrySelection(max(1, count - rows + 1), count)
    found = meter.read(asked.class_id, asked.obis, asked.number, selection)
    if isinstance(found, DataAccessResult):
        raise SimulatorError(f"the meter's model pushes {asked.obis}, which it does not have: {found.name}")
    return found if isinstance(found, bytes) else axdr.encode(found)


def in_plain(serial: str, message: bytes) -> bytes:
    """As a meter without keys sends it."""
    return message


class Pushing:
    """Meters that push their first list, each every `every_s` seconds, not all at once.

    `sealed` is a meter's message as it travels, by its serial.

    One that cannot reach the head-end, or hears no confirmation, says the same again the next time.
    """

    def __init__(
        self, meters: Mapping[str, Callable[[], DlmsMeter | Lent]], to: tuple[str, int], every_s: float,
        sealed: Callable[[str, bytes], bytes] = in_plain,
    ) -> None:  # fmt: skip
        self._meters, self._to, self._every_s, self._sealed = meters, to, every_s, sealed
        self._number = 0
        self._task: asyncio.Task[None] | None = None
        self.confirmed = 0

    def start(self) -> None:
        """Push until stopped."""
        self._task = asyncio.get_running_loop().create_task(self._serve())

    async def stop(self) -> None:
        """No more."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _serve(self) -> None:
        pause = self._every_s / max(1, len(self._meters))
        while True:
            for serial, meter in self._meters.items():
                with contextlib.suppress(OSError):
                    await self._push(serial, meter())
                await asyncio.sleep(pause)

    async def _push(self, serial: str, meter: DlmsMeter | Lent) -> None:
        self._number += 1
        layout = meter.instrument.model.pushes.lists[0]
        told = notification(meter, layout, self._number, rows=DAY, confirmed=True)
        self.confirmed += bool(await send(self._sealed(serial, told.to_bytes()), COLLECTOR, self._to))


async def send(
    message: bytes, server: int, to: tuple[str, int], *, udp: bool = False, wait_s: float = 1.0
) -> bytes:
    """Push one message; what comes back within `wait_s`, as a rule nothing."""
    raw = Frame(server, COLLECTOR, message).to_bytes()
    if udp:
        return await _send_datagram(raw, to, wait_s)
    reader, writer = await asyncio.open_connection(*to)
    try:
        writer.write(raw)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(wait_s):
                return await reader.read(1000)
        return b""
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


async def _send_datagram(raw: bytes, to: tuple[str, int], wait_s: float) -> bytes:
    came: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    class Sender(asyncio.DatagramProtocol):
        def datagram_received(self, data: bytes, addr: object) -> None:
            if not came.done():
                came.set_result(data)

    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(Sender, remote_addr=to)
    try:
        transport.sendto(raw)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(wait_s):
                return await came
        return b""
    finally:
        transport.close()
        await asyncio.sleep(0)  # the socket closes in the loop's next turn
