"""The rules look at what something came of since, and nothing twice; killed in between, the rest is due."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Iterator
from datetime import datetime, timedelta

import psycopg
import pytest
from psycopg import Connection
from psycopg.rows import TupleRow

from analytics.detection.meter import SILENT
from model.alert import AlertKind
from model.period import local_day
from model.readout import Answer, InstantRead, MeterEvent, Readout
from model.viewer import UserRole, Viewer
from operations import importing, tasks, validate, watch
from operations.watch import WatchReport
from storage import alerts, watched
from storage.evidence import store
from storage.fleet import meter_ids
from storage.pool import Pool, open_pool
from tests.operations_grid import NOW, grid, half_hours, read_month, say

STAFF = Viewer("ky.thuat", UserRole.ENGINEER)
MINUTE = timedelta(minutes=1)
SHARDS = [(number, tasks.SHARDS) for number in range(tasks.SHARDS)]


@pytest.fixture
def pool(database: str) -> Iterator[Pool]:
    with open_pool(database) as pool:
        importing.import_register(pool, grid(), lambda raw: raw)
        yield pool


def due(pool: Pool, now: datetime) -> set[str]:
    with pool.connection() as conn:
        serial = {number: serial for serial, number in meter_ids(conn).items()}
        found = [meter for shard in SHARDS for meter in watched.due(conn, now, shard, SILENT)]
        assert set(watch.shards_due(conn, now, tasks.SHARDS)) >= {meter % tasks.SHARDS for meter in found}
    assert len(found) == len(set(found)), "a meter belongs to one shard"
    return {serial[meter] for meter in found}


def look(pool: Pool, now: datetime, *, everything: bool = False) -> WatchReport:
    return sum((watch.run(pool, now, shard, everything=everything) for shard in SHARDS), WatchReport())


def tell(database: str, serial: str, at: datetime, *, event: str = "", instant: bool = False) -> None:
    """A conversation that brought an event, or voltages and currents."""
    events = (MeterEvent(at, event),) if event else ()
    instants = (InstantRead(at, (230.0, None, None), (1.0, None, None)),) if instant else ()
    answer = Answer("now", repr((at, event)).encode(), instants=instants, events=events)
    readout = Readout(serial, str(uuid.uuid4()), at, at, "ok", answers=(answer,))

    async def stored() -> None:
        async with await psycopg.AsyncConnection.connect(database) as conn:
            with psycopg.connect(database) as sync:
                meter = meter_ids(sync, [serial])[serial]
            await store(conn, [(meter, "M1", at, readout)])

    asyncio.run(stored())


def standing(conn: Connection[TupleRow]) -> dict[tuple[str, str], datetime]:
    return {
        (row.alert.kind.value, row.alert.serial): row.seen_at
        for row in alerts.alerts(conn, STAFF)
        if row.state != "closed"
    }


def test_only_what_something_came_of_is_looked_at(database: str, pool: Pool) -> None:
    read_month(database)
    today = local_day(NOW)
    say(database, "H1", half_hours(today - timedelta(days=1), [250] * 48), half_hours(today, [250] * 14))
    validate.run(pool, NOW)
    everybody = {"H1", "NEW", "R5", "CT", "MB"}
    assert due(pool, NOW) == everybody, "nobody looked yet; the meter that was taken down does not hang"
    first = look(pool, NOW)
    assert (first.new, first.alerts) == (2, ())
    assert due(pool, NOW) == set()
    with pool.connection() as conn:
        assert watch.shards_due(conn, NOW, tasks.SHARDS) == []
    assert not look(pool, NOW)
    with pool.connection() as conn:
        (left,) = (
            conn.execute("SELECT count(*) FROM watch_due w JOIN watched USING (meter_id)").fetchone() or ()
        )
        assert left == 0
        before = standing(conn)
    whole = look(pool, NOW, everything=True)
    assert (whole.new, whole.standing, len(whole.alerts)) == (0, 2, 2)

    now = NOW + 5 * MINUTE
    tell(database, "H1", now, event="cover_open")
    tell(database, "R5", now, instant=True)
    assert due(pool, now) == {"H1"}, "voltages and currents wait for their hour"
    assert look(pool, now).new == 1
    assert due(pool, now + 61 * MINUTE) == {"R5"}
    with pool.connection() as conn:
        after = standing(conn)
    assert after.pop(("tamper", "H1")) == now
    assert after == before, "of the others nothing was closed, nor seen again"

    say(database, "H1", half_hours(today, [250] * 18), now=now)
    validate.run(pool, now)
    assert due(pool, now) == set(), "today is not over"
    tomorrow = now + timedelta(hours=18)
    look(pool, tomorrow - MINUTE)
    say(database, "H1", half_hours(today, [250] * 48), now=tomorrow)
    validate.run(pool, tomorrow)
    assert due(pool, tomorrow) == {"H1"}
    look(pool, tomorrow)
    assert due(pool, NOW + timedelta(days=1)) >= everybody - {"H1", "R5"}, "a day has gone by"


def test_silence_is_noticed_as_it_begins_and_ends(database: str, pool: Pool) -> None:
    tell(database, "H1", NOW)
    look(pool, NOW)
    later = NOW + SILENT - MINUTE
    look(pool, later)
    assert due(pool, later) == set()
    assert "H1" in due(pool, later + MINUTE)
    assert look(pool, later + MINUTE).new == 5, "all hang behind one modem"
    assert due(pool, later + 2 * MINUTE) == set()
    tell(database, "MB", later + 2 * MINUTE)
    assert look(pool, later + 3 * MINUTE).closed == 5
    assert due(pool, later + 3 * MINUTE) == set()
    with pool.connection() as conn:
        assert set(standing(conn)) == {("meter_swap", "NEW")}


def test_killed_in_between_the_rest_is_looked_at_again(
    database: str, pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    read_month(database)
    validate.run(pool, NOW)
    looked, batches = watch.standing.raise_alerts, 0

    def dies(*given: object) -> int:
        nonlocal batches
        batches += 1
        if batches == 3:
            raise RuntimeError("the disk went away")
        return looked(*given)  # type: ignore[arg-type]

    with monkeypatch.context() as patched:
        patched.setattr(watch, "METERS", 1)
        patched.setattr(watch.standing, "raise_alerts", dies)
        with pytest.raises(RuntimeError):
            watch.run(pool, NOW)
    assert len(due(pool, NOW)) == 3
    watch.run(pool, NOW)
    assert due(pool, NOW) == set()
    with pool.connection() as conn:
        assert set(standing(conn)) == {("rollover", "R5"), ("meter_swap", "NEW")}


def test_what_came_while_it_was_looked_at_stays_due(
    database: str, pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    look(pool, NOW)
    tell(database, "H1", NOW + MINUTE, event="power_off")
    observe = watch.observe

    def slowly(*given: object) -> object:
        tell(database, "H1", NOW + 2 * MINUTE, event="cover_open")
        return observe(*given)  # type: ignore[arg-type]

    with monkeypatch.context() as patched:
        patched.setattr(watch, "observe", slowly)
        patched.setattr(watch, "_raised", lambda *_: WatchReport())  # as if it had not been seen yet
        look(pool, NOW + 3 * MINUTE)
    assert due(pool, NOW + 4 * MINUTE) == {"H1"}
    assert look(pool, NOW + 4 * MINUTE).new == 1


def test_a_meter_of_hours_is_looked_at_by_hours_and_one_that_gives_by_what_it_gives(pool: Pool) -> None:
    """A fall at the hourly H1, the half-hourly R5 beside it as ever; CT feeds the grid by daylight."""
    with pool.connection() as conn:
        conn.execute(
            """
            INSERT INTO profile_day (meter_id, channel, day, version, interval_s, scaler, unit, energy,
                quality, computed_at)
            SELECT m.id, k.channel, d, 1, 86400 / k.slots, 0, 30,
                (SELECT array_agg(k.wh * CASE WHEN m.serial = 'H1' AND d >= '2026-10-20' THEN 1 ELSE 10 END
                        * (k.channel = 1 OR s BETWEEN 16 AND 30)::int ORDER BY s)
                    FROM generate_series(1, k.slots) AS s),
                decode(repeat('01', k.slots), 'hex'), %s
            FROM generate_series(DATE '2026-08-01', DATE '2026-11-01', '1 day') AS g (at)
            CROSS JOIN LATERAL (SELECT at::date) AS x (d) CROSS JOIN meter m
            JOIN (VALUES ('H1', 1, 24, 400), ('R5', 1, 48, 20), ('CT', 1, 48, 20), ('CT', 2, 48, 30))
                AS k (serial, channel, slots, wh) ON k.serial = m.serial""",
            [NOW],
        )
    found = {(alert.kind, alert.serial) for alert in look(pool, NOW, everything=True).alerts}
    assert found == {
        (AlertKind.USE_DROP, "H1"),
        (AlertKind.REVERSE_ENERGY, "CT"),
        (AlertKind.METER_SWAP, "NEW"),
    }


def test_a_meter_that_was_taken_down_is_told_of_no_more(database: str, pool: Pool) -> None:
    tell(database, "NEW", NOW, event="magnet")
    assert look(pool, NOW).new == 2
    with pool.connection() as conn:
        conn.execute(
            "UPDATE installation SET until = %s WHERE meter_id = (SELECT id FROM meter WHERE serial = 'NEW')",
            [NOW + MINUTE],
        )
    assert look(pool, NOW + 2 * MINUTE).closed == 2
    with pool.connection() as conn:
        assert not [row for row in alerts.alerts(conn, STAFF, kind=AlertKind.TAMPER) if row.state == "open"]
