"""Who is asked when, over real sockets: dead meters among others, closing day, back-fill that gives way."""

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from collector.exchange.abilities import abilities_of
from collector.links.kinds import DialOut, link_to
from collector.polling import pace
from collector.polling.breaker import State
from collector.polling.caller import Office, call_round
from collector.polling.known import Known
from collector.polling.permits import Permits
from collector.polling.roster import Seat
from collector.polling.urgency import Urgency
from collector.settings import HeadEndSettings
from collector.spool.spool import Spool, Spooled
from model.clock import frozen
from model.grid import Modem, ModemLink
from model.period import LOCAL, Period
from protocols import meter_models
from protocols.dlms.enums import Mechanism
from protocols.dlms.server import ClientAccess, Device, ServerConnection
from simulators.fault_proxy import FaultProxy
from simulators.faulty_line import Trouble
from storage.fleet import Line, LineMeter
from tests.district_fleet import DistrictFleet, district, seats
from tests.unit.test_collector_dlms import Scripted

NOW = datetime(2026, 11, 20, 10, 0, tzinfo=LOCAL)
MODEL = meter_models.load("dk-1p")
BILLING, PROFILE = str(MODEL.billing.obis), str(MODEL.profile.obis)  # type: ignore[union-attr]


def office(spool: Spool, permits: Permits, answer_s: float = 5.0) -> Office:
    told = HeadEndSettings(
        "", spool.path, bytes, answer_s=answer_s, connect_s=2.0, tries=2, retry_pause_s=0.05
    )
    return Office(told, spool, frozen(NOW), permits, lambda *_: None, Counter())


async def kept(spool: Spool) -> list[Spooled]:
    return await spool.oldest(1000)


@contextlib.asynccontextmanager
async def bus(port: int, dead: set[int], count: int) -> AsyncIterator[Line]:
    """`count` meters behind one modem; the dead give no sound."""
    access = {17: ClientAccess(Mechanism.LLS, b"secret")}
    devices = {
        at: Device(Scripted(serial=f"S{at}", clock=NOW), access)
        for at in range(1, count + 1)
        if at not in dead
    }

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = ServerConnection(devices)
        with contextlib.suppress(ConnectionError):
            while chunk := await reader.read(4096):
                writer.write(connection.receive(chunk))
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", port)
    meters = tuple(
        LineMeter(at, f"S{at}", "dk-1p", at, 6, "secret", NOW - timedelta(hours=3), None)
        for at in range(1, count + 1)
    )
    try:
        yield Line(Modem("M1", ModemLink.DIAL_OUT, host="127.0.0.1", port=port), meters)
    finally:
        server.close()
        await server.wait_closed()


