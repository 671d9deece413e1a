"""Late data into compressed chunks: TimescaleDB 2.17.2 lost such rows silently (its issue 7672)."""

from __future__ import annotations

from datetime import timedelta

import pytest
from psycopg import AsyncConnection

from model.period import midnight
from storage import evidence, fleet
from storage.grid import save_register
from storage.pool import connect, session
from tests.storage_samples import DAY, NOW, answer, grid, profile, readout


async def test_late_blocks_are_stored_in_compressed_chunks(database: str) -> None:
    with connect(database) as conn:
        licence = conn.execute("SHOW timescaledb.license").fetchone()
        if licence == ("apache",):
            pytest.skip("the Apache edition of TimescaleDB has no compression")
        save_register(conn, grid(), bytes)
        ids = fleet.meter_ids(conn)
        conn.execute(
            "ALTER TABLE profile_block"
            " SET (timescaledb.compress, timescaledb.compress_segmentby = 'meter_id')"
        )
    start = midnight(DAY)
    first = [(ids["M001"], "D2", NOW, readout("M001", answer(profile(start, [1] * 48))))]
    late = [
        (ids[serial], "D2", NOW, readout(serial, answer(profile(start + timedelta(days=day), [day] * 48))))
        for serial in ("M001", "M002")
        for day in (-1, 0, 1)
    ]
    async with await AsyncConnection.connect(database, **session()) as writer:
        await evidence.store(writer, first)
        await writer.commit()
        await writer.execute("SELECT compress_chunk(show_chunks('profile_block'))")
        await writer.commit()
        assert (await evidence.store(writer, late)).blocks == 6
        assert (await evidence.store(writer, late)).identical == 6
        rows = await (await writer.execute("SELECT count(*) FROM profile_block")).fetchone()
    assert rows == (7,)
