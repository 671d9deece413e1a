"""Hostile meters on real sockets, a case a line: a readout that says what was wrong, in bounded time and
memory, the line hung up, no part of a profile taken for the whole, the meter read again once it behaves.

The same cases at the level of bytes stand in tests/unit/test_protocols_bad_input*.py.
"""

from __future__ import annotations

import asyncio
import contextlib
import resource
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from dataclasses import dataclass
from typing import Any

import pytest

from collector.errors import AnswerTimeout, LinkDown
from collector.exchange import read_meter
from collector.exchange.conversation import Conversation
from collector.exchange.modbus_line import ModbusLine
from collector.exchange.mode_c_line import ModeCLine
from collector.links.kinds import DialOut
from collector.links.wire import ByteStream, Wire
from model.clock import frozen
from model.grid import Modem, ModemLink
from protocols.dlms.apdu import (
    DataNotification,
    GetResponseNormal,
    GetResponseWithBlock,
    InvokeId,
    LongInvokeId,
)
from protocols.dlms.client import ClientSettings
from protocols.dlms.security import MemoryCounters, SecuritySetup
from protocols.dlms.wrapper import Frame, Unwrapper
from protocols.errors import ProtocolError, RemoteError, SecurityError
from protocols.iec62056_21.client import ClientSettings as ModeCSettings
from protocols.iec62056_21.messages import Command, Data
from protocols.modbus.framing import Carrier, framing
from protocols.modbus.requests import ReadRegisters
from protocols.modbus.rtu import sealed
from tests.dlms_line import TEXT
from tests.fuzz import scenes
from tests.unit.test_collector_dlms import ALL, NOW, PROFILE, Scripted, items, meter, served

ANSWER_S = 0.4
AT_PROFILE = 5  # the fifth answer after the association's is the profile's


def hung_up(stream: ByteStream) -> bool:
    """Whether the line is not to be used again."""
    assert isinstance(stream, Wire)
    return not stream.up


def wrapped(payload: bytes, source: int = 1) -> bytes:
    return Frame(source, 17, payload).to_bytes()


def payload_of(answer: bytes) -> bytes:
    (frame,) = Unwrapper().feed(answer)
    return frame.payload


def invoke_of(answer: bytes) -> InvokeId:
    return InvokeId.from_byte(payload_of(answer)[2])


def said(spoil: Callable[[bytes], bytes]) -> Callable[[bytes], bytes]:
    """The right message spoiled, and framed as it should be."""
    return lambda answer: wrapped(spoil(payload_of(answer)))


NESTED = b"\x01\x01" * 10_000 + b"\x00"
PUSH = DataNotification(LongInvokeId(1), None, b"\x00").to_bytes()


@dataclass(frozen=True)
class Case:
    """What the meter says in place of its profile, how the conversation ends, and what is said of it."""

    spoil: Callable[[bytes], bytes]
    outcome: str
    why: str


def another_invoke(answer: bytes) -> bytes:
    return wrapped(GetResponseNormal(InvokeId((invoke_of(answer).number + 7) % 16), b"\x00").to_bytes())


def second_block(answer: bytes) -> bytes:
    return wrapped(GetResponseWithBlock(invoke_of(answer), False, 2, b"x").to_bytes())


