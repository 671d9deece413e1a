"""Modbus over a stream: against pymodbus's server as a foreign peer, and against one that answers badly."""

import asyncio
import contextlib
import struct
from collections.abc import AsyncIterator, Callable
from datetime import datetime, timedelta

import pytest
from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

from collector.errors import AnswerTimeout, LinkDown
from collector.exchange.modbus import half_hours
from collector.exchange.modbus_line import ModbusLine
from collector.links.kinds import DialOut
from collector.single.address import parse
from collector.single.found import Asked
from collector.single.read import read
from model.grid import Modem, ModemLink
from model.period import LOCAL
from model.readout import RegisterRead
from model.series import Channel, Rate, Unit
from protocols.errors import RemoteError, ServiceRefused
from protocols.modbus.mbap import MbapFraming
from protocols.modbus.registers import Block

Answer = Callable[[bytes], bytes]


def line(port: int) -> DialOut:
    return DialOut(Modem("M1", ModemLink.DIAL_OUT, host="127.0.0.1", port=port))


@contextlib.asynccontextmanager
async def foreign(port: int) -> AsyncIterator[None]:
    words = [0x1234, 0xFFFF, 7, *range(200)]
    device = SimDevice(5, [SimData(40, values=words, datatype=DataType.REGISTERS)])
    server = ModbusTcpServer([device], address=("127.0.0.1", port), ignore_missing_devices=True)
    await server.serve_forever(background=True)
    try:
        yield
    finally:
        await server.shutdown()


@contextlib.asynccontextmanager
async def answering(port: int, *answers: Answer) -> AsyncIterator[None]:
    waiting = list(answers)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            while (asked := await reader.read(300)) and waiting:
                writer.write(waiting.pop(0)(asked))
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", port)
    try:
        yield
    finally:
        await asyncio.sleep(0.02)
        server.close()
        await server.wait_closed()


def good(asked: bytes, *words: int) -> bytes:
    body = struct.pack(f">BB{len(words)}H", 3, 2 * len(words), *words)
    return asked[:4] + struct.pack(">HB", len(body) + 1, asked[6]) + body


async def ask(port: int, block: Block, seconds: float = 0.3) -> list[int]:
    link = line(port)
    try:
        async with link.lease() as stream:
            return (await ModbusLine(stream, MbapFraming(5), seconds).read(block))[0]
    finally:
        link.close()
        await asyncio.sleep(0.01)


async def test_a_foreign_server_is_read_and_written(free_port: int) -> None:
    async with foreign(free_port):
        link = line(free_port)
        async with link.lease() as stream:
            modbus = ModbusLine(stream, MbapFraming(5), 2.0)
            assert (await modbus.read(Block(3, 40, 3)))[0] == [0x1234, 0xFFFF, 7]
            await modbus.write(41, [1, 2])
            assert (await modbus.read(Block(3, 40, 3)))[0] == [0x1234, 1, 2]
            assert len((await modbus.read(Block(3, 40, 125)))[0]) == 125
            with pytest.raises(ServiceRefused, match="illegal data address"):
                await modbus.read(Block(3, 4000, 2))
            assert (await modbus.read(Block(3, 42, 1)))[0] == [2]  # a no ends nothing
        link.close()
        await asyncio.sleep(0.02)


async def test_a_range_of_registers_is_read_by_address(free_port: int) -> None:
    async with foreign(free_port):
        found = await read(
            parse(f"modbus+tcp://127.0.0.1:{free_port}?unit=5"), Asked(("40:3", "9999:2", "x"))
        )
        await asyncio.sleep(0.02)
    assert found.registers == [
        {"item": "40:3", "raw": [0x1234, 0xFFFF, 7], "scaler": 0, "unit": "", "value": None}
    ]
    assert [refusal["item"] for refusal in found.refused] == ["9999:2", "x"]


async def test_a_dead_unit_is_a_timeout(free_port: int) -> None:
    async with answering(free_port, lambda _: b""):
        with pytest.raises(AnswerTimeout, match=r"registers 40 to 42 within 0.1 s"):
            await ask(free_port, Block(3, 40, 3), 0.1)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (lambda asked: good(asked, 1, 2), "4 bytes of registers came, 6 were due"),
        (
            lambda asked: b"\x77\x77" + good(asked, 1, 2, 3)[2:],
            "to another question came .transaction 30583, not [0-9]+",
        ),
        (
            lambda asked: good(asked, 1, 2, 3)[:6] + b"\x06" + good(asked, 1, 2, 3)[7:],
            "unit 6 answered where unit 5 was asked: correct the unit",
        ),
        (lambda asked: good(asked, 1, 2, 3)[:7] + b"\x04" + good(asked, 1, 2, 3)[8:], "function 4 answered"),
        (lambda asked: asked[:2] + b"\0\x01" + good(asked, 1, 2, 3)[4:], "no Modbus TCP .protocol 1"),
        (
            lambda asked: asked[:4] + b"\xff\xff" + good(asked, 1, 2, 3)[6:],
            "no Modbus TCP .protocol 0, length 65535",
        ),
    ],
)
async def test_an_answer_that_does_not_fit_is_not_believed(
    free_port: int, answer: Answer, reason: str
) -> None:
    async with answering(free_port, answer):
        with pytest.raises(RemoteError, match=reason):
            await ask(free_port, Block(3, 40, 3))


async def test_what_comes_behind_an_answer_ends_the_line(free_port: int) -> None:
    async with answering(free_port, lambda asked: good(asked, 1) + b"\0"):
        link = line(free_port)
        async with link.lease() as stream:
            talk = ModbusLine(stream, MbapFraming(5), 1.0)
            assert (await talk.read(Block(3, 40, 1)))[0] == [1]
            with pytest.raises(RemoteError, match="more bytes came"):
                await talk.read(Block(3, 41, 1))
        link.close()


async def test_an_answer_that_comes_too_late_is_never_taken_for_the_next_one(free_port: int) -> None:
    async with answering(free_port, lambda _: b"", lambda asked: good(asked, 2)):
        link = line(free_port)
        with pytest.raises(AnswerTimeout):
            async with link.lease() as stream:
                await ModbusLine(stream, MbapFraming(5), 0.1).read(Block(3, 100, 1))
        async with link.lease() as stream:  # a new call: the old one is poisoned
            assert (await ModbusLine(stream, MbapFraming(5), 0.5).read(Block(3, 200, 1)))[0] == [2]
        link.close()


async def test_half_an_answer_and_a_hang_up(free_port: int) -> None:
    async with answering(free_port, lambda asked: good(asked, 1, 2, 3)[:10]):
        with pytest.raises(AnswerTimeout) as caught:
            await ask(free_port, Block(3, 40, 3), 0.1)
        assert len(caught.value.heard) == 10
    async with answering(free_port):
        with pytest.raises(LinkDown):
            await ask(free_port, Block(3, 40, 3))


def test_only_an_index_read_within_a_minute_of_the_half_hour_is_that_of_the_half_hour() -> None:
    at = datetime(2026, 11, 20, 10, 30, tzinfo=LOCAL)

    def reads(when: datetime) -> tuple[RegisterRead, ...]:
        return (RegisterRead(Channel.ACTIVE_IMPORT, Rate.TOTAL, when, 4_711, 1, Unit.WATT_HOUR),)

    soon = at + timedelta(seconds=40)
    (block,) = half_hours(reads(soon), soon)
    assert (block.stamps, block.raw, block.scaler) == ((at,), (4_711,), 1)
    late = at + timedelta(seconds=61)
    assert half_hours(reads(late), late) == ()
