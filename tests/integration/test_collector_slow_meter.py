"""A meter at the end of a slow line, or too busy to answer, in HDLC frames over a real socket."""

from __future__ import annotations

import asyncio
import contextlib
import re
import time
from collections.abc import AsyncIterator

import pytest

from collector.errors import AnswerTimeout
from collector.exchange.conversation import Conversation
from collector.single.read import line_to
from collector.single.routes import TcpRoute
from protocols.dlms import axdr
from protocols.dlms.client import ClientSettings
from protocols.dlms.hdlc.address import HdlcAddress
from protocols.dlms.hdlc.client import HdlcFraming
from protocols.dlms.hdlc.server import HdlcServerFraming
from protocols.dlms.server import ClientAccess, Device, ServerConnection
from tests.dlms_line import ENERGY, TEXT, Desk

ADDRESS = HdlcAddress(1)
ANSWER_S = 0.8
BUSY = 2
"""Time-outs of a meter that says it is busy: few, so that each may be long beside what a machine needs."""
PIECES = 100
PIECE_S = 1.25 * BUSY * ANSWER_S / PIECES
"""A piece is 40 times as prompt as it must be, and all of them together last longer than a busy meter may."""


@pytest.fixture(autouse=True)
def soon_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("collector.exchange.conversation.BUSY", BUSY)


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
    assert PIECE_S * 40 <= ANSWER_S
    desk, text = Desk(), bytes(128 * PIECES)  # a frame holds 128 bytes, where nothing else is agreed
    desk.values[TEXT] = axdr.octet_string(text)
    async with (
        meter(free_port, desk, HdlcServerFraming({ADDRESS: 1}), PIECE_S),
        line_to(TcpRoute("127.0.0.1", free_port), 5.0) as stream,
    ):
        talk = Conversation(stream, ClientSettings(answer_seconds=ANSWER_S), HdlcFraming(16, ADDRESS))
        await talk.associate()
        began = time.monotonic()
        assert axdr.decode(await talk.get(TEXT)).value == text
        assert time.monotonic() - began > BUSY * ANSWER_S
        await talk.release()


async def test_a_meter_that_says_it_is_busy_for_ever_is_told_from_a_silent_one(free_port: int) -> None:
    framing = HdlcServerFraming({ADDRESS: 1})
    async with (
        meter(free_port, Desk(), framing, 0.0),
        line_to(TcpRoute("127.0.0.1", free_port), 5.0) as stream,
    ):
        talk = Conversation(stream, ClientSettings(answer_seconds=ANSWER_S), HdlcFraming(16, ADDRESS))
        await talk.associate()
        framing.busy = True
        with pytest.raises(AnswerTimeout) as silent:
            await talk.get(ENERGY)
    said = re.search(r"stayed busy for (\d+) s and never answered about 1\.0\.1\.8", silent.value.sentence)
    assert said is not None, silent.value.sentence
    assert round(BUSY * ANSWER_S) <= int(said[1]) < 20
