"""What a node read of a modem that was another's by then is not let in, and asked again by whoever has it."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, timedelta
from pathlib import Path

import psycopg

from collector.exchange.abilities import abilities_of
from collector.nodes.desk import Desk
from collector.nodes.node import Node
from collector.nodes.store_line import StoreLine
from collector.polling.caller import Office
from collector.polling.permits import Permits
from collector.polling.roster import Roster
from collector.settings import HeadEndSettings
from collector.spool.ingest import Ingest
from collector.spool.spool import Spool, Spooled
from model.clock import frozen
from model.period import Period
from model.readout import Answer, Readout
from storage import leases
from storage.secrets import WrappingKey
from tests.bad_meters import BAD, HUNG, NOW, hang, register

LIVE = timedelta(minutes=1)


async def test_what_was_fenced_is_asked_again(database: str, tmp_path: Path) -> None:
    hang(database, tmp_path, register((1, 2)))
    key = WrappingKey.load_or_create(tmp_path / "wrapping.key")
    settings = HeadEndSettings(database, tmp_path / "spool.sqlite", key.unwrap)
    spool, roster, clock = Spool(settings.spool_path), Roster(settings), frozen(NOW.astimezone(UTC))
    desk = Desk(Office(settings, spool, clock, Permits(4), lambda *_: None, Counter()), roster)
    north, others = Node("north", database, desk, roster, spool), StoreLine(database, "south")
    ingest = Ingest(spool, database, node="north")
    ingest.fenced, spool.stamp = north.knows.unlearn, desk.stamp
    try:
        await north.arrive("", "")
        async with north.line.turn() as conn:
            epoch = (await leases.take_shards(conn, [0], "north"))[0].epoch
        await desk.take(0, epoch, await roster.take(spool, shards=[0]))
        # It stands still, and another node takes the shard; what it brings afterwards is too late.
        async with others.turn() as conn:
            await conn.execute(
                "INSERT INTO node (name, started_at, seen_at, listen, version, spool)"
                " SELECT 'south', now(), now(), '', '', gen_random_uuid()"
            )
            await leases.take_shards(conn, [0], "south")
        profile = abilities_of("dk-1p").profile
        assert profile is not None
        whole = Period(HUNG.astimezone(UTC), NOW.astimezone(UTC))
        seat = roster.by_serial[BAD]
        before = seat.wants(clock(), LIVE).profile
        said = Readout(
            BAD, "00000000-0000-4000-8000-000000000001", clock(), clock(), "ok",
            answers=(Answer(profile.item, b"rows", whole),),
        )  # fmt: skip
        await spool.append([Spooled(seat.meter.meter_id, "M1", clock(), said)])
        seat.known.note(said)
        assert before
        assert not seat.wants(clock(), LIVE).profile
        # The shard comes back before the spool is emptied: what waits there counts as answered, until then.
        async with north.line.turn() as conn:
            epoch = (await leases.take_shards(conn, [0], "north"))[0].epoch
        await desk.take(0, epoch, await roster.take(spool, shards=[0]))
        assert await ingest.step() == 1
        with psycopg.connect(database) as connection:
            assert connection.execute("SELECT outcome FROM poll").fetchall() == [("fenced",)]
        await north.knows.learn_anew()
        assert roster.by_serial[BAD].wants(clock(), LIVE).profile == before
    finally:
        await ingest._hang_up()
        await north.line.close()
        await others.close()
        for held in desk.close():
            held.cancel()
        spool.close()
