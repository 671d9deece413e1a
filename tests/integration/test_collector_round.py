"""One modem, three meters, one of them dead: what it costs the others, and what the spool then holds."""

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from collector.exchange import read_meter
from collector.exchange.abilities import abilities_of
from collector.links.kinds import DialOut
from collector.polling import caller
from collector.polling.breaker import State
from collector.polling.caller import Office, call_round, due_at
from collector.polling.known import Known
from collector.polling.permits import Permits
from collector.polling.plan import Wanted
from collector.polling.roster import Seat
from collector.settings import HeadEndSettings
from collector.spool.spool import Spool
from model.clock import frozen
from model.grid import Modem, ModemLink
from model.period import LOCAL
from model.readout import Readout
from protocols.dlms import axdr
from protocols.dlms.clock import write_clock
from protocols.dlms.enums import DataAccessResult, Mechanism
from protocols.dlms.server import ClientAccess, Device, ServerConnection
from storage.fleet import Line, LineMeter

NOW = datetime(2026, 11, 20, 10, 0, tzinfo=LOCAL)


class Plain:
    """A meter with serial, clock and registers; its profiles are refused."""

    def __init__(self, serial: str) -> None:
        self._serial = serial

    def read(self, class_id: int, obis: Any, attribute: int, selection: Any) -> Any:
        if str(obis) == "0.0.96.1.0.255":
            return axdr.octet_string(self._serial.encode())
        if str(obis) == "0.0.1.0.0.255":
            return axdr.octet_string(write_clock(NOW))
        if class_id == 7 or attribute == 3:
            return DataAccessResult.READ_WRITE_DENIED
        return axdr.double_long_unsigned(1)


@contextlib.asynccontextmanager
async def office(
    folder: Path, port: int, dead: int | None
) -> AsyncIterator[tuple[Office, Line, DialOut, list[Seat]]]:
    """A line with the meters 1 to 3; the dead one gives no sound, as on a bus."""
    access = {17: ClientAccess(Mechanism.LLS, b"secret")}
    devices = {at: Device(Plain(f"S{at}"), access) for at in (1, 2, 3) if at != dead}

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = ServerConnection(devices)
        with contextlib.suppress(ConnectionError):
            while chunk := await reader.read(4096):
                writer.write(connection.receive(chunk))
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", port)
    modem = Modem("M1", ModemLink.DIAL_OUT, host="127.0.0.1", port=port)
    meters = tuple(
        LineMeter(at, f"S{at}", "dk-1p", at, 6, "secret", NOW - timedelta(days=10), None) for at in (1, 2, 3)
    )
    line = Line(modem, meters)
    settings = HeadEndSettings(
        "", folder / "spool", lambda raw: raw, answer_s=0.2, connect_s=0.5, tries=2, retry_pause_s=0.01
    )
    spool = Spool(settings.spool_path)
    shared = Office(settings, spool, frozen(NOW), Permits(4), lambda *_: None, Counter())
    link = DialOut(modem, 0.5)
    try:
        yield shared, line, link, [Seat(line, meter, abilities_of("dk-1p"), Known()) for meter in meters]
    finally:
        link.close()
        await asyncio.sleep(0.02)
        server.close()
        await server.wait_closed()
        spool.close()


async def spooled(spool: Spool) -> list[tuple[str, str]]:
    return [(record.readout.serial, record.readout.outcome) for record in await spool.oldest()]


async def test_a_dead_meter_waits_until_its_neighbours_have_been_read(tmp_path: Path, free_port: int) -> None:
    async with office(tmp_path, free_port, dead=1) as (shared, line, link, seats):
        await call_round(shared, line, link, seats, 1.0)
        order = await spooled(shared.spool)
        assert order[:3] == [("S1", "timeout"), ("S2", "partial"), ("S3", "partial")]
        assert [outcome for serial, outcome in order if serial == "S1"] == ["timeout", "timeout"]
        assert all(seats[at].known.last_register == NOW for at in (1, 2))
        # Refused again and again, the profiles rest; the dead meter is put off; nobody is due at once.
        learnt = shared.with_modem("M1")
        assert [learnt.of(at).breaker.state(NOW) for at in (1, 2, 3)] == [State.OPEN, *2 * [State.CLOSED]]
        assert due_at(shared, seats) > NOW


async def test_a_meter_that_failed_last_time_gets_one_try(tmp_path: Path, free_port: int) -> None:
    async with office(tmp_path, free_port, dead=1) as (shared, line, link, seats):
        breaker = shared.with_modem("M1").of(1).breaker
        breaker.failed(NOW - timedelta(hours=1), 1)
        await call_round(shared, line, link, seats, 1.0)
        order = await spooled(shared.spool)
        assert [outcome for serial, outcome in order if serial == "S1"] == ["timeout"]
        assert [serial for serial, _ in order].index("S1") > 1  # after those that have not failed
        before = len(order)
        await call_round(shared, line, link, seats, 1.0)
        assert "S1" not in [serial for serial, _ in (await spooled(shared.spool))[before:]]  # open: nothing


async def test_a_modem_that_cannot_be_called_is_said_of_every_meter_once(
    tmp_path: Path, free_ports: Any
) -> None:
    async with office(tmp_path, free_ports(), dead=None) as (shared, line, _, seats):
        nowhere = DialOut(Modem("M1", ModemLink.DIAL_OUT, host="127.0.0.1", port=free_ports()), 0.5)
        await call_round(shared, line, nowhere, seats, 1.0)
        order = await spooled(shared.spool)
        assert Counter(order) == {(f"S{at}", "no_link"): 2 for at in (1, 2, 3)}
        assert "cannot be called" in seats[2].known.detail


async def test_what_nobody_foresaw_about_one_meter_costs_the_others_nothing(
    tmp_path: Path, free_port: int, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    real = read_meter

    async def read(stream: Any, meter: LineMeter, wanted: Wanted, **more: Any) -> Readout:
        if meter.serial == "S2":
            raise ZeroDivisionError("a mistake of ours")
        return await real(stream, meter, wanted, **more)

    monkeypatch.setattr(caller, "read_meter", read)
    async with office(tmp_path, free_port, dead=None) as (shared, line, link, seats):
        await call_round(shared, line, link, seats, 1.0)
        outcomes: Sequence[tuple[str, str]] = await spooled(shared.spool)
    assert ("S2", "error") in outcomes
    assert ("S3", "partial") in outcomes
    assert "report it" in seats[1].known.detail
    assert any("ZeroDivisionError" in (record.exc_text or "") for record in caplog.records)
