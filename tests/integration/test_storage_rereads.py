"""A half-hour is evidence once, however often and however cut it is brought, and by how many at once."""

from __future__ import annotations

import asyncio
import random
from dataclasses import replace
from datetime import timedelta

import psycopg
import pytest
from psycopg import AsyncConnection

from model.period import HALF_HOUR, Period, midnight
from model.readout import Readout
from storage import blocks, fleet
from storage.evidence import StoreCounts, store
from storage.grid import save_register
from storage.pool import connect, session
from tests.storage_samples import DAY, NOW, answer, grid, profile, readout

START = midnight(DAY)
WH = [(i * 37) % 101 for i in range(480)]
EACH = """
    SELECT coalesce(instants[i], at + (i - 1) * make_interval(secs => interval_s)), raw[i],
        coalesce(status[i], 0)
    FROM profile_block, generate_subscripts(raw, 1) AS i WHERE meter_id = %s ORDER BY 1, 2"""


@pytest.fixture
def meter(database: str) -> int:
    with connect(database) as conn:
        save_register(conn, grid(), bytes)
        return fleet.meter_ids(conn)["M001"]


def part(first: int, end: int, *, status: int = 0) -> Readout:
    """The half-hours [first, end) of one meter's truth."""
    block = profile(START + first * HALF_HOUR, WH[first:end])
    return readout("M001", answer(replace(block, status=(status,) * (end - first))))


async def brought(dsn: str, meter: int, *readouts: Readout, day: int = 9) -> StoreCounts:
    async with await AsyncConnection.connect(dsn, **session()) as conn:
        counts = await store(conn, [(meter, "D2", NOW + timedelta(days=day), one) for one in readouts])
        await conn.commit()
        return counts


def held(dsn: str, meter: int) -> list[tuple[object, ...]]:
    with psycopg.connect(dsn) as conn:
        return conn.execute(EACH, [meter]).fetchall()


def truth(first: int, end: int) -> list[tuple[object, ...]]:
    return [(START + i * HALF_HOUR, WH[i], 0) for i in range(first, end)]


async def test_only_what_is_new_of_an_overlapping_answer_is_added(database: str, meter: int) -> None:
    await brought(database, meter, part(0, 40))
    counts = await brought(database, meter, part(10, 60))
    assert (counts.answers, counts.blocks, counts.identical, counts.differing) == (1, 1, 0, 0)
    assert held(database, meter) == truth(0, 60)
    again = await brought(database, meter, part(10, 60), part(5, 55), part(0, 60))
    assert (again.blocks, again.identical) == (0, 3)
    assert held(database, meter) == truth(0, 60)


async def test_a_hole_in_the_middle_is_filled_and_no_more(database: str, meter: int) -> None:
    await brought(database, meter, part(0, 10), part(20, 30))
    await brought(database, meter, part(0, 40))
    assert held(database, meter) == truth(0, 40)


async def test_overlaps_within_one_batch(database: str, meter: int) -> None:
    await brought(database, meter, part(0, 30), part(10, 50), part(20, 60), part(0, 60))
    assert held(database, meter) == truth(0, 60)


async def test_the_same_values_with_another_status_are_something_else(database: str, meter: int) -> None:
    await brought(database, meter, part(0, 10))
    counts = await brought(database, meter, part(0, 10, status=4))
    assert (counts.blocks, counts.differing) == (1, 0)
    assert len(held(database, meter)) == 20


async def test_a_contradiction_keeps_the_rows_that_contradict(database: str, meter: int) -> None:
    await brought(database, meter, part(0, 48))
    other = readout("M001", answer(profile(START, [*WH[:40], *[999] * 8])))
    assert (await brought(database, meter, other)).differing == 1
    wanted = [*truth(0, 48), *[(START + i * HALF_HOUR, 999, 0) for i in range(40, 48)]]
    assert held(database, meter) == sorted(wanted)
    # Neither of the two changes anything any more.
    for one in (other, part(0, 48), part(30, 48)):
        counts = await brought(database, meter, one)
        assert (counts.blocks, counts.differing) == (0, 0)


async def test_what_is_said_again_after_something_else_is_the_last_word(database: str, meter: int) -> None:
    right, wrong = part(0, 10), readout("M001", answer(profile(START, [999] * 48)))
    for day, one in enumerate((right, wrong, right, part(0, 6))):
        counts = await brought(database, meter, one, day=10 + day)
        assert (counts.blocks, counts.differing) == ((1, 0), (1, 1), (1, 1), (0, 0))[day]
    assert (await brought(database, meter, right, day=12)).blocks == 0  # the same once more: a batch replayed
    with connect(database) as conn:
        stored = blocks.blocks(conn, [meter], Period.of_day(DAY))
    assert [one.raw.tolist()[:3] for one in stored] == [WH[:3], [999] * 3, WH[:3]]


@pytest.mark.parametrize("seed", range(3))
async def test_many_at_once_bring_overlapping_pieces(database: str, meter: int, seed: int) -> None:
    chance = random.Random(seed)

    async def bring() -> None:
        for _ in range(6):
            pieces = []
            for _ in range(chance.randint(1, 4)):
                first = chance.randrange(0, 400)
                pieces.append(part(first, first + chance.randint(1, 80)))
            await brought(database, meter, *pieces)

    await asyncio.gather(*[bring() for _ in range(4)])
    await brought(database, meter, part(0, 480))
    assert held(database, meter) == truth(0, 480)


async def test_chunks_are_chosen_for_each_batch_anew(database: str, meter: int) -> None:
    """A plan kept for every batch to come would look into all the years there are, for each block."""
    async with await AsyncConnection.connect(database, **session()) as conn:
        for number in range(8):
            here = part(number * 8, number * 8 + 12)
            await store(conn, [(meter, "D2", NOW + timedelta(days=9), here)])
        kept = await (await conn.execute("SELECT statement FROM pg_prepared_statements")).fetchall()
    assert not [said for (said,) in kept if "profile_block b" in said]
    assert any("INSERT INTO profile_block" in said for (said,) in kept)
