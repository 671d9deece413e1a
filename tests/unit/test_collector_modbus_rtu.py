"""Modbus over RTU: a bus of simulated real meters, read by the head-end and by address; lines gone wrong."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from datetime import datetime
from decimal import Decimal
from typing import ClassVar

import pytest
from pymodbus.client import AsyncModbusTcpClient
from pymodbus.framer import FramerType

from collector.errors import AnswerTimeout, LinkDown
from collector.exchange import read_meter
from collector.exchange.modbus_line import ModbusLine
from collector.links.kinds import DialOut
from collector.links.wire import Medium
from collector.polling.plan import Wanted
from collector.single.address import parse
from collector.single.found import Asked, Found, ProfileAsked
from collector.single.read import read
from model.grid import Modem, ModemLink
from model.period import LOCAL
from model.readout import Readout
from protocols import meter_models
from protocols.errors import RemoteError
from protocols.meter_models.model import Speech
from protocols.modbus.mbap import MbapFraming
from protocols.modbus.registers import Block
from protocols.modbus.rtu import RtuFraming, sealed
from simulators import ports
from simulators.answering import Answerer, Answering
from simulators.instrument import Instrument
from simulators.modbus_meter import ModbusMeter
from simulators.modbus_rtu_line import rtu_line
from simulators.single_meter import Port, SingleOptions, hung, identity
from storage.fleet import LineMeter

NOW = datetime(2026, 11, 21, 9, 10, tzinfo=LOCAL)
MODELS = [name for name in meter_models.names() if meter_models.load(name).speech is Speech.MODBUS]
REAL = [name for name in MODELS if not meter_models.load(name).simulated]


def instrument(model: str) -> Instrument:
    options = SingleOptions({Port.MODBUS_RTU_TCP: 0}, seed=3, as_of=NOW)
    return Instrument(hung(options, identity(options), NOW), meter_models.load(model), lambda: NOW)


@contextlib.asynccontextmanager
async def served(port: int, open_call: Callable[[], Answerer]) -> AsyncIterator[int]:
    serving = Answering(open_call)
    await serving.start(ports.one("127.0.0.1", port))
    try:
        yield port
    finally:
        await serving.stop()


def line_of_all() -> Callable[[], Answerer]:
    """One meter of every Modbus model there is on one bus: unit 1, 2, 3 …"""
    return rtu_line(
        {unit: ModbusMeter(instrument(name), lambda: None) for unit, name in enumerate(MODELS, 1)}
    )


def saying(*answers: bytes) -> Callable[[], Answerer]:
    """A line that answers with these, one a question, and echoes, however often it is called."""
    waiting = list(answers)
    return lambda: lambda asked: asked if asked[1] == 8 else waiting.pop(0) if waiting else b""


def dial(port: int, dialect: str = "transparent") -> DialOut:
    return DialOut(Modem("M1", ModemLink.DIAL_OUT, dialect, "127.0.0.1", port))


async def polled(
    port: int, unit: int, model: str, dialect: str = "transparent", answer_s: float = 2.0
) -> Readout:
    meter = LineMeter(1, "11432626", model, unit, None, None, NOW, None)
    link = dial(port, dialect)
    async with link.lease() as stream:
        found = await read_meter(
            stream, meter, Wanted(registers=True, instants=True), clock=lambda: NOW, answer_s=answer_s
        )
    link.close()
    await asyncio.sleep(0.01)
    return found


async def test_the_head_end_reads_every_real_meter_of_a_bus(free_port: int) -> None:
    async with served(free_port, line_of_all()) as port:
        for name in REAL:
            found, gauge = await polled(port, 1 + MODELS.index(name), name), instrument(name)
            assert (found.outcome, found.detail) == ("ok", "")
            reads = {(r.channel, r.rate): r for answer in found.answers for r in answer.registers}
            assert len(reads) == len(gauge.model.registers)
            for item in gauge.model.registers:
                got = reads[item.key.channel, item.key.rate]
                true = gauge.raw(item.key, item.place, gauge.second())
                # A float32 carries seven digits.
                assert got.raw == pytest.approx(true, rel=1e-6 if item.place.modbus.type.digits else 0)
            (instant,) = [one for answer in found.answers for one in answer.instants]
            assert 200 < (instant.voltage_v[0] or 0) < 250
            assert (instant.power_w or 0) > 0


async def test_a_gateway_is_spoken_to_in_modbus_tcp(free_port: int) -> None:
    async with served(free_port, saying(b"")) as port:
        found = await polled(port, 1, "eastron-sdm630", "modbus-gateway", 0.1)
        assert found.outcome == "timeout"

    heard: list[bytes] = []

    def listen() -> Answerer:
        def answer(chunk: bytes) -> bytes:
            heard.append(chunk)
            return chunk[:4] + b"\x00\x03\x01\x84\x0b"

        return answer

    async with served(free_port, listen) as port:
        found = await polled(port, 1, "eastron-sdm630", "modbus-gateway")
    assert heard[0][2:6] == b"\x00\x00\x00\x06"
    assert "gateway target failed to respond" in found.rejected[0].reason


async def by_address(port: int, items: str, query: str = "", **asked: object) -> Found:
    url = f"modbus+rtu+tcp://127.0.0.1:{port}?unit=1&timeout=0.3{query}"
    found = await read(parse(url, {}), Asked(tuple(items.split()), **asked))  # type: ignore[arg-type]
    await asyncio.sleep(0.01)
    return found


async def test_a_meter_is_read_by_address_code_and_clock(free_port: int) -> None:
    meter = ModbusMeter(instrument("dk-multi-mb"), lambda: None)
    async with served(free_port, rtu_line({1: meter})) as port:
        query = "&model=dk-multi-mb"
        found = await by_address(port, "0:2 1.0.1.8.0 1.0.32.7.0 1.0.9.8.0 oops 4000:2", query, clock=True)
        items = {register["item"]: register for register in found.registers}
        high, low = items["0:2"]["raw"]
        assert items["1.0.1.8.0"]["raw"] == high << 16 | low
        assert Decimal(items["1.0.32.7.0"]["value"]) > 200
        assert found.clock == NOW.isoformat()
        refused = {one["item"]: one["reason"] for one in found.refused}
        assert list(refused) == ["1.0.9.8.0", "oops", "4000:2"]
        assert "dk-multi-mb has no register" in refused["1.0.9.8.0"]
        assert "ADDRESS:COUNT" in refused["oops"]
        assert "illegal data address" in refused["4000:2"]
        bare = await by_address(port, "1.0.1.8.0 0:1", "", clock=True, objects=True)
        assert [one["item"] for one in bare.refused] == ["clock", "objects", "1.0.1.8.0"]
        assert len(bare.registers) == 1
        other = await by_address(port, "1.0.1.8.0 0:1", "&model=dk-1p")
        assert [one["item"] for one in other.refused] == ["1.0.1.8.0"]
        # Another model's registers: what is not there is refused, the rest is read.
        wrong = await by_address(port, "", "&model=dk-mb")
        assert [one["item"] for one in wrong.registers][:2] == ["1.0.1.8.0.255", "1.0.32.7.0.255"]
        dead = await by_address(port, "", "&model=eastron-sdm120")
        assert not dead.registers
        assert {one["reason"].split(": ")[1] for one in dead.refused} == {"illegal function"}


async def test_what_is_no_number_and_no_time_is_refused(free_port: int) -> None:
    nothing = sealed(bytes.fromhex("01 04 04 7FC00000"))
    async with served(free_port, saying(nothing, sealed(bytes.fromhex("01 03 04 FFFFFFFF")), b"")) as port:
        found = await by_address(port, "1.0.1.8.0", "&model=eastron-sdm120")
        assert "holds no number" in found.refused[0]["reason"]
        late = await by_address(port, "", "&model=dk-mb-log", clock=True)
        assert late.clock is not None
        assert late.clock.startswith("2136-02-07")
        with pytest.raises(AnswerTimeout):
            await by_address(port, "", "&model=dk-mb-log", clock=True)


async def test_the_logger_is_a_profile_by_entry_and_by_time(free_port: int) -> None:
    meter, gauge = ModbusMeter(instrument("dk-multi-mb"), lambda: None), instrument("dk-multi-mb")
    stamps = gauge.entries(with_start=True).stamps
    async with served(free_port, rtu_line({1: meter})) as port:

        async def profile(asked: ProfileAsked, query: str = "&model=dk-multi-mb") -> Found:
            return await by_address(port, "", query, profile=asked)

        first = await profile(ProfileAsked("1.0.99.1.0", entries=(1, 40)))
        assert first.profile is not None
        assert [column["item"] for column in first.profile["columns"]] == [
            "0.0.1.0.0.255", "status", "1.0.1.8.0.255", "1.0.3.8.0.255",
        ]  # fmt: skip
        rows = first.profile["rows"]
        assert [datetime.fromisoformat(row[0]).timestamp() for row in rows] == stamps[:40].tolist()
        begin = datetime.fromisoformat(rows[20][0])
        later = await profile(ProfileAsked("1.0.99.1.0", begin, datetime.fromisoformat(rows[39][0])))
        assert later.profile is not None
        assert later.profile["rows"] == rows[20:]
        whole = await profile(ProfileAsked("1.0.99.1.0"))
        assert whole.profile is not None
        assert len(whole.profile["rows"]) == len(stamps)
        for asked, query in (("1.0.99.2.0", "&model=dk-multi-mb"), ("1.0.99.1.0", "&model=dk-mb"), ("x", "")):
            refused = await profile(ProfileAsked(asked, entries=(1, 2)), query)
            assert refused.profile is None
            assert [one["item"] for one in refused.refused] == [asked]


async def test_one_answer_that_does_not_come_costs_one_item(free_port: int) -> None:
    good = sealed(bytes.fromhex("01 03 02 00C8"))
    async with served(free_port, saying(b"", good, good[:-1] + b"\0", good)) as port:
        found = await by_address(port, "100:1 200:1 300:1 201:1")
    assert [one["item"] for one in found.registers] == ["200:1", "201:1"]
    reasons = {one["item"]: one["reason"] for one in found.refused}
    assert "no answer about registers 100 to 100 within 0.3 s" in reasons["100:1"]
    assert "the check of an answer about registers 300 to 300 is wrong" in reasons["300:1"]


async def test_a_meter_that_falls_silent_is_left_alone(free_port: int) -> None:
    good = sealed(bytes.fromhex("01 03 02 00C8"))
    async with served(free_port, saying(good)) as port:
        found = await by_address(port, "1:1 2:1 3:1 4:1")
    assert [one["item"] for one in found.registers] == ["1:1"]
    assert [one["reason"][:12] for one in found.refused] == ["no answer ab", "no answer ab", "not asked an"]
    async with served(free_port, saying()) as port:
        with pytest.raises(AnswerTimeout, match="registers 1 to 1"):
            await by_address(port, "1:1 2:1 3:1")
    with pytest.raises(LinkDown):
        await by_address(port, "1:1 2:1")


async def test_what_nobody_asked_for_ends_the_line(free_port: int) -> None:
    good = sealed(bytes.fromhex("05 03 02 0064"))
    async with served(free_port, saying(good + good, good)) as port:
        link = dial(port)
        with pytest.raises(RemoteError, match="more bytes came"):
            async with link.lease() as stream:
                line = ModbusLine(stream, RtuFraming(5), 1.0)
                assert (await line.read(Block(3, 100, 1)))[0] == [100]
                await line.read(Block(3, 200, 1))
        link.close()

    async def twice(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(300)
        writer.write(good)
        await asyncio.sleep(0.03)
        writer.write(good)
        with contextlib.suppress(ConnectionError):
            await reader.read()
        writer.close()

    server = await asyncio.start_server(twice, "127.0.0.1", free_port)
    link = dial(free_port)
    with pytest.raises(RemoteError, match="nobody asked for"):
        async with link.lease() as stream:
            line = ModbusLine(stream, RtuFraming(5), 1.0)
            await line.read(Block(3, 100, 1))
            await asyncio.sleep(0.2)
            await line.read(Block(3, 200, 1))
    link.close()
    await asyncio.sleep(0.05)
    server.close()
    await server.wait_closed()


class Talking:
    """A line that never falls silent."""

    medium: ClassVar = Medium.BARE
    broke_off, gateway, held, poisoned = True, False, 0, ""

    def prove(self) -> None:
        raise AssertionError("nobody is behind it")

    def carries(self, *, framed: bool) -> None:
        assert not framed

    def write(self, raw: bytes) -> None:
        raise AssertionError("asked a line that talks")

    async def read(self) -> bytes:
        await asyncio.sleep(0.01)
        return b"\xaa"

    def poison(self, why: str) -> None:
        self.poisoned = why


async def test_a_line_that_never_falls_silent_is_not_asked() -> None:
    stream = Talking()
    with pytest.raises(RemoteError, match=r"not silent for 0\.05 s"):
        await ModbusLine(stream, RtuFraming(5), 0.05).read(Block(3, 100, 1))
    assert "it talks by itself" in stream.poisoned
    # Where answers are numbered nothing has to pass.
    with pytest.raises(AssertionError, match="asked a line"):
        await ModbusLine(stream, MbapFraming(5), 0.05).read(Block(3, 100, 1))


async def test_pymodbus_reads_a_simulated_rtu_line(free_port: int) -> None:
    async with served(free_port, line_of_all()) as port:
        unit = 1 + MODELS.index("eastron-sdm120")
        client = AsyncModbusTcpClient("127.0.0.1", port=port, framer=FramerType.RTU, timeout=2, retries=0)
        async with client:
            volts = (await client.read_input_registers(0, count=2, device_id=unit)).registers
            place = meter_models.load("eastron-sdm120").instants[0].place
            assert 200 < place.value(place.decode(volts)) < 250
            assert (await client.read_input_registers(30000, count=2, device_id=unit)).exception_code == 2
            assert (await client.read_coils(0, count=1, device_id=unit)).exception_code == 1
            who = await client.read_device_information(device_id=unit)
            assert who.information == {0: b"Eastron", 1: b"eastron-sdm120", 2: b"11432626"}
            report = await client.report_device_id(device_id=unit)
            assert report.identifier == b"\x01\xff1143262"  # it takes the last byte for the run indicator
        await asyncio.sleep(0.02)