async def test_a_dead_meter_costs_its_neighbours_one_time_out_and_then_nothing(
    tmp_path: Path, free_ports: Callable[[], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pace, "LEAST_S", 0.4)
    delay = Trouble(delay_s=0.01)
    port = free_ports()
    far_away = FaultProxy(("127.0.0.1", port), up=delay, down=delay)
    async with bus(port, {2}, 6) as line, far_away.serving(free_ports()) as proxy:
        line = Line(Modem("M1", ModemLink.DIAL_OUT, host="127.0.0.1", port=proxy.port), line.meters)
        with contextlib.closing(Spool(tmp_path / "spool")) as spool:
            shared = office(spool, Permits(4), answer_s=8.0)
            link, here = DialOut(line.modem, 2.0), seats(line)
            began = time.monotonic()
            await call_round(shared, line, link, here, 1.0)
            first = await kept(spool)
            # What was measured with its neighbour makes that 0.4 s, not 8 s as the setting says; and the
            # second try comes when all the others have been read.
            serials = [record.readout.serial for record in first]
            assert [s for s in serials if s != "S2"] == ["S1", "S3", "S4", "S5", "S6"]
            assert (serials[1], serials[-1]) == ("S2", "S2")
            assert all(r.readout.outcome == ("timeout" if r.readout.serial == "S2" else "ok") for r in first)
            assert time.monotonic() - began < 0.4 + 0.8 + 1.5
            learnt = shared.with_modem("M1")
            assert learnt.of(2).breaker.state(NOW) is State.OPEN
            assert all(0.015 < (r.readout.rtt_s or 0) < 0.5 for r in first if r.readout.serial != "S2")
            began = time.monotonic()
            shared.clock = frozen(NOW + timedelta(seconds=61))  # the breaker lets one try through
            for device in here:
                device.known.last_instant = None
            await call_round(shared, line, link, here, 1.0)
            second = (await kept(spool))[len(first) :]
            assert [record.readout.serial for record in second] == ["S1", "S3", "S4", "S5", "S6", "S2"]
            third_began = time.monotonic()
            for device in here:
                device.known.last_instant = None
            await call_round(shared, line, link, here, 1.0)
            assert time.monotonic() - third_began < 1.0  # open: it costs nothing at all
            third = (await kept(spool))[len(first) + len(second) :]
            assert "S2" not in [record.readout.serial for record in third]
            link.close()


@pytest.fixture(scope="module")
def houses() -> Iterator[DistrictFleet]:
    with district(NOW, 3, 3, port_from=21000) as fleet:
        yield fleet


@contextlib.asynccontextmanager
async def slowly(
    fleet: DistrictFleet, modem: int, since: datetime, port: int, one_way_s: float = 0.03
) -> AsyncIterator[Line]:
    """A line of the district behind a proxy that takes its time."""
    there = fleet.register.modems[modem]
    trouble = Trouble(delay_s=one_way_s)
    async with FaultProxy((there.host, there.port), up=trouble, down=trouble).serving(port) as proxy:
        yield fleet.line(there, since, port=proxy.port)


def spans(records: list[Spooled], item: str = PROFILE) -> list[Period]:
    return [a.asked for r in records for a in r.readout.answers if a.item == item and a.asked is not None]


def since(fleet: DistrictFleet) -> datetime:
    return min(each.since for each in fleet.register.installations)


async def test_closing_day_comes_before_back_fill_that_holds_the_only_permit(
    houses: DistrictFleet, tmp_path: Path, free_ports: Callable[[], int]
) -> None:
    hung = since(houses)
    async with slowly(houses, 0, hung, free_ports()) as far, slowly(houses, 1, hung, free_ports()) as due:
        with contextlib.closing(Spool(tmp_path / "spool")) as spool:
            shared = office(spool, Permits(1))
            far_seats, due_seats = seats(far), seats(due)
            # The one has said all but the half-hours of the months before, the other all but the snapshot.
            today = Period(NOW - timedelta(days=4), NOW)
            for seat in far_seats:
                seat.known.answered_before(BILLING, [Period(hung - timedelta(days=40), NOW)])
                seat.known.answered_before(PROFILE, [today])
            for seat in due_seats:
                seat.known.answered_before(PROFILE, [Period(hung, NOW)])
            for seat in (*far_seats, *due_seats):
                seat.known.fresh(NOW, NOW)
            back_fill = asyncio.create_task(call_round(shared, far, link_to(far.modem), far_seats, 1.0))
            await asyncio.sleep(0.5)  # in the middle of it
            assert shared.permits.active == 1
            began = time.monotonic()
            await call_round(shared, due, link_to(due.modem), due_seats, 1.0)
            took = time.monotonic() - began
            assert not back_fill.done()
            await back_fill
            records = await kept(spool)
    order = [(record.modem, record.readout.outcome) for record in records]
    at = order.index((due.modem.code, "ok"))
    assert spans(records[at : at + 1], BILLING)
    before, after = records[:at], records[at + 1 :]
    assert spans(before), "something was asked before it gave way"
    assert spans(after), "and the rest of it afterwards"
    assert {outcome for _, outcome in order} == {"ok"}
    assert took < 2.0
    found = spans([*before, *after])
    assert len(found) == len(set(found)) >= 8  # nothing twice, and all of it in the end
    assert far_seats[0].wants(NOW, shared.settings.live_every).nothing


async def test_who_needs_the_modem_of_a_back_fill_waits_for_one_exchange_at_most(
    houses: DistrictFleet, tmp_path: Path, free_ports: Callable[[], int]
) -> None:
    one_way = 0.15
    hung = NOW - timedelta(days=25)
    async with slowly(houses, 2, hung, free_ports(), one_way) as line:
        with contextlib.closing(Spool(tmp_path / "spool")) as spool:
            shared, here = office(spool, Permits(4)), seats(line)
            link = link_to(line.modem)
            task = asyncio.create_task(call_round(shared, line, link, here, 1.0))
            waits = []
            for pause in (1.7, 0.9):
                await asyncio.sleep(pause)
                assert link.busy
                began = time.monotonic()
                async with link.lease(Urgency.ON_DEMAND):
                    waits.append(time.monotonic() - began)
            await task
            records = await kept(spool)
    # The exchange under way, a week in three or four blocks, and the leave that is taken: five round trips.
    assert max(waits) < 10 * one_way + 0.5
    assert len(records) >= 3
    assert {record.readout.outcome for record in records} == {"ok"}
    found = spans(records)
    assert len(found) == len(set(found))
    assert here[0].wants(NOW, shared.settings.live_every).nothing


async def test_a_meter_without_snapshots_is_read_right_after_its_book_closes(
    tmp_path: Path, free_port: int
) -> None:
    closed = NOW.replace(hour=0)
    now = closed + timedelta(seconds=20)
    async with bus(free_port, set(), 2) as line:
        with contextlib.closing(Spool(tmp_path / "spool")) as spool:
            shared = office(spool, Permits(4))
            shared.clock = frozen(now)
            here = [
                Seat(line, meter, abilities_of("dk-1p"), Known())
                for meter in (
                    LineMeter(1, "S1", "dk-1p", 1, 6, "secret", closed - timedelta(days=40), None, 0, 1),
                    LineMeter(2, "S2", "dk-1p", 2, 6, "secret", closed - timedelta(days=40), None, 0, 20),
                )
            ]
            for seat in here:
                seat.known.answered_before(PROFILE, [Period(closed - timedelta(days=40), closed)])
                seat.known.answered_before(BILLING, [Period(closed - timedelta(days=80), closed)])
                seat.known.fresh(closed - timedelta(minutes=29), None)
            assert [seat.wants(now, timedelta(minutes=1)).urgency for seat in here] == [
                Urgency.ROUTINE, Urgency.CLOSING
            ]  # fmt: skip
            link = link_to(line.modem)
            await call_round(shared, line, link, here, 1.0)
            records = await kept(spool)
            link.close()
    assert [record.readout.serial for record in records] == ["S2", "S1"]  # the 20th closes its book
    (read,) = [a.registers for a in records[0].readout.answers if a.registers]
    assert {register.at for register in read} == {now}  # its own instant, not that of the closing
