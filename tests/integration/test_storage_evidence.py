"""Evidence is appended once, contradictions are kept and noticed, nothing is dropped silently."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from psycopg import AsyncConnection
from psycopg.rows import TupleRow

from model.period import HALF_HOUR, Period, midnight
from model.readout import Answer, InstantRead, MeterEvent, Readout, Rejected
from model.series import Channel, ProfileKind
from storage import days, fleet
from storage.evidence import StoreCounts, store
from storage.grid import save_register
from storage.pool import connect, session
from tests.storage_samples import DAY, NOW, answer, grid, profile, readout, total

START = midnight(DAY)


@pytest.fixture
def ids(database: str) -> dict[str, int]:
    with connect(database) as conn:
        save_register(conn, grid(), bytes)
        return fleet.meter_ids(conn)


@pytest.fixture
async def conn(database: str) -> AsyncIterator[AsyncConnection[TupleRow]]:
    async with await AsyncConnection.connect(database, **session()) as connection:
        yield connection


def _rows(database: str, query: str) -> list[TupleRow]:
    with psycopg.connect(database) as other:
        return other.execute(query).fetchall()


async def _store(conn: AsyncConnection[TupleRow], ids: dict[str, int], *readouts: Readout) -> StoreCounts:
    counts = await store(conn, [(ids[item.serial], "D2", NOW, item) for item in readouts])
    await conn.commit()
    return counts


async def test_everything_of_a_readout_is_kept(
    database: str, conn: AsyncConnection[TupleRow], ids: dict[str, int]
) -> None:
    block = profile(START, range(96))
    said = readout("M001", answer(block), total(START, 12345))
    now = Answer(
        "instants",
        b"\x01",
        instants=(InstantRead(NOW, (230.5, None, None), (1.5, None, None), power_w=345.0),),
        events=(MeterEvent(NOW, "clock_drift", "300 s\0"),),
    )
    said = Readout(
        "M001",
        said.poll,
        NOW,
        NOW,
        "partial",
        clock_offset_s=1.5,
        answers=(*said.answers, now),
        rejected=(Rejected("profile", "bad checksum", b"\xff", Period(START, NOW)),),
    )
    counts = await _store(conn, ids, said)
    assert counts == StoreCounts(answers=3, blocks=1, registers=1, instants=1, events=1, rejected=1, polls=1)
    with connect(database) as sync:
        (stored,) = days.blocks(sync, [ids["M001"]], Period(START, NOW))
        assert stored.stamps.tolist() == [round(at.timestamp()) for at in block.stamps]
        assert stored.raw.tolist() == list(range(96))
        assert stored.status.tolist() == [0] * 96
        (read,) = days.registers(sync, [ids["M001"]], Period(START, NOW))
        assert (read.raw, read.at, read.channel) == (12345, START, Channel.ACTIVE_IMPORT)
        fresh = fleet.latest(sync, [ids["M001"], ids["M002"]])
        assert fresh[ids["M001"]] == fleet.MeterLatest(NOW, NOW, START, block.stamps[-1] + HALF_HOUR)
        assert fresh[ids["M002"]] == fleet.MeterLatest()
        assert fleet.answered(sync, list(ids.values())) == {
            (ids["M001"], "profile:active_import"): [Period(START, START + timedelta(days=2))]
        }
    assert _rows(database, "SELECT last_contact FROM modem WHERE code = 'D2'") == [(NOW,)]
    assert _rows(database, "SELECT detail FROM meter_event") == [("300 s␀",)]


async def test_the_same_batch_again_adds_nothing(
    database: str, conn: AsyncConnection[TupleRow], ids: dict[str, int]
) -> None:
    said = readout("M001", answer(profile(START, range(48), without=[3, 4])), total(START, 5))
    await _store(conn, ids, said)
    assert await _store(conn, ids, said) == StoreCounts(identical=1)
    again = readout("M001", *said.answers)
    assert await _store(conn, ids, again, again) == StoreCounts(identical=2, polls=1)
    assert _rows(database, "SELECT count(*) FROM profile_block") == [(1,)]
    with connect(database) as sync:
        (stored,) = days.blocks(sync, [ids["M001"]], Period(START, NOW))
    assert stored.raw.tolist() == [i for i in range(48) if i not in (3, 4)]


async def test_a_contradiction_is_appended_and_noticed(
    database: str, conn: AsyncConnection[TupleRow], ids: dict[str, int]
) -> None:
    await _store(conn, ids, readout("M001", answer(profile(START, [10] * 96))))
    other = answer(profile(START + timedelta(days=1), [10] * 5 + [11] * 43))
    counts = await _store(conn, ids, readout("M001", other))
    assert (counts.blocks, counts.differing) == (1, 1)
    ((day, kind, detail),) = _rows(database, "SELECT day, kind, detail FROM finding")
    assert (day, kind) == (DAY + timedelta(days=1), "differing_reread")
    assert detail == {
        "slots": 43,
        "first": "2026-09-11T02:30:00+07:00",
        "channel": 1,
        "stored": 10,
        "read": 11,
    }
    assert (await _store(conn, ids, readout("M001", other))).differing == 0


async def test_overlapping_blocks_that_agree_are_no_contradiction(
    database: str, conn: AsyncConnection[TupleRow], ids: dict[str, int]
) -> None:
    await _store(conn, ids, readout("M001", answer(profile(START, [10] * 96))))
    half = answer(profile(START + timedelta(hours=12), [10] * 96))
    assert (await _store(conn, ids, readout("M001", half))).differing == 0
    assert _rows(database, "SELECT * FROM finding") == []


async def test_a_better_judgement_of_the_same_bytes_stands(
    database: str, conn: AsyncConnection[TupleRow], ids: dict[str, int]
) -> None:
    block = profile(START, range(48))
    await _store(conn, ids, readout("M001", answer(block, complete=False)))
    assert (await _store(conn, ids, readout("M001", answer(block)))).answers == 0
    await _store(conn, ids, readout("M001", answer(block, complete=False)))
    assert _rows(database, "SELECT complete FROM answer") == [(True,)]


async def test_what_no_column_holds_is_rejected_with_its_bytes(
    database: str, conn: AsyncConnection[TupleRow], ids: dict[str, int]
) -> None:
    huge = answer(profile(START, [1, 2**63]))
    future = answer(profile(NOW + timedelta(days=300), [1, 2]))
    counts = await _store(conn, ids, readout("M001", huge, future, total(START, 7)))
    assert (counts.blocks, counts.rejected, counts.registers) == (0, 2, 1)
    reasons = _rows(database, "SELECT reason, raw FROM rejected_frame ORDER BY id")
    assert "64 bits" in str(reasons)
    assert "cannot be" in str(reasons)
    assert {raw for _, raw in reasons} == {huge.raw, future.raw}


async def test_a_long_answer_is_cut_at_months(
    database: str, conn: AsyncConnection[TupleRow], ids: dict[str, int]
) -> None:
    first = START - timedelta(days=60)
    block = profile(first, range(60 * 48))
    assert (await _store(conn, ids, readout("M001", answer(block)))).blocks == 3
    with connect(database) as sync:
        stored = days.blocks(sync, [ids["M001"]], Period(first, NOW))
    assert [value for part in stored for value in part.raw.tolist()] == list(range(60 * 48))
    assert all(len(days_) == 1 for days_ in [{len(part.raw) == len(part.stamps)} for part in stored])


async def test_new_evidence_makes_days_due_and_no_lost_update(
    database: str, conn: AsyncConnection[TupleRow], ids: dict[str, int]
) -> None:
    index = profile(START, range(48), kind=ProfileKind.INDEX)
    await _store(conn, ids, readout("M001", answer(index)))
    with connect(database) as sync:
        due = days.take_due(sync, 10)
        # an index at midnight closes the day before
        assert [(meter, day) for meter, day, _ in due] == [
            (ids["M001"], DAY - timedelta(days=1)),
            (ids["M001"], DAY),
        ]
        await _store(conn, ids, readout("M001", total(START + HALF_HOUR, 7)))
        assert days.clear_due(sync, due) == 1
        assert [day for _, day, _ in days.take_due(sync, 10)] == [DAY], "what came meanwhile stays due"


async def test_two_writers_of_the_same_do_not_block_each_other_for_ever(
    database: str, ids: dict[str, int]
) -> None:
    batch: list[Any] = [
        (ids[serial], "D2", NOW, readout(serial, answer(profile(START, [i] * 48)), total(START, i)))
        for i in range(20)
        for serial in ("M001", "M002", "M003")
    ]

    async def write(order: list[Any]) -> StoreCounts:
        async with await AsyncConnection.connect(database, **session()) as own:
            return await store(own, order)

    one, two = await asyncio.gather(write(batch), write(batch[::-1]))
    assert one.blocks + two.blocks == 60
    assert one.polls + two.polls == 60


async def test_nothing_stays_of_a_batch_that_fails(
    database: str, conn: AsyncConnection[TupleRow], ids: dict[str, int]
) -> None:
    good = readout("M001", total(START, 5))
    with pytest.raises(psycopg.errors.ForeignKeyViolation):
        await store(conn, [(ids["M001"], "D2", NOW, good), (9999, "D2", NOW, readout("M9"))])
    await conn.commit()
    assert _rows(database, "SELECT * FROM register_read") == []
    assert (await _store(conn, ids, good)).registers == 1
