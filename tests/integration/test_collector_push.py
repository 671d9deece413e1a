"""Meters that push into a head-end at work: what they sent is in the store, and nobody asked for it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from collector.headend import run
from collector.settings import HeadEndSettings
from model.clock import frozen
from model.period import LOCAL
from protocols.dlms import axdr
from protocols.dlms.clock import CosemDateTime, write_clock
from protocols.dlms.notice import DataNotification, EventNotification
from protocols.dlms.reference import Attribute, LongInvokeId
from protocols.dlms.wrapper import Frame
from protocols.obis import obis
from simulators.air import Air
from simulators.calling import Call
from simulators.fleet import build
from simulators.options import District, Options
from simulators.pushing import Pushing, send
from simulators.service import Service
from storage import grid
from storage.completeness import Completeness, total
from storage.pool import connect
from storage.secrets import WrappingKey

DAY = datetime(2026, 10, 21, tzinfo=LOCAL)
NOW = DAY + timedelta(days=1, minutes=7)
EVENT = Attribute(1, obis("0.0.96.11.0"), 2)


def stored(dsn: str) -> Completeness:
    with connect(dsn) as conn:
        return total(conn, DAY.date(), DAY.date(), NOW)


async def test_a_day_that_was_pushed_is_in_the_store(
    database: str, tmp_path: Path, free_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("simulators.pushing.DAY", 50)  # the two half-hours after midnight are not the day's
    options = Options(seed=5, epoch=NOW, as_of=NOW, dial_in_to=("127.0.0.1", 1), district=District(4, 4, 1.0))
    world = build(options)
    service = Service(world, options, frozen(NOW), Air(world.silent, frozen(NOW)))
    known = service.register()
    key = WrappingKey.load_or_create(tmp_path / "key")
    with connect(database) as conn:
        grid.save_register(conn, known, key.wrap)
    settings = HeadEndSettings(
        database, tmp_path / "spool.sqlite", key.unwrap, listen_port=None, push_port=free_port
    )
    opened = asyncio.Event()
    head_end = asyncio.create_task(
        run(settings, clock=frozen(NOW), once=False, opened=lambda port: opened.set())
    )
    pushing = Pushing(service.pushers(), ("127.0.0.1", free_port), 0.2)
    try:
        await asyncio.wait_for(opened.wait(), 30)
        stranger = DataNotification(LongInvokeId(1), None, b"\x02\x01\x09\x04none")
        await send(stranger.to_bytes(), 1, ("127.0.0.1", free_port), udp=True, wait_s=0.01)
        pushing.start()
        async with asyncio.timeout(30):
            while (await asyncio.to_thread(stored, database)).came < 4 * 48:  # noqa: ASYNC110
                await asyncio.sleep(0.1)
        assert pushing.confirmed >= 4
    finally:
        await pushing.stop()
        head_end.cancel()
        await asyncio.gather(head_end, return_exceptions=True)
    found = stored(database)
    assert found.came == 4 * 48
    with connect(database) as conn:
        ((reason,),) = conn.execute("SELECT reason FROM rejected_frame").fetchall()
        reads = conn.execute(
            "SELECT DISTINCT m.serial, r.raw FROM register_read r JOIN meter m ON m.id = r.meter_id"
        )
        registers: dict[str, int] = dict(reads.fetchall())
    assert "is in the register" in reason
    for serial, each in service.instruments.items():
        (item,) = each.model.registers
        assert registers[serial] == each.raw(item.key, item.place, each.second())


async def test_the_last_gasp_of_a_meter_behind_a_modem_that_dialled_in(
    database: str, tmp_path: Path, free_ports: Callable[[], int]
) -> None:
    """An event-notification says neither who nor where: the line it comes by does, once a meter there has
    proved itself."""
    port = free_ports()
    options = Options(
        seed=6, epoch=NOW, as_of=NOW, dial_in_to=("127.0.0.1", port), district=District(1, 1, 1.0)
    )
    world = build(options)
    service = Service(world, options, frozen(NOW), Air(world.silent, frozen(NOW)))
    key = WrappingKey.load_or_create(tmp_path / "key")
    with connect(database) as conn:
        grid.save_register(conn, service.register(), key.wrap)
    settings = HeadEndSettings(
        database, tmp_path / "spool.sqlite", key.unwrap, listen_port=port, live_every_s=1e9
    )
    opened = asyncio.Event()
    head_end = asyncio.create_task(
        run(settings, clock=frozen(NOW), once=False, opened=lambda port: opened.set())
    )
    try:
        await asyncio.wait_for(opened.wait(), 30)
        await service.start()
        async with asyncio.timeout(30):
            while (await asyncio.to_thread(stored, database)).came < 48:  # noqa: ASYNC110
                await asyncio.sleep(0.1)
        stamp = CosemDateTime.from_bytes(write_clock(NOW))
        told = EventNotification(stamp, EVENT, axdr.encode(axdr.unsigned(1)))
        assert service._cell is not None
        (call,) = service._cell.calls
        raw = Frame(1, 1, told.to_bytes()).to_bytes()
        assert isinstance(call, Call)
        call.say(call._voice.packet(raw))
        async with asyncio.timeout(30):
            while not (found := await asyncio.to_thread(events, database)):  # noqa: ASYNC110
                await asyncio.sleep(0.05)
    finally:
        await service.stop()
        head_end.cancel()
        await asyncio.gather(head_end, return_exceptions=True)
    (serial,) = service.instruments
    assert found == [(serial, "power_off", NOW)]


def events(dsn: str) -> list[tuple[str, str, datetime]]:
    with connect(dsn) as conn:
        return conn.execute(
            "SELECT m.serial, e.code, e.at FROM meter_event e JOIN meter m ON m.id = e.meter_id"
            " WHERE e.code LIKE 'power%'"
        ).fetchall()
