"""A meter at the end of a slow line, or too busy to answer, in HDLC frames over a real socket."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator

import pytest

from collector.errors import AnswerTimeout
from collector.exchange.conversation import BUSY, Conversation
from collector.routes import TcpRoute
from collector.single_read import line_to
from protocols.dlms import axdr
from protocols.dlms.client import ClientSettings
from protocols.dlms.hdlc.address import HdlcAddress
from protocols.dlms.hdlc.client import HdlcFraming
from protocols.dlms.hdlc.server import HdlcServerFraming
from protocols.dlms.server import ClientAccess, Device, ServerConnection
from tests.dlms_line import ENERGY, TEXT, Desk

ADDRESS = HdlcAddress(1)


@contextlib.asynccontextmanager
async def meter(port: int, desk: Desk, framing: HdlcServerFraming, delay: float) -> AsyncIterator[None]:
    """A meter whose every answer is `delay` seconds under way."""
    lines: list[asyncio.Task[None]] = []
    device = Device(desk, {16: ClientAccess()}, 0xFFFF)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if (task := asyncio.current_task()) is not None:
            lines.append(task)
        link = ServerConnection({1: device}, framing)
        while chunk := await reader.read(65536):
            answer = link.receive(chunk)
            await asyncio.sleep(delay)
            writer.write(answer)
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()

    server = await asyncio.start_server(serve, "127.0.0.1", port)
    try:
        yield
    finally:
        server.close()
        await server.wait_closed()
        await asyncio.gather(*lines)


async def test_a_long_answer_may_take_its_time_while_every_piece_of_it_is_prompt(free_port: int) -> None:
    seconds, delay = 0.07, 0.02
    desk = Desk()
    desk.values[TEXT] = axdr.octet_string(bytes(12_800))
    async with (
        meter(free_port, desk, HdlcServerFraming({ADDRESS: 1}), delay),
        line_to(TcpRoute("127.0.0.1", free_port), 5.0) as stream,
    ):
        talk = Conversation(stream, ClientSettings(answer_seconds=seconds), HdlcFraming(16, ADDRESS))
        await talk.associate()
        began = time.monotonic()
        assert axdr.decode(await talk.get(TEXT)).value == bytes(12_800)
        assert time.monotonic() - began > BUSY * seconds
        await talk.release()


async def test_a_meter_that_says_it_is_busy_for_ever_is_told_from_a_silent_one(free_port: int) -> None:
    framing = HdlcServerFraming({ADDRESS: 1})
    async with (
        meter(free_port, Desk(), framing, 0.0),
        line_to(TcpRoute("127.0.0.1", free_port), 5.0) as stream,
    ):
        talk = Conversation(stream, ClientSettings(answer_seconds=0.05), HdlcFraming(16, ADDRESS))
        await talk.associate()
        framing.busy = True
        with pytest.raises(AnswerTimeout, match=r"stayed busy for 1 s and never answered about 1\.0\.1\.8"):
            await talk.get(ENERGY)
