"""Lines of the head-end's own machine: two slaves on a serial port, a call that is lost, datagrams.

The head-end is the one of a fleet, with its database; the meters are simulated, the serial ports are ptys.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from collector.errors import LinkDown
from collector.headend import run
from collector.links import local_links
from collector.links.kinds import CsdLink, SerialLink
from collector.links.serial_line import SerialLine, serial_line
from collector.settings import HeadEndSettings
from model.clock import frozen
from model.grid import Meter, Modem, ModemLink, Register
from model.period import LOCAL, Period
from model.series import Channel
from protocols.dlms.framing import ServerFraming, WrapperServerFraming
from protocols.dlms.hdlc.address import HdlcAddress
from protocols.dlms.hdlc.parameters import LinkParameters
from protocols.dlms.hdlc.server import HdlcServerFraming
from protocols.dlms.server import Device, ServerConnection
from protocols.modem.at import CallSettings
from simulators import association
from simulators.air import Air
from simulators.datagrams import Datagrams
from simulators.dlms_meter import DlmsMeter
from simulators.fleet import build
from simulators.options import District, Options
from simulators.service import Service
from storage import blocks, fleet, grid, register
from storage.pool import connect
from storage.secrets import WrappingKey

DAY = datetime(2026, 10, 21, tzinfo=LOCAL)
NOW = DAY + timedelta(days=1, minutes=7)
NUMBER = "0912345678"
QUICK = CallSettings(guard_seconds=0.5, command_seconds=1.0, connect_seconds=2.0)
ON_THE_BUS = (17, 18)  # physical addresses
LONG_FRAMES = LinkParameters(512, 512, 1, 1)


@dataclass
class Village:
    """Four simulated meters, and what the office knows of them."""

    service: Service
    known: Register
    devices: list[Device]

    def due(self, at: int) -> list[int]:
        """The Wh of a meter's day."""
        serial = self.known.meters[at].serial
        return self.service.intervals(serial, DAY, DAY + timedelta(days=1))


def village() -> Village:
    options = Options(seed=5, epoch=NOW, as_of=NOW, dial_in_to=("127.0.0.1", 1), district=District(4, 4, 1.0))
    world = build(options)
    service = Service(world, options, frozen(NOW), Air(world.silent, frozen(NOW)))
    meters = [DlmsMeter(each, lambda: None) for each in service.instruments.values()]
    devices = [association.device(meter, 600) for meter in meters]
    return Village(service, service.register(), devices)


def hung(there: Village, modems: list[Modem], behind: list[tuple[str, int]]) -> Register:
    """The register with these modems; each meter behind one of them, hung when the day began."""
    meters = [
        Meter(meter.serial, meter.model, modem, address, meter.digits, meter.password)
        for meter, (modem, address) in zip(there.known.meters, behind, strict=True)
    ]
    return Register(
        stations=there.known.stations, feeders=there.known.feeders, books=there.known.books,
        customers=there.known.customers, modems=tuple(modems), meters=tuple(meters),
        points=there.known.points,
        installations=tuple(
            type(one)(one.point, one.serial, DAY, None, one.first_index) for one in there.known.installations
        ),
    )  # fmt: skip


@contextlib.contextmanager
def wire(folder: Path, name: str, socat: str) -> Iterator[tuple[str, str]]:
    """Two serial ports that are one wire: ours and theirs."""
    ours, theirs = str(folder / f"{name}-ours"), str(folder / f"{name}-theirs")
    command = [socat, f"pty,raw,echo=0,link={ours}", f"pty,raw,echo=0,link={theirs}"]
    with subprocess.Popen(command) as process:
        try:
            for _ in range(500):
                if os.path.exists(ours) and os.path.exists(theirs):
                    break
                signal.sigtimedwait([], 0.01)
            yield ours, theirs
        finally:
            process.terminate()


async def answer(line: SerialLine, meters: ServerConnection) -> None:
    """The far end of a serial wire, until it is cut."""
    with contextlib.suppress(LinkDown):
        while True:
            said = meters.receive(await line.read())
            if said:
                line.write(said)


