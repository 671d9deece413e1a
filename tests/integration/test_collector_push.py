"""Meters that push into a head-end at work: what they sent is in the store, and nobody asked for it."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from collector.headend import run
from collector.settings import HeadEndSettings
from model.clock import frozen
from model.period import LOCAL
from protocols.dlms.notice import DataNotification
from protocols.dlms.reference import LongInvokeId
from simulators.air import Air
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
        registers = dict(reads.fetchall())
    assert "is in the register" in reason
    for serial, each in service.instruments.items():
        (item,) = each.model.registers
        assert registers[serial] == each.raw(item.key, item.place, each.second())
