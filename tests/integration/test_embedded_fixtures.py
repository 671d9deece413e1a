"""The databases that tests are given: real, private, quick."""

from __future__ import annotations

import psycopg
import pytest


@pytest.mark.parametrize("turn", [1, 2])
def test_each_test_gets_an_empty_database_of_its_own(empty_database: str, turn: int) -> None:
    with psycopg.connect(empty_database) as connection:
        connection.execute("CREATE EXTENSION timescaledb")
        connection.execute("CREATE TABLE seen (turn int)")
        row = connection.execute(
            "SELECT extversion FROM pg_extension WHERE extname = 'timescaledb'"
        ).fetchone()
    assert row is not None
    assert row[0].startswith("2.19.")


def test_a_free_port_is_below_those_of_clients(free_port: int) -> None:
    assert 1024 < free_port < 32768
