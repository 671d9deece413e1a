"""An answer that comes after its time-out is never taken for the answer to another question.

Over RTU nothing in an answer says which question it is to. The slave here answers its first question too
late; registers 100 and 200 hold 100 and 200, so that an answer to the wrong question is seen at once.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from pymodbus.client import AsyncModbusTcpClient
from pymodbus.exceptions import ModbusException
from pymodbus.framer import FramerType

from collector.errors import AnswerTimeout, LinkDown
from collector.exchange.modbus_line import ModbusLine
from collector.links.kinds import DialOut
from collector.single.modbus_calls import Said, read_blocks
from collector.single.read import line_to
from collector.single.routes import ModbusAddress, SerialRoute, TcpRoute
from model.grid import Modem, ModemLink
from protocols.modbus.codes import ExceptionCode, ModbusRefused
from protocols.modbus.framing import Carrier
from protocols.modbus.pdu import Answer
from protocols.modbus.registers import Block
from protocols.modbus.requests import ReadRegisters, Words
from protocols.modbus.rtu import RtuFraming, sealed
from protocols.modbus.server import AnyRequest, RtuServer

ANSWER_S = 0.4
TRIES = 1000
AT_ONCE = 200  # units of one slave, each in a try of its own
BUSES = 20


class Registers:
    """Every register holds its own address."""

    def serve(self, request: AnyRequest) -> Answer:
        if not isinstance(request, ReadRegisters):
            raise ModbusRefused(ExceptionCode.ILLEGAL_FUNCTION)
        return Words(request.function, tuple(range(request.address, request.address + request.count)))


@dataclass
class Slave:
    """Answers every question, one after the other; the first to a unit `late` seconds after its time-out.

    With one `bus` behind all calls an answer goes to whoever calls when it is ready, as through a device
    server.
    """

    bus: bool = False
    late: dict[int, float] = field(default_factory=dict)
    callers: list[asyncio.StreamWriter] = field(default_factory=list)

    async def converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        server = RtuServer({unit: Registers() for unit in range(1, 248)})
        self.callers.append(writer)
        with contextlib.suppress(OSError):
            while asked := await reader.read(256):
                answer = server.feed(asked)
                if delay := self.late.pop(asked[0], None):
                    await asyncio.sleep(ANSWER_S + delay)
                to = self.callers[-1] if self.bus and self.callers else writer
                to.write(answer)
                if not self.bus and writer.is_closing():
                    break
        self.callers.remove(writer)
        writer.close()


Heeds = Callable[[bytes], bool]
"""Whether a unit answers this frame at all."""
BUS_S = 0.15  # the time-out of an answer on a slow bus


def all_of_them(frame: bytes) -> bool:
    return True


def registers_only(frame: bytes) -> bool:
    return frame[1] == 3


@dataclass
class Bus:
    """One slave behind a device server: one question after the other, each answered no sooner than its
    delay after it came; whoever is connected then hears it."""

    delays: Callable[[], float]
    heeds: Heeds = all_of_them
    echoes: bool = True
    most: int = 125
    callers: list[asyncio.StreamWriter] = field(default_factory=list)
    waiting: asyncio.Queue[tuple[float, bytes]] = field(default_factory=asyncio.Queue)

    async def converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        now = asyncio.get_running_loop().time
        self.callers.append(writer)
        with contextlib.suppress(OSError):
            while asked := await reader.read(256):
                self.waiting.put_nowait((now() + self.delays(), asked))
        self.callers.remove(writer)
        writer.close()

    async def answer(self) -> None:
        server = RtuServer({7: Registers()})
        while True:
            due, asked = await self.waiting.get()
            await asyncio.sleep(due - asyncio.get_running_loop().time())
            said = b""
            if asked[1] == 3 and int.from_bytes(asked[4:6], "big") > self.most:
                said = sealed(bytes((7, 0x83, 2)))
            elif asked[1] == 8 and not self.echoes:
                said = sealed(bytes((7, 0x88, 1)))
            elif self.heeds(asked):
                said = server.feed(asked)
            if self.callers:
                self.callers[-1].write(said)


@contextlib.asynccontextmanager
async def serving(slave: Slave | Bus, port: int) -> AsyncIterator[None]:
    server = await asyncio.start_server(slave.converse, "127.0.0.1", port, backlog=2 * AT_ONCE)
    answering = asyncio.create_task(slave.answer()) if isinstance(slave, Bus) else None
    try:
        yield
    finally:
        if answering is not None:
            answering.cancel()
        server.close()
        for writer in tuple(slave.callers):
            writer.transport.abort()
        await asyncio.sleep(0.05)


async def one_try(link: DialOut, unit: int) -> list[int | str]:
    """Register 100, 200 and 100 again, in conversations of their own, as the head-end has them."""
    said: list[int | str] = []
    for register in (100, 200, 100):
        try:
            async with link.lease() as stream:
                line = ModbusLine(stream, RtuFraming(unit), ANSWER_S)
                said += (await line.read(Block(3, register, 1)))[0]
        except AnswerTimeout:
            said.append("timeout")
    link.close()
    return said


def link_to(port: int) -> DialOut:
    return DialOut(Modem("M1", ModemLink.DIAL_OUT, host="127.0.0.1", port=port))


async def test_a_late_answer_is_an_error_of_its_own_question_only(free_port: int) -> None:
    slave, chance = Slave(), random.Random(3)
    said: list[list[int | str]] = []
    async with serving(slave, free_port):
        for _ in range(TRIES // AT_ONCE):
            slave.late = {unit: chance.uniform(0.01, ANSWER_S) for unit in range(1, AT_ONCE + 1)}
            said += await asyncio.gather(*(one_try(link_to(free_port), unit) for unit in slave.late))
    assert len(said) == TRIES
    assert said.count(["timeout", 200, 100]) == TRIES


async def test_a_late_answer_that_comes_to_the_next_caller_is_let_pass(free_ports: Callable[[], int]) -> None:
    chance = random.Random(4)

    async def bus(port: int) -> list[list[int | str]]:
        slave = Slave(bus=True)
        async with serving(slave, port):
            said = []
            for _ in range(3):
                slave.late = {7: chance.uniform(0.01, 0.7 * ANSWER_S)}
                said.append(await one_try(link_to(port), 7))
            return said

    tried = await asyncio.gather(*(bus(free_ports()) for _ in range(BUSES)))
    assert [said for one in tried for said in one] == [["timeout", 200, 100]] * (3 * BUSES)


UNITS: dict[str, dict[str, Any]] = {
    "echoes": {},
    "declines what it does not know": {"echoes": False},
    "answers reads alone": {"heeds": registers_only},
    "answers reads of one register alone": {"heeds": registers_only, "most": 1},
}


@pytest.mark.parametrize("unit", UNITS.values(), ids=UNITS)
async def test_nothing_late_is_handed_out_on_a_bus_however_late_it_is(
    free_ports: Callable[[], int], unit: dict[str, Any]
) -> None:
    """Every answer as late as it likes, several time-outs and more: an error, or the register asked for."""
    right, errors = 0, 0

    async def bus(number: int) -> None:
        nonlocal right, errors
        chance, port = random.Random(number), free_ports()
        late = iter([chance.uniform(1.2, 6.0) * BUS_S])  # the first one; then now and then
        again = (0.0, 0.0, 0.0, 0.0, 0.0, 2.4 * BUS_S)
        slave = Bus(lambda: next(late, 0.0) or chance.choice(again), **unit)
        async with serving(slave, port):
            link = link_to(port)
            for register in (100, 200, 300, 100, 201):
                try:
                    async with link.lease() as stream:
                        line = ModbusLine(stream, RtuFraming(7), BUS_S)
                        said = (await line.read(Block(3, register, 1)))[0]
                except (AnswerTimeout, LinkDown):
                    errors += 1
                else:
                    assert said == [register], f"{said} came for register {register}"
                    right += 1
            link.close()

    await asyncio.gather(*map(bus, range(40)))
    assert errors >= 40
    assert right >= 40


async def test_items_asked_by_address_lose_only_the_one_that_timed_out(free_port: int) -> None:
    slave = Slave(late={9: 0.1})
    route = TcpRoute("127.0.0.1", free_port)
    address = ModbusAddress(route, Carrier.RTU, 9, timeout_s=ANSWER_S)
    blocks = [Block(3, 100, 1), Block(3, 200, 1), Block(3, 300, 2)]
    async with serving(slave, free_port):
        said = await read_blocks(lambda: line_to(route, ANSWER_S), address, blocks)
    assert said.words == {blocks[1]: [200], blocks[2]: [300, 301]}
    assert said.refused == {blocks[0]: "no answer about registers 100 to 100 within 0.4 s"}


async def test_a_late_answer_on_a_serial_port_is_let_pass(
    free_ports: Callable[[], int], needs_tool: Callable[..., str], tmp_path: Path
) -> None:
    socat, chance = needs_tool("socat"), random.Random(6)
    blocks = [Block(3, 100, 1), Block(3, 200, 1), Block(3, 101, 1)]

    async def port(number: int) -> Said:
        tcp, tty = free_ports(), tmp_path / f"tty{number}"
        route = SerialRoute(str(tty), 19200, "8N1")
        address = ModbusAddress(route, Carrier.RTU, 7, timeout_s=ANSWER_S)
        async with serving(Slave(bus=True, late={7: chance.uniform(0.01, 0.7 * ANSWER_S)}), tcp):
            command = (socat, f"pty,raw,echo=0,link={tty}", f"tcp:127.0.0.1:{tcp}")
            process = await asyncio.create_subprocess_exec(*command)
            for _ in range(500):
                if tty.exists():
                    break
                await asyncio.sleep(0.02)
            # socat ends when nobody has its port open: the bus stays while we hang up and call again.
            held = os.open(tty, os.O_RDWR | os.O_NOCTTY)
            try:
                return await read_blocks(lambda: line_to(route, ANSWER_S), address, blocks)
            finally:
                os.close(held)
                process.terminate()
                await process.wait()

    for said in await asyncio.gather(*(port(number) for number in range(5))):
        assert said.words == {blocks[1]: [200], blocks[2]: [101]}
        assert list(said.refused) == [blocks[0]]


async def test_pymodbus_hands_out_the_wrong_registers(free_port: int) -> None:
    """What its own RTU client does with such a slave, and why ours is written anew."""
    wrong, chance = 0, random.Random(5)

    async def ask(unit: int) -> list[int | str]:
        async with AsyncModbusTcpClient(
            "127.0.0.1", port=free_port, framer=FramerType.RTU, timeout=ANSWER_S, retries=0
        ) as client:
            said: list[int | str] = []
            for register in (100, 200, 100):
                try:
                    said += (await client.read_holding_registers(register, count=1, device_id=unit)).registers
                except ModbusException:
                    said.append("timeout")
            return said

    slave = Slave(late={unit: chance.uniform(0.01, ANSWER_S / 2) for unit in range(1, 21)})
    async with serving(slave, free_port):
        for said in await asyncio.gather(*(ask(unit) for unit in tuple(slave.late))):
            wrong += said[1] == 100
    assert wrong > 0
