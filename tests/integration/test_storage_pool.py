"""Pools live through a database that goes away; the queue runs on the store's own tables."""

from __future__ import annotations

from datetime import timedelta

import psycopg
import pytest

from storage.pool import open_async_pool, open_pool
from storage.queue import queue_app


def _end_sessions(database: str) -> None:
    with psycopg.connect(database, autocommit=True) as conn:
        conn.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid() AND application_name = 'dienke'"
        )


def test_a_connection_that_died_is_replaced(database: str) -> None:
    with open_pool(database, size=2) as pool:
        with pool.connection() as conn:
            zone = conn.execute("SHOW timezone").fetchone()
        _end_sessions(database)
        with pool.connection() as conn:
            assert conn.execute("SELECT 1").fetchone() == (1,)
    assert zone == ("UTC",)


async def test_so_is_one_of_the_loop(database: str) -> None:
    async with open_async_pool(database, size=2) as pool:
        async with pool.connection() as conn:
            await conn.execute("SELECT 1")
        _end_sessions(database)
        async with pool.connection() as conn:
            assert await (await conn.execute("SELECT 1")).fetchone() == (1,)


def test_a_statement_is_given_up(database: str) -> None:
    with (
        open_pool(database, size=1, statement_timeout_s=0.1) as pool,
        pytest.raises(psycopg.errors.QueryCanceled),
        pool.connection() as conn,
    ):
        conn.execute("SELECT pg_sleep(%s)", [timedelta(seconds=5).total_seconds()])


async def test_the_queue_runs_what_is_deferred(database: str) -> None:
    app, done = queue_app(database), []

    @app.task(name="close")
    async def close(book: str) -> None:
        done.append(book)

    async with app.open_async():
        await close.defer_async(book="S1")
        await app.run_worker_async(wait=False, install_signal_handlers=False, listen_notify=False)
    assert done == ["S1"]
