"""Serial ports through socat's ptys: bytes, speeds, ports that cannot be had; mode C and calls over them."""

import asyncio
import contextlib
import os
import signal
import subprocess
import termios
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import serial

from collector.errors import AnswerTimeout, BadAddress, LinkDown
from collector.exchange.mode_c_line import ModeCLine
from collector.links import serial_port
from collector.links.csd_line import ModemAt, csd_line
from collector.links.serial_line import SerialLine, serial_line
from collector.links.wire import ByteStream
from collector.single import mode_c as single_mode_c
from collector.single.found import Asked, Found
from collector.single.routes import ModeCAddress, SerialRoute
from protocols.iec62056_21.characters import Parity
from protocols.iec62056_21.client import ClientSettings
from protocols.iec62056_21.data_sets import DataSet
from protocols.iec62056_21.events import ChangeBaud, Pause, Send
from protocols.iec62056_21.identification import Identification
from protocols.iec62056_21.server import Denied, Lines, MeterSettings, ModeCServer
from protocols.modem.at import CallSettings
from simulators import ports

NUMBER = "0912345678"
QUICK = CallSettings(guard_seconds=0.05, command_seconds=0.5, connect_seconds=0.5)


@dataclass
class Pair:
    """Two serial ports that are one wire, and the program that is the wire."""

    ours: str
    theirs: str
    socat: subprocess.Popen[bytes]


@pytest.fixture
def pair(tmp_path: Path, needs_tool: Callable[..., str]) -> Iterator[Pair]:
    ours, theirs = str(tmp_path / "ours"), str(tmp_path / "theirs")
    command = [needs_tool("socat"), f"pty,raw,echo=0,link={ours}", f"pty,raw,echo=0,link={theirs}"]
    with subprocess.Popen(command) as socat:
        try:
            for _ in range(500):
                if os.path.exists(ours) and os.path.exists(theirs):
                    break
                socat_ended = socat.poll()
                assert socat_ended is None
                signal.sigtimedwait([], 0.01)
            yield Pair(ours, theirs, socat)
        finally:
            socat.terminate()


class Book:
    """A meter with one register."""

    def read_out(self, letter: str) -> Lines:
        return [[DataSet("0.0.0", ("12345",))], [DataSet("1.8.0", ("000123.456*kWh",))]]

    def read(self, address: str, arguments: tuple[str, ...]) -> Lines | Denied:
        return [[DataSet(address, ("000123.456*kWh",))]] if address == "1.8.0" else Denied("ERROR00")

    def write(self, address: str, values: tuple[str, ...]) -> Denied | None:
        return Denied("ERROR04")


def book(parity: Parity = Parity.NONE) -> ModeCServer:
    who = Identification("Dke", "5", "SERIAL")
    return ModeCServer({"12345": (MeterSettings(who, {"1": "secret"}, paced=True), Book())}, parity)


async def be_meter(line: SerialLine, meter: ModeCServer, speeds: list[int]) -> None:
    """The far end of the wire, until it is cut."""
    with contextlib.suppress(LinkDown):
        while True:
            for step in meter.receive(await line.read()):
                match step:
                    case Send(raw=raw):
                        line.write(raw)
                    case Pause(seconds=seconds):
                        await asyncio.sleep(seconds)
                    case ChangeBaud(bits_per_second=bits_per_second):
                        speeds.append(bits_per_second)
                        await line.change_baud(bits_per_second)


@contextlib.asynccontextmanager
async def background(task: asyncio.Task[None]) -> AsyncIterator[None]:
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@contextlib.asynccontextmanager
async def meter_on(pair: Pair, meter: ModeCServer, speeds: list[int]) -> AsyncIterator[None]:
    async with contextlib.AsyncExitStack() as stack:
        far = await stack.enter_async_context(serial_line(pair.theirs, 300))
        await stack.enter_async_context(background(asyncio.create_task(be_meter(far, meter, speeds))))
        yield