NULLS = b"\x01\x84\x3b\x9a\xca\x00" + bytes(60_000)
ENDS, GOES_ON = "garbage|partial", "partial"
CASES: dict[str, Case] = {
    "truncated": Case(lambda answer: answer[: len(answer) // 2], GOES_ON, "half an answer"),
    "corrupted": Case(said(lambda raw: b"\xc4\x07" + raw[2:]), ENDS, "no message known"),
    "corrupted frame": Case(lambda answer: b"\x00\x09" + answer[2:], ENDS, "no wrapper frame"),
    "oversized": Case(said(lambda raw: raw + b"\x00"), GOES_ON, "bytes too many"),
    "endless pushes": Case(lambda answer: wrapped(PUSH) * 20_000, ENDS, "talks without end|half"),
    "reordered": Case(second_block, ENDS, "block 2 came"),
    "replayed": Case(lambda answer: answer * 2, ENDS, "was not expected"),
    "wrongly tagged": Case(said(lambda raw: b"\xc5\x01" + raw[2:3] + b"\x00"), ENDS, "not expected"),
    "wrong invoke-id": Case(another_invoke, ENDS, "an answer to request"),
    "from another meter": Case(lambda answer: wrapped(payload_of(answer), 2), ENDS, "a frame from 2"),
    "nested 10,000 deep": Case(said(lambda raw: raw[:4] + NESTED), GOES_ON, "nested deeper"),
    "a length of 4 GiB": Case(said(lambda raw: raw[:4] + b"\x09\x84\xff\xff\xff\xff"), GOES_ON, "announced"),
    "a billion nulls": Case(said(lambda raw: raw[:4] + NULLS), GOES_ON, "1000000000 elements"),
}
INSIDE = ("oversized", "nested 10,000 deep", "a length of 4 GiB", "a billion nulls")
"""What makes no sense in a message that was whole leaves the line as it was."""


@pytest.mark.parametrize("name", CASES)
async def test_a_meter_that_spoils_its_profile(name: str, free_port: int) -> None:
    case = CASES[name]
    script = Scripted()
    script.tamper = lambda number, answer: case.spoil(answer) if number == AT_PROFILE else answer
    async with served(free_port, script) as link:
        begin, memory = time.monotonic(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        async with link.lease() as stream:
            readout = await read_meter(stream, meter(), ALL, clock=frozen(NOW), answer_s=ANSWER_S)
            over = hung_up(stream)
        assert time.monotonic() - begin < 20
        assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - memory < 100 << 10  # KiB
        assert readout.outcome in case.outcome.split("|"), readout.detail
        assert PROFILE not in items(readout), "part of a profile taken for the whole"
        reasons = " ".join([readout.detail, *[one.reason for one in readout.rejected]])
        assert any(why in reasons for why in case.why.split("|")), reasons
        assert any(one.raw for one in readout.rejected), "no bytes"
        assert over == (name not in INSIDE)
        script.tamper = lambda number, answer: answer
        async with link.lease() as stream:
            again = await read_meter(stream, meter(), ALL, clock=frozen(NOW), answer_s=ANSWER_S)
        assert again.outcome == "ok"
        assert script.calls == (2 if over else 1)


Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Coroutine[Any, Any, None]]


@contextlib.asynccontextmanager
async def line_to(port: int, serve: Serve, dialect: str = "transparent") -> AsyncIterator[DialOut]:
    """A line to a meter that does what a test wants; at the end nobody is left talking."""
    talking: set[asyncio.Task[None]] = set()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        talking.add(task)
        try:
            with contextlib.suppress(ConnectionError):
                await serve(reader, writer)
        finally:
            writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", port)
    modem = Modem("M1", ModemLink.DIAL_OUT, host="127.0.0.1", port=port, dialect=dialect)
    link = DialOut(modem)
    try:
        yield link
    finally:
        link.close()
        server.close()
        for task in talking:
            task.cancel()
        await asyncio.gather(*talking, return_exceptions=True)
        await server.wait_closed()
        await asyncio.sleep(0.02)


@pytest.mark.parametrize("pace", [0.01, 0.2])
async def test_a_meter_that_is_slow(pace: float, free_port: int) -> None:
    """A byte at a time: what does not come in time does not come, however much of it there is already."""

    async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        meter_ = scenes.scene().meter
        while chunk := await reader.read(4096):
            for octet in meter_.receive(chunk):
                writer.write(bytes((octet,)))
                await asyncio.sleep(pace)

    async with line_to(free_port, drip) as link:
        begin = time.monotonic()
        with pytest.raises(AnswerTimeout, match="about the association") as late:
            async with link.lease() as stream:
                await Conversation(stream, ClientSettings(answer_seconds=0.3)).associate()
        assert time.monotonic() - begin < 3
        assert late.value.heard
        assert hung_up(stream)


async def test_an_answer_after_its_time_out_is_nobodys(free_port: int) -> None:
    """The line is hung up with the time-out; the late answer finds nobody, and the next call has its own."""
    held: list[bytes] = []

    async def late(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        meter_ = scenes.scene().meter
        while chunk := await reader.read(4096):
            answer = meter_.receive(chunk)
            if not held and b"\xc0\x01" in chunk:
                held.append(answer)
                await asyncio.sleep(0.5)
            writer.write(answer)
            await writer.drain()

    async with line_to(free_port, late) as link:
        settings = ClientSettings(answer_seconds=0.2)
        with pytest.raises(AnswerTimeout):
            async with link.lease() as stream:
                talk = Conversation(stream, settings)
                await talk.associate()
                await talk.get(TEXT)
        await asyncio.sleep(0.5)
        async with link.lease() as again:
            assert again is not stream
            talk = Conversation(again, settings)
            await talk.associate()
            assert len(await talk.get(TEXT)) > 700
    assert held


async def test_blocks_that_never_end_are_given_up(free_port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """A byte a block, each in time: an answer may last so many time-outs and no more."""
    monkeypatch.setattr("collector.exchange.conversation.WHOLE", 5)

    async def endless(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        meter_ = scenes.scene().meter
        number = 0
        while chunk := await reader.read(4096):
            if b"\xc0\x01" in chunk or b"\xc0\x02" in chunk:
                number += 1
                await asyncio.sleep(0.05)
                block = GetResponseWithBlock(InvokeId(1), False, number, b"x")
                writer.write(Frame(1, 16, block.to_bytes()).to_bytes())
            else:
                writer.write(meter_.receive(chunk))

    async with line_to(free_port, endless) as link:
        begin = time.monotonic()
        with pytest.raises(AnswerTimeout):
            async with link.lease() as stream:
                talk = Conversation(stream, ClientSettings(answer_seconds=0.3))
                await talk.associate()
                await talk.get(TEXT)
        assert 1 < time.monotonic() - begin < 5
        assert hung_up(stream)


SPOILED: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "a changed tag": (lambda raw: raw[:-1] + bytes((raw[-1] ^ 1,)), "changed|tag"),
    "another's system title": (lambda raw: raw[:8] + b"\xdb\x08STRANGER" + raw[9:], "system title"),
    "plain": (lambda raw: raw[:8] + b"\xc4\x01\xc1\x00\x00", "plain message"),
    "replayed": (lambda raw: raw, "invocation counter"),
}


@pytest.mark.parametrize("name", SPOILED)
async def test_ciphered_answers_that_must_not_be_believed(name: str, free_port: int) -> None:
    spoil, why = SPOILED[name]
    before: list[bytes] = []

    async def lie(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        meter_ = scenes.scene("ciphered", max_pdu=1024).meter
        while chunk := await reader.read(4096):
            answer = meter_.receive(chunk)
            if chunk[8] != 0x60:
                if name == "replayed":
                    before.append(answer)
                    answer = before[0]
                else:
                    spoiled = spoil(answer)
                    answer = spoiled[:6] + (len(spoiled) - 8).to_bytes(2, "big") + spoiled[8:]
            writer.write(answer)

    async with line_to(free_port, lie) as link:
        security = SecuritySetup(scenes.HEAD_END, scenes.KEY, scenes.AUTHENTICATION)
        settings = ClientSettings(1, 1, security=security, counters=MemoryCounters(), answer_seconds=2)
        with pytest.raises(SecurityError) as wrong:
            async with link.lease() as stream:
                talk = Conversation(stream, settings)
                await talk.associate()
                await talk.get(TEXT)
                await talk.get(TEXT)
        assert any(part in wrong.value.reason for part in why.split("|")), wrong.value.reason
        assert wrong.value.raw
        assert hung_up(stream)


def says(*answers: bytes) -> Serve:
    """A meter that says these, one for each thing it hears, and then the last again and again."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        left = list(answers)
        while await reader.read(4096):
            writer.write(left.pop(0) if len(left) > 1 else left[0])
            await writer.drain()

    return serve


WORDS = b"\x01" + bytes.fromhex("0306000100020003")
MODBUS: dict[str, tuple[Carrier, bytes]] = {
    "truncated": (Carrier.RTU, sealed(WORDS)[:-3]),
    "corrupted": (Carrier.RTU, sealed(WORDS)[:-1] + b"\x00"),
    "oversized": (Carrier.RTU, sealed(WORDS) + b"\x00"),
    "endless": (Carrier.RTU, b"\x01\x03\x06" + bytes(1 << 20)),
    "of another unit": (Carrier.RTU, sealed(b"\x02" + WORDS[1:])),
    "a transaction nobody began": (Carrier.MBAP, bytes.fromhex("0099 0000 0009") + WORDS),
    "a length of 65,535": (Carrier.MBAP, bytes.fromhex("0001 0000 ffff") + WORDS),
}


@pytest.mark.parametrize("name", MODBUS)
async def test_a_modbus_meter_that_answers_badly(name: str, free_port: int) -> None:
    carrier, answer = MODBUS[name]
    async with line_to(free_port, says(answer)) as link:
        begin = time.monotonic()
        with pytest.raises((ProtocolError, AnswerTimeout, LinkDown)) as wrong:
            async with link.lease() as stream:
                line = ModbusLine(stream, framing(carrier, 1), 0.5)
                await line.ask(ReadRegisters(3, 0, 3))
                await line.ask(ReadRegisters(3, 0, 3))  # what is whole is an answer, what hangs on it is none
        assert time.monotonic() - begin < 5
        if isinstance(wrong.value, RemoteError):
            assert wrong.value.raw
        assert hung_up(stream)


WHO, PROGRAM = b"/DKE5TEST\r\n", Command("P0", "()").to_bytes()
ONE, OTHER, MANY = (
    Data(b"1.8.0(1)").to_bytes(),
    Data(b"2.8.0(1)").to_bytes(),
    Data(b"1(1)" * 4000, False).to_bytes(),
)
MODE_C: dict[str, tuple[tuple[bytes, ...], str]] = {
    "noise": ((b"\xfe\xfd" * 64,), "no message begins"),
    "truncated": ((WHO, PROGRAM, ONE[:8]), "no answer about"),
    "corrupted": ((WHO, PROGRAM, ONE[:-1] + b"\x00"), "damaged"),
    "endless": ((WHO, PROGRAM, MANY), "more than"),
    "endless fill": ((WHO, PROGRAM, bytes(1 << 20)), "without a message"),
    "about something else": ((WHO, PROGRAM, OTHER), r"about 2\.8\.0"),
}


@pytest.mark.parametrize("name", MODE_C)
async def test_a_mode_c_meter_that_answers_badly(name: str, free_port: int) -> None:
    answers, why = MODE_C[name]
    async with line_to(free_port, says(*answers)) as link:
        begin = time.monotonic()
        with pytest.raises((ProtocolError, AnswerTimeout), match=why) as wrong:
            async with link.lease() as stream:
                line = ModeCLine(stream, ModeCSettings(answer_seconds=0.5))
                await line.program()
                await line.read("1.8.0")
        assert time.monotonic() - begin < 10
        assert getattr(wrong.value, "raw", b"") or getattr(wrong.value, "heard", b"")
        assert hung_up(stream)


async def test_a_modem_whose_heartbeats_want_answers_it_does_not_take(free_port: int) -> None:
    """What is owed to it is bounded: it is hung up, not remembered for ever."""

    async def flood(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"IMEI:868123456789012\r\n")
        while not writer.is_closing():
            writer.write(b"HB:868123456789012\r\n" * 1000)
            await writer.drain()

    async with line_to(free_port, flood, "text-once") as link:
        with pytest.raises(LinkDown, match="does not take them"):
            async with asyncio.timeout(20), link.lease() as stream:
                await stream.read()
