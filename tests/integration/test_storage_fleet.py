"""What the head-end asks of the store when it starts: what was answered, and how fresh it is."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
from psycopg import AsyncConnection, Connection
from psycopg.rows import TupleRow

from model.period import HALF_HOUR, Period
from model.readout import Answer, RegisterRead
from model.series import Channel, Rate, ReadingSource, Unit
from storage import evidence, fleet, migrations
from storage.grid import save_register
from storage.pool import connect, session
from tests.storage_samples import HUNG, NOW, grid, readout, total

ITEM = "1.0.99.1.0.255"
# The spans as all the answers would give them.
_FROM_ANSWERS = """
    SELECT meter_id, item, range_agg(tstzrange(asked_from, asked_to)) FROM answer
    WHERE complete AND asked_from < asked_to GROUP BY meter_id, item ORDER BY meter_id, item"""


@pytest.fixture
def conn(database: str) -> Iterator[Connection[TupleRow]]:
    with connect(database) as connection:
        save_register(connection, grid(), bytes)
        connection.commit()
        yield connection


def said(start: datetime, end: datetime, *, complete: bool = True) -> Answer:
    return Answer(ITEM, f"{start} {end} {complete}".encode(), Period(start, end), complete)


async def bring(database: str, meter_id: int, *answers: Answer) -> None:
    async with await AsyncConnection.connect(database, **session()) as writer:
        await evidence.store(writer, [(meter_id, "D2", NOW, readout("M001", *answers))])


async def test_half_hours_answered_one_by_one_are_one_span(database: str, conn: Connection[TupleRow]) -> None:
    meter = fleet.meter_ids(conn)["M001"]
    halves = [(HUNG + n * HALF_HOUR, HUNG + (n + 1) * HALF_HOUR) for n in range(12)]
    for start, end in halves[:6]:
        await bring(database, meter, said(start, end))
    assert fleet.answered(conn, [meter]) == {(meter, ITEM): [Period(HUNG, halves[5][1])]}
    # in any order, twice, with one that was not whole
    await bring(database, meter, said(*halves[9]), said(*halves[7], complete=False), said(*halves[2]))
    whole = [Period(HUNG, halves[5][1]), Period(*halves[9])]
    assert fleet.answered(conn, [meter]) == {(meter, ITEM): whole}
    assert conn.execute("SELECT count(*) FROM answered").fetchone() == (1,)
    kept = conn.execute("SELECT meter_id, item, spans FROM answered").fetchall()
    assert kept == conn.execute(_FROM_ANSWERS).fetchall()
    # the same bytes, judged whole after all
    late = dataclasses.replace(said(*halves[7], complete=False), complete=True)
    await bring(database, meter, late, said(*halves[6]), said(*halves[8]))
    assert fleet.answered(conn, [meter]) == {(meter, ITEM): [Period(HUNG, halves[9][1])]}


async def test_an_answer_that_is_not_kept_is_not_remembered(
    database: str, conn: Connection[TupleRow]
) -> None:
    meter = fleet.meter_ids(conn)["M001"]
    async with await AsyncConnection.connect(database, **session()) as writer:
        answer = said(HUNG, HUNG + HALF_HOUR)
        async with writer.transaction(force_rollback=True):
            await evidence.store(writer, [(meter, "D2", NOW, readout("M001", answer))])
    assert fleet.answered(conn, [meter]) == {}


async def test_a_closing_snapshot_does_not_make_the_registers_fresh(
    database: str, conn: Connection[TupleRow]
) -> None:
    meter = fleet.meter_ids(conn)["M001"]
    read = NOW - timedelta(days=2)
    snapshot = RegisterRead(
        Channel.ACTIVE_IMPORT, Rate.TOTAL, NOW, 500, 0, Unit.WATT_HOUR, source=ReadingSource.BILLING_PROFILE
    )
    by_hand = dataclasses.replace(snapshot, source=ReadingSource.MANUAL, at=NOW + timedelta(hours=1))
    closings = Answer("1.0.98.1.0.255", b"closings", Period(HUNG, NOW), registers=(snapshot, by_hand))
    await bring(database, meter, closings)
    assert fleet.latest(conn, [meter])[meter].last_register is None
    await bring(database, meter, total(read, 400))
    assert fleet.latest(conn, [meter])[meter].last_register == read


def test_answers_from_before_are_remembered(empty_database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A store that was filled before the spans were kept knows them after the migration."""
    steps = migrations.migrations()
    before = tuple(step for step in steps if step.name < "0008")
    with monkeypatch.context() as older:
        older.setattr(migrations, "migrations", lambda: before)
        migrations.migrate(empty_database)
    with connect(empty_database) as conn:
        conn.execute("INSERT INTO modem (code, link, host, port) VALUES ('D1', 'dial_out', 'h', 1)")
        conn.execute("INSERT INTO meter (serial, model, modem) VALUES ('M001', 'dk-1p', 'D1')")
        meter = fleet.meter_ids(conn)["M001"]
        for start, complete in ((0, True), (1, True), (2, False), (5, True)):
            conn.execute(
                "INSERT INTO answer (meter_id, poll_id, item, asked_from, asked_to, complete, received_at,"
                " digest, raw) VALUES (%s, gen_random_uuid(), %s, %s, %s, %s, now(), '', '')",
                [meter, ITEM, HUNG + start * HALF_HOUR, HUNG + (start + 1) * HALF_HOUR, complete],
            )
    migrations.migrate(empty_database)
    with connect(empty_database) as conn:
        spans = [Period(HUNG, HUNG + 2 * HALF_HOUR), Period(HUNG + 5 * HALF_HOUR, HUNG + 6 * HALF_HOUR)]
        assert fleet.answered(conn, [meter]) == {(meter, ITEM): spans}