def speed(device: str) -> int:
    """The speed a port stands at, as the system says."""
    descriptor = os.open(device, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
    try:
        return int(termios.tcgetattr(descriptor)[5])
    finally:
        os.close(descriptor)


async def test_bytes_both_ways_long_ones_too_and_another_speed(pair: Pair) -> None:
    async with serial_line(pair.ours, 300) as near, serial_line(pair.theirs, 300) as far:
        assert speed(pair.ours) == termios.B300
        near.write(b"hello")
        assert await far.read() == b"hello"
        await near.change_baud(9600)
        assert speed(pair.ours) == termios.B9600
        far.write(b"x" * 100_000)
        got = 0
        while got < 100_000:
            got += len(await near.read())
        assert (got, near.held, near.broke_off, near.gateway) == (100_000, 0, False, False)


@pytest.mark.parametrize(
    ("device", "bits", "why"),
    [
        ("/dev/there-is-none", "8N1", "it is not there: check the cable"),
        ("/dev/null", "8N1", "it is no serial port"),
        ("/tmp", "8N1", "it is no serial port"),
    ],
)
async def test_a_port_that_cannot_be_had_is_one_sentence(device: str, bits: str, why: str) -> None:
    with pytest.raises(LinkDown, match=why) as told:
        async with serial_line(device, 9600, bits):
            pass
    assert told.value.sentence.startswith(f"serial port {device} cannot be used: ")


async def test_a_port_that_is_taken_or_cannot_do_what_is_asked(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with serial_line(pair.ours):
        with pytest.raises(LinkDown, match="another program has it"):
            async with serial_line(pair.ours):
                pass
    async with serial_line(pair.ours, 300, "7E1"):
        pass  # a pty has no parity, and none is asked of it
    with monkeypatch.context() as as_adapter, pytest.raises(LinkDown, match="does not do 300 bit/s with 7E1"):
        as_adapter.setattr(serial_port, "_PSEUDO", "/nowhere/")
        async with serial_line(pair.ours, 300, "7E1"):
            pass
    with pytest.raises(BadAddress, match="bits=9N1 is not known"):
        async with serial_line(pair.ours, 300, "9N1"):
            pass
    async with serial_line(pair.ours):
        pass  # let go of each time


async def test_no_right_to_a_port(monkeypatch: pytest.MonkeyPatch) -> None:
    """As root everything may be opened: what the system would say to another user."""

    def refuse(*_: object, **__: object) -> None:
        raise serial.SerialException(13, "could not open port")

    monkeypatch.setattr(serial, "Serial", refuse)
    with pytest.raises(LinkDown, match="add the user to the group"):
        async with serial_line("/dev/ttyS0"):
            pass


async def test_a_port_that_is_unplugged(pair: Pair) -> None:
    async with serial_line(pair.ours) as line:
        pair.socat.kill()
        with pytest.raises(LinkDown, match=r"is gone \(.*\): check its cable"):
            await line.read()
        with pytest.raises(LinkDown):
            line.write(b"x")
        with pytest.raises(LinkDown):
            await line.change_baud(9600)


async def test_a_port_that_takes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("collector.links.serial_line.DRAIN_S", 0.1)
    far, near = os.openpty()
    try:
        async with serial_line(os.ttyname(near)) as line:
            line.write(b"x" * 200_000)
            with pytest.raises(LinkDown, match="does not send: check its flow control"):
                await line.change_baud(300)
    finally:
        os.close(far)
        os.close(near)


@pytest.mark.parametrize("parity", [Parity.NONE, Parity.EVEN])
async def test_mode_c_over_a_serial_port(pair: Pair, parity: Parity) -> None:
    speeds: list[int] = []
    async with serial_line(pair.ours, 300) as near, meter_on(pair, book(parity), speeds):
        line = ModeCLine(near, ClientSettings(parity=parity, paced=True, answer_seconds=3))
        out = await line.read_out()
        assert out.sets[1].value() == ("000123.456", "kWh")
        assert speed(pair.ours) == termios.B9600
        await line.sign_off()
        await near.sent(1)
        assert speed(pair.ours) == termios.B300
        await asyncio.sleep(0.1)
    assert speeds == [9600, 300]


async def test_a_meter_read_by_its_address_on_a_serial_port(pair: Pair) -> None:
    async def read(asked: Asked, password: str | None) -> Found:
        route = SerialRoute(pair.ours, 300, "8N1")
        address = ModeCAddress(route, password=password, parity="even", timeout_s=3)
        async with serial_line(route.device, route.bps, route.bits) as stream:
            return await single_mode_c.read(stream, address, asked)

    async with meter_on(pair, book(Parity.EVEN), []):
        found = await read(Asked(("1.0.1.8.0",)), None)
        assert found.registers[0]["raw"] == 123456
        found = await read(Asked(("1.0.1.8.0", "1.0.2.8.0")), "secret")
        assert found.registers[0]["raw"] == 123456
        assert found.refused[0]["item"] == "1.0.2.8.0"


@dataclass
class FakeModem:
    """A modem with an AT interpreter, a meter at the other end of the call, and a log of what it was told."""

    stream: ByteStream
    result: bytes = b"CONNECT 9600"
    lose_after: int = 1000
    told: list[bytes] = field(default_factory=list)
    hung_up: int = 0

    async def be(self) -> None:
        with contextlib.suppress(LinkDown):
            while True:
                await self._commands()
                await self._call()

    async def _commands(self) -> None:
        """Commands with their echo, until a call is up."""
        line = b""
        while True:
            line += await self.stream.read()
            while b"\r" in line:
                command, _, line = line.partition(b"\r")
                self.told.append(command)
                if command.startswith(b"ATD"):
                    self.stream.write(command + b"\r\r\n" + self.result + b"\r\n")
                    if self.result.startswith(b"CONNECT"):
                        return
                    continue
                self.hung_up += command == b"ATH"
                self.stream.write(command + b"\r\r\nOK\r\n")

    async def _call(self) -> None:
        """Bytes through to the meter; +++ alone in a chunk is the escape, for guard times lie around it."""
        meter = book()
        for _ in range(self.lose_after):
            chunk = await self.stream.read()
            if chunk == b"+++":
                self.stream.write(b"\r\nOK\r\n")
                return
            for step in meter.receive(chunk):
                if isinstance(step, Send):
                    self.stream.write(step.raw)
        self.stream.write(b"\r\nNO CARRIER\r\n")


@contextlib.asynccontextmanager
async def modem_on(pair: Pair, **how: object) -> AsyncIterator[FakeModem]:
    async with serial_line(pair.theirs) as far:
        modem = FakeModem(far, **how)  # type: ignore[arg-type]
        async with background(asyncio.create_task(modem.be())):
            yield modem


async def test_a_meter_called_by_telephone(pair: Pair) -> None:
    async with modem_on(pair) as modem:
        for _ in range(2):
            async with csd_line(ModemAt(device=pair.ours), NUMBER, QUICK) as call:
                line = ModeCLine(call, ClientSettings(password="secret", answer_seconds=2))
                await line.program()
                assert (await line.read("1.8.0")).sets[0].value() == ("000123.456", "kWh")
                await line.sign_off()
        assert (call.held, call.gateway, call.broke_off) == (0, False, False)
        with pytest.raises(LinkDown, match="is over"):
            await call.read()
        with pytest.raises(LinkDown, match="is over"):
            call.write(b"x")
    assert modem.told == [b"ATZ", b"ATE0", b"ATD" + NUMBER.encode(), b"ATH"] * 2


@pytest.mark.parametrize(
    ("result", "why"),
    [(b"BUSY", "engaged"), (b"NO ANSWER", "nobody answers"), (b"", "did not connect within 0.5 s")],
)
async def test_calls_that_do_not_come_about(pair: Pair, result: bytes, why: str) -> None:
    async with modem_on(pair, result=result) as modem:
        with pytest.raises(LinkDown, match=why):
            async with csd_line(ModemAt(device=pair.ours), NUMBER, QUICK):
                pass
        await asyncio.sleep(0.1)
    assert modem.told[-1] == b"ATH"


async def test_a_modem_that_is_dead_and_a_number_that_is_none(pair: Pair) -> None:
    with pytest.raises(LinkDown, match="does not answer ATZ"):
        async with csd_line(ModemAt(device=pair.ours), NUMBER, QUICK):
            pass
    with pytest.raises(LinkDown, match="the call to x cannot be made: 'x' is no telephone number"):
        async with csd_line(ModemAt(device=pair.ours), "x", QUICK):
            pass


async def test_a_call_that_is_lost_in_the_midst_of_a_conversation(pair: Pair) -> None:
    ours = ModemAt(device=pair.ours)
    async with modem_on(pair, lose_after=1) as modem, csd_line(ours, NUMBER, QUICK) as call:
        line = ModeCLine(call, ClientSettings(answer_seconds=2))
        with pytest.raises(LinkDown, match="was lost: the other side has hung up"):
            await line.program()
            await line.read("1.8.0")
    assert modem.hung_up == 0


async def test_a_conversation_given_up_is_hung_up_all_the_same(pair: Pair) -> None:
    async with modem_on(pair) as modem:
        with pytest.raises(AnswerTimeout):
            async with csd_line(ModemAt(device=pair.ours), NUMBER, QUICK) as call:
                try:
                    await ModeCLine(call, ClientSettings(address="9", answer_seconds=0.2)).program()
                except AnswerTimeout:
                    call.poison("the meter was too slow")
                    with pytest.raises(LinkDown, match="too slow"):
                        await call.read()
                    raise
        await asyncio.sleep(0.1)
    assert modem.hung_up == 1


async def test_a_modem_behind_a_port_of_the_network() -> None:
    class Socket:
        """As much of a `ByteStream` as a modem needs."""

        def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            self._reader, self.write = reader, writer.write

        async def read(self) -> bytes:
            if not (chunk := await self._reader.read(4096)):
                raise LinkDown("", "")
            return chunk

    told: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        modem = FakeModem(Socket(reader, writer))  # type: ignore[arg-type]
        await modem.be()
        told.extend(modem.told)
        writer.close()

    sock = ports.one("127.0.0.1", 0)
    port = sock.getsockname()[1]
    server = await asyncio.start_server(serve, sock=sock)
    async with server:
        async with csd_line(ModemAt(host="127.0.0.1", port=port), NUMBER, QUICK) as call:
            assert call.bits_per_second == 9600
            out = await ModeCLine(call, ClientSettings(answer_seconds=2)).read_out()
            assert len(out.sets) == 2
        await asyncio.sleep(0.1)
    assert told[-1] == b"ATH"
