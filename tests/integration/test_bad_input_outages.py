"""A database that goes away in the middle of the office's work: a sentence, nothing half done, and the next
run comes to what an undisturbed one would have."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest

from operations import importing
from storage.pool import open_pool
from tests import bad_meters as meters
from tests.bad_meters import rows
from tests.cut_line import CutLine
from tests.operations_grid import NOW, grid, read_month
from tests.refusals import refused, sentence_of
from tests.unit.test_collector_dlms import Scripted

AT = ("--as-of", NOW.isoformat())
MONTH = ("--month", "2026-10", *AT)
WITHOUT_LINES = """SELECT count(*) FROM bill WHERE subtotal <>
    (SELECT coalesce(sum(amount), 0) FROM bill_line WHERE bill_id = bill.id)"""


@contextlib.contextmanager
def cut(ami: Any, dsn: str, port: int, words: bytes) -> Iterator[CutLine]:
    """`ami` works over a line that breaks when these words are sent."""
    with CutLine(dsn, port, words) as line:
        ami.environment["AMI_DATABASE_URL"] = line.url
        yield line
    ami.environment["AMI_DATABASE_URL"] = dsn


@pytest.fixture
def month(database: str) -> str:
    """A register and what closes its October."""
    with open_pool(database) as pool:
        importing.import_register(pool, grid(), lambda raw: raw)
    read_month(database)
    return database


def time_passes(dsn: str) -> None:
    """So long that a worker whose database went away counts as gone; its job is then taken over."""
    with psycopg.connect(dsn) as connection:
        connection.execute(
            "UPDATE procrastinate_workers SET last_heartbeat = last_heartbeat - INTERVAL '1 minute'"
        )


def went_away(ami: Any, *arguments: str) -> None:
    done = ami(*arguments, code=1, timeout=60)
    sentence = sentence_of(done)
    assert sentence.startswith("The database cannot be reached or went away (")
    assert sentence.endswith("look at `ami db status`, then run this again; what was stored stays stored.")


def test_in_the_middle_of_validating(ami: Any, month: str, free_port: int) -> None:
    due = rows(month, "SELECT count(*) FROM validation_due")
    assert due > [(3,)]
    with cut(ami, month, free_port, b"INSERT INTO profile_day") as line:
        went_away(ami, "validate", *AT)
        assert line.is_cut.is_set()
    assert rows(month, "SELECT count(*) FROM profile_day") == [(0,)]
    assert rows(month, "SELECT count(*) FROM validation_due") == due
    time_passes(month)
    ami("validate", *AT)
    assert rows(month, "SELECT count(*) FROM validation_due") == [(0,)]


def test_in_the_middle_of_billing(ami: Any, month: str, free_port: int) -> None:
    ami("close", *MONTH, code=None)
    with cut(ami, month, free_port, b"INSERT INTO bill_line") as line:
        went_away(ami, "bill", "run", *MONTH)
        assert line.is_cut.is_set()
    # Plain bills go out first, whole portions of them; what was cut off is not there at all.
    there = rows(month, "SELECT point, total FROM bill ORDER BY point")
    assert len(there) < 4
    assert rows(month, WITHOUT_LINES) == [(0,)]
    time_passes(month)
    # The job of the first run is taken over and done before that of the second.
    assert ami.json("bill", "run", *MONTH, "--json", code=3)["unchanged"] == 4
    assert ami.json("bill", "run", *MONTH, "--json", code=3)["unchanged"] == 4
    stand = rows(month, "SELECT point, total FROM bill ORDER BY point")
    assert len(stand) == 4
    assert set(there) < set(stand)
    assert rows(month, WITHOUT_LINES) == [(0,)]


def test_in_the_middle_of_closing(ami: Any, month: str, free_port: int) -> None:
    with cut(ami, month, free_port, b"INSERT INTO closing_index") as line:
        went_away(ami, "close", *MONTH)
        assert line.is_cut.is_set()
    assert rows(month, "SELECT count(*) FROM closing_index") == [(0,)]
    time_passes(month)
    first = ami.json("close", *MONTH, "--json", code=3)
    closed = rows(month, "SELECT point, at, raw FROM closing_index ORDER BY 1, 2, 3")
    assert len(closed) == first["closed"] + first["unchanged"] > 5
    assert ami.json("close", *MONTH, "--json", code=3)["unchanged"] == len(closed)
    assert rows(month, "SELECT point, at, raw FROM closing_index ORDER BY 1, 2, 3") == closed


@pytest.mark.parametrize("verb", [["bill", "run"], ["close"]])
def test_work_that_is_refused(ami: Any, verb: list[str]) -> None:
    """The queue it goes through keeps its tracebacks to itself."""
    sentence = refused(ami, *verb, "--month", "2027-03", *AT, code=5)
    assert sentence.startswith("The period ends on 01/04/2027, which is still to come: ")


async def test_in_the_middle_of_reading(ami: Any, database: str, free_ports: Callable[[], int]) -> None:
    """It stays away: what was read waits in the spool and comes in with the next run, unasked."""
    ports = (free_ports(), free_ports())
    good, other = Scripted(serial=meters.GOOD), Scripted(serial=meters.BAD)
    meters.hang(database, ami.home, meters.register(ports))
    ami.environment |= {"AMI_ANSWER_S": "1", "AMI_STORE_PATIENCE_S": "1"}
    once = ("collect", "--once", "--json", "--as-of", meters.NOW.isoformat())
    async with meters.answering((ports[0], good), (ports[1], other)):
        with cut(ami, database, free_ports(), b"INSERT INTO profile_block"):
            away = json.loads((await asyncio.to_thread(ami, *once, code=3)).stdout)
        assert away["stopped"].startswith("the database stays away (")
        assert (
            f"2 readouts wait in {ami.home / 'spool' / 'node-a.sqlite'} and come in with the next run"
            in (away["stopped"])
        )
        assert away["waiting"] == 2
        assert rows(database, "SELECT count(*) FROM answer") == [(0,)]
        back = json.loads((await asyncio.to_thread(ami, *once)).stdout)
    assert (back["waiting"], back["conversations"]) == (0, 0)
    assert (good.calls, other.calls) == (1, 1)
    assert rows(database, "SELECT cardinality(raw) FROM profile_block") == [(6,), (6,)]
