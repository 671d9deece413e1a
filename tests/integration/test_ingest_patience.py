"""A database that will not take anything just now is waited for: nothing is put aside, nobody ends."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest

from collector.errors import StoreAway
from collector.nodes.store_line import StoreLine
from collector.spool import ingest as ingesting
from collector.spool.ingest import Ingest
from collector.spool.spool import Spool, Spooled
from model.readout import Readout
from storage import evidence
from tests.bad_meters import BAD, hang, register

NOW = datetime(2026, 10, 20, 3, 0, tzinfo=UTC)
READ_ONLY = """
    DO $$ BEGIN
        EXECUTE format('ALTER DATABASE %I SET default_transaction_read_only = {}', current_database());
    END $$"""


def said(database: str, number: int) -> Spooled:
    """A readout of a meter that is registered."""
    with psycopg.connect(database) as conn:
        ((meter_id,),) = conn.execute("SELECT id FROM meter WHERE serial = %s", [BAD]).fetchall()
    poll = f"00000000-0000-4000-8000-00000000000{number}"
    return Spooled(meter_id, "M1", NOW, Readout(BAD, poll, NOW, NOW, "ok"))


@asynccontextmanager
async def one_waiting(database: str, folder: Path) -> AsyncIterator[tuple[Ingest, asyncio.Task[None]]]:
    """An ingest at work, with one readout in its spool."""
    hang(database, folder, register((1, 2)))
    spool = Spool(folder / "spool.sqlite")
    await spool.append([said(database, 1)])
    ingest = Ingest(spool, database)
    serving = asyncio.create_task(ingest.serve())
    try:
        yield ingest, serving
    finally:
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)
        spool.close()


async def _until_away(ingest: Ingest, serving: asyncio.Task[None]) -> None:
    async with asyncio.timeout(20):
        while ingest.away_since is None:
            assert not serving.done(), serving.exception()
            assert ingest.spool.set_aside == 0
            await asyncio.sleep(0.02)


async def _all_in(ingest: Ingest, database: str, count: int = 1) -> None:
    async with asyncio.timeout(30):
        await ingest.drained()
    assert ingest.spool.set_aside == 0
    with psycopg.connect(database) as conn:
        assert conn.execute("SELECT outcome FROM poll").fetchall() == [("ok",)] * count


async def test_one_that_takes_no_writes_for_a_while(database: str, tmp_path: Path) -> None:
    """A standby after a switch-over, or one whose administrator has stopped writing."""
    hang(database, tmp_path, register((1, 2)))
    another = said(database, 2)
    with psycopg.connect(database, autocommit=True) as conn:
        conn.execute("SET default_transaction_read_only = off")
        async with one_waiting(database, tmp_path) as (ingest, serving):
            await _all_in(ingest, database)
            conn.execute(READ_ONLY.format("on"))
            line = StoreLine(database, "north")
            with pytest.raises(StoreAway, match="read-only"):
                async with line.turn() as turn:
                    await turn.execute("DELETE FROM node")
            await line.close()
            await ingest._hang_up()
            await ingest.spool.append([another])
            await _until_away(ingest, serving)
            conn.execute(READ_ONLY.format("off"))
            await _all_in(ingest, database, 2)


async def test_one_that_ended_us_for_standing_still(
    database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stopped in the middle of a batch for longer than a transaction of ours may stand idle."""
    monkeypatch.setattr(ingesting, "IDLE_S", 0.3)
    stood: list[bool] = []

    async def slow(conn: Any, rows: Any) -> Any:
        if not stood:
            stood.append(True)
            time.sleep(1.0)  # noqa: ASYNC251 - the whole process stands still
        return await store(conn, rows)

    store = evidence.store
    monkeypatch.setattr(evidence, "store", slow)
    async with one_waiting(database, tmp_path) as (ingest, serving):
        await _until_away(ingest, serving)
        await _all_in(ingest, database)


async def test_one_that_is_being_rebuilt(database: str, tmp_path: Path) -> None:
    """A table or a right that is missing says nothing about the record: it waits."""
    hang(database, tmp_path, register((1, 2)))
    with psycopg.connect(database, autocommit=True) as conn:
        conn.execute("ALTER TABLE poll RENAME TO poll_elsewhere")
        async with one_waiting(database, tmp_path) as (ingest, serving):
            await _until_away(ingest, serving)
            conn.execute("ALTER TABLE poll_elsewhere RENAME TO poll")
            await _all_in(ingest, database)