@dataclass
class TelephoneModem:
    """Our modem, with an AT interpreter, and a meter at the other end of the call.

    `lose` calls are lost in the middle of an answer longer than most: of a block of the profile.
    """

    stream: SerialLine
    meter: Callable[[], ServerConnection]
    lose: int = 1
    told: list[bytes] = field(default_factory=list)

    async def be(self) -> None:
        with contextlib.suppress(LinkDown):
            while True:
                await self._commands()
                await self._call()

    async def _commands(self) -> None:
        line = b""
        while True:
            line += await self.stream.read()
            while b"\r" in line:
                command, _, line = line.partition(b"\r")
                self.told.append(command)
                if command.startswith(b"ATD"):
                    self.stream.write(b"\r\nCONNECT 9600\r\n")
                    return
                self.stream.write(b"\r\nOK\r\n")

    async def _call(self) -> None:
        meter = self.meter()
        while True:
            chunk = await self.stream.read()
            if chunk == b"+++":
                self.stream.write(b"\r\nOK\r\n")
                return
            said = meter.receive(chunk)
            if len(said) > 300 and self.lose:
                self.lose -= 1
                self.stream.write(said[: len(said) // 2] + b"\r\nNO CARRIER\r\n")
                return
            if said:
                self.stream.write(said)


@contextlib.asynccontextmanager
async def working(*parts: asyncio.Task[None]) -> AsyncIterator[None]:
    try:
        yield
    finally:
        for part in parts:
            part.cancel()
        await asyncio.gather(*parts, return_exceptions=True)


def settings(dsn: str, home: Path) -> HeadEndSettings:
    key = WrappingKey.load_or_create(home / "key")
    return HeadEndSettings(
        dsn, home / "spool.sqlite", key.unwrap, answer_s=3.0, tries=3, retry_pause_s=0.1, live_every_s=1e9
    )


def stored(dsn: str, there: Village) -> list[list[int]]:
    """The Wh of the day by meter, as the evidence has them."""
    with connect(dsn) as conn:
        ids = fleet.meter_ids(conn)
        found = blocks.blocks(conn, list(ids.values()), Period(DAY, DAY + timedelta(days=1)))
    energies: dict[int, dict[int, int]] = {meter_id: {} for meter_id in ids.values()}
    for block in found:
        assert block.channel is Channel.ACTIVE_IMPORT
        energies[block.meter_id].update(zip(block.stamps.tolist(), block.raw.tolist(), strict=True))
    return [
        [energies[ids[meter.serial]][at] for at in sorted(energies[ids[meter.serial]])]
        for meter in there.known.meters
    ]


async def test_a_bus_a_call_and_datagrams_are_lines_of_the_fleet(
    database: str,
    tmp_path: Path,
    free_port: int,
    needs_tool: Callable[..., str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(CsdLink, "settings", QUICK)
    there, socat = village(), needs_tool("socat")
    one, two, three, four = there.devices

    def bus(framing: ServerFraming, **devices: Device) -> ServerConnection:
        return ServerConnection(dict(enumerate(devices.values(), 1)), framing)

    def slaves() -> HdlcServerFraming:
        return HdlcServerFraming({HdlcAddress(1, at): number for number, at in enumerate(ON_THE_BUS, 1)})

    with wire(tmp_path, "bus", socat) as (ours, theirs), wire(tmp_path, "modem", socat) as (modem, dialled):
        modems = [
            Modem("BUS-1", ModemLink.SERIAL, device=f"{ours} 9600 8N1"),
            Modem("CSD-1", ModemLink.CSD, device=modem, dials=NUMBER),
            Modem("UDP-1", ModemLink.UDP, host="127.0.0.1", port=free_port),
        ]
        behind = [("BUS-1", ON_THE_BUS[0]), ("BUS-1", ON_THE_BUS[1]), ("CSD-1", 17), ("UDP-1", 1)]
        with connect(database) as conn:
            wrap = WrappingKey.load_or_create(tmp_path / "key").wrap
            grid.save_register(conn, hung(there, modems, behind), wrap)
            assert register.register(conn).modems == tuple(modems)
        datagrams = Datagrams(lambda: bus(WrapperServerFraming(datagrams=True), four=four).receive)
        await datagrams.start("127.0.0.1", free_port)
        async with serial_line(theirs) as far, serial_line(dialled) as at_the_modem:
            telephone = TelephoneModem(
                at_the_modem,
                lambda: bus(HdlcServerFraming({HdlcAddress(1, 17): 1}, LONG_FRAMES), three=three),
            )
            async with working(
                asyncio.create_task(answer(far, bus(slaves(), one=one, two=two))),
                asyncio.create_task(telephone.be()),
            ):
                report = await run(settings(database, tmp_path), clock=frozen(NOW), once=True)
        await datagrams.stop()
    assert [(meter.serial, meter.outcome) for meter in report.failed] == []
    with connect(database) as conn:
        lost = conn.execute("SELECT detail FROM poll WHERE outcome <> 'ok'").fetchall()
    assert any("was lost: the other side has hung up" in detail for (detail,) in lost)
    assert len(lost) == 1
    assert telephone.told.count(b"ATD" + NUMBER.encode()) == 2
    assert telephone.told[-1] == b"ATH"  # before the head-end ends, though the store was quicker than that
    found = stored(database, there)
    assert found == [there.due(at) for at in range(4)]
    assert all(len(day) == 48 for day in found)


async def test_a_port_is_kept_within_a_round_and_let_go_of_after_it(
    tmp_path: Path, needs_tool: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local_links, "KEPT_S", 0.2)
    with wire(tmp_path, "bus", needs_tool("socat")) as (ours, theirs):
        link = SerialLink(Modem("BUS", ModemLink.SERIAL, device=f"{ours} 300 8N1"))
        same = SerialLink(Modem("BUS-2", ModemLink.SERIAL, device=ours))
        async with serial_line(theirs) as far:
            async with link.lease() as stream:
                stream.write(b"one")
                assert await far.read() == b"one"
                assert isinstance(stream, SerialLine)
                await stream.change_baud(9600)
            first = stream
            async with link.lease() as stream:
                assert stream is first
                assert stream._bps == 300  # each conversation begins at the speed the meters wait at
            waiting = asyncio.create_task(hello(same))
            await asyncio.sleep(0.05)
            assert not waiting.done()  # the port is one link's at a time
            link.rest()
            await asyncio.wait_for(waiting, 5)
            with pytest.raises(ZeroDivisionError):
                async with same.lease():
                    raise ZeroDivisionError
            async with link.lease() as stream:  # what went wrong is closed, not kept
                assert stream is not first
                assert not stream.broke_off
            await asyncio.sleep(0.5)  # nobody said that it is done with: let go of all the same
            await asyncio.wait_for(hello(same), 5)
            same.close()
            await asyncio.sleep(0.1)


async def hello(link: SerialLink) -> None:
    async with link.lease() as stream:
        stream.write(b"hello")


async def test_a_port_that_is_not_there_is_one_sentence() -> None:
    link = SerialLink(Modem("BUS", ModemLink.SERIAL, device="/dev/there-is-none"))
    for _ in range(2):  # the second one does not wait for the first for ever
        with pytest.raises(LinkDown, match="serial port /dev/there-is-none cannot be used: it is not there"):
            async with asyncio.timeout(5), link.lease():
                pass
