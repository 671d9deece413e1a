"""What the journal is told: one JSON object a line, about what is under way, and no secret."""

import asyncio
import io
import logging
from collections.abc import Iterator
from datetime import datetime

import orjson
import psycopg
import pytest

from ami import logs
from collector.context import about, unrepeated

CANARY = "kenar-7f3a"


@pytest.fixture
def journal() -> Iterator[tuple[logging.Logger, io.StringIO]]:
    heard = io.StringIO()
    handler = logging.StreamHandler(heard)
    handler.setFormatter(logs.JsonLines())
    logger = logging.getLogger("ami.test_logs")
    logger.addHandler(handler)
    logger.propagate = False
    logger.setLevel(logging.INFO)
    yield logger, heard
    logger.removeHandler(handler)


async def test_a_line_is_about_what_is_under_way(journal: tuple[logging.Logger, io.StringIO]) -> None:
    logger, heard = journal

    async def read(meter: str, poll: str) -> None:
        with about(meter=meter):
            await asyncio.sleep(0)
            logger.warning("meter %s: timeout", meter, extra={"poll": poll})

    with about(modem="M1", shard=3, epoch=17):
        await asyncio.gather(read("20260001", "p1"), read("20260002", "p2"))
    logger.info("said outside\nof anything: điện")
    first, second, third = map(orjson.loads, heard.getvalue().splitlines())
    assert {name: first[name] for name in ("level", "logger", "message", "poll", "modem", "meter")} == {
        "level": "warning", "logger": "ami.test_logs", "message": "meter 20260001: timeout", "poll": "p1",
        "modem": "M1", "meter": "20260001",
    }  # fmt: skip
    assert (first["shard"], first["epoch"]) == (3, 17)
    assert (second["meter"], second["poll"]) == ("20260002", "p2")
    assert third.keys() == {"time", "level", "logger", "message"}
    assert third["message"] == "said outside of anything: điện"
    assert datetime.fromisoformat(first["time"]).utcoffset() is not None
    assert first["time"].endswith("+07:00")


def test_what_a_library_attaches_to_a_record_is_left_out(
    journal: tuple[logging.Logger, io.StringIO],
) -> None:
    logger, heard = journal
    logger.info("Starting job", extra={"job": {"args": {"password": CANARY}}, "meter": object()})
    assert CANARY not in heard.getvalue()
    assert orjson.loads(heard.getvalue()).keys() == {"time", "level", "logger", "message"}


@pytest.mark.parametrize(
    "said",
    [
        f"connection to postgresql://ami:{CANARY}@db.example:5432/ami failed",
        f"invalid conninfo: host=db password={CANARY} dbname=ami",
        f"{{'password': '{CANARY}', 'host': 'db'}}"[1:-1].replace("'password'", "password"),
        f"mqtts://gateway:{CANARY}@broker",
        f"password = '{CANARY} with a blank'",
    ],
)
def test_a_password_is_left_out_by_its_place(said: str, journal: tuple[logging.Logger, io.StringIO]) -> None:
    logger, heard = journal
    try:
        raise ConnectionError(said)
    except ConnectionError:
        logger.exception("%s", said)
    found = orjson.loads(heard.getvalue())
    assert "ConnectionError" in found["error"]
    assert CANARY not in heard.getvalue()
    plain = logging.LogRecord("x", logging.INFO, "", 0, said, None, None)
    assert CANARY not in logs.LocalTime("%(asctime)s %(message)s").format(plain)


@pytest.mark.parametrize(
    "said",
    [
        f'{{"user": "ami", "password": "{CANARY}"}}',
        f"{{'password': '{CANARY}'}}",
        f"password='it\\'s {CANARY}' user=u",
        f"postgresql://ami:half/{CANARY}@db/ami",
    ],
)
def test_a_password_is_found_by_its_place_however_it_is_quoted(said: str) -> None:
    assert CANARY not in logs.without_passwords(said)


def test_what_json_cannot_say_is_a_line_all_the_same() -> None:
    # Not logged: pytest would keep the half pair with its report, which cannot go from worker to worker.
    record = logging.makeLogRecord({"msg": "calls itself \ud800", "epoch": 2**70})
    line = logs.JsonLines().format(record)
    assert orjson.loads(line.replace("\\ud800", "?"))["message"] == "calls itself ?"


LIBPQ = """connection to server at "127.0.0.1", port 9 failed: Connection refused
\tIs the server running on that host and accepting TCP/IP connections?
"""


@pytest.mark.parametrize("form", [logs.JsonLines(), logs.LocalTime("%(message)s")])
def test_every_event_is_one_sentence_and_none_is_empty(form: logging.Formatter) -> None:
    def said(message: str, *arguments: object) -> str:
        line = form.format(logging.makeLogRecord({"name": "psycopg.pool", "msg": message, "args": arguments}))
        assert "\n" not in line
        return str(orjson.loads(line)["message"]) if isinstance(form, logs.JsonLines) else line

    refused = (
        'connection to server at "127.0.0.1", port 9 failed: Connection refused; Is the server running on'
        " that host and accepting TCP/IP connections?"
    )
    assert said("error connecting in %r: %s", "pool-1", OSError(LIBPQ)) == (
        f"error connecting in 'pool-1': {refused}"
    )
    assert said("the queue is away: %s", TimeoutError()) == "the queue is away: TimeoutError"
    assert said("  \n\t") == "psycopg.pool: something happened, it does not say what"
    assert said("One sentence.\nAnother:\n\n a third") == "One sentence. Another: a third"


@pytest.mark.parametrize(
    ("detail", "said"),
    [
        ("meter 12: the line broke off", "the line broke off"),
        ("meter 12 refused the password", "refused the password"),
        ("meter 12, clock: truncated", "clock: truncated"),
        ("meter 123 answers where 12 should", "meter 123 answers where 12 should"),
        ("modem M1 is not connected", "modem M1 is not connected"),
        ("meter 12", "meter 12"),
        ("", ""),
    ],
)
def test_who_has_been_named_is_not_named_again(detail: str, said: str) -> None:
    assert unrepeated("meter 12", detail) == said


def test_a_library_says_that_the_database_is_away_once_a_minute_and_without_a_traceback() -> None:
    now, filter_ = [0.0], logs.Libraries(lambda: now[0])
    form = logs.LocalTime("%(message)s")

    def said(name: str, message: str, error: BaseException | None = None) -> str | None:
        told = {"name": name, "msg": message, "exc_info": (type(error), error, None) if error else None}
        record = logging.makeLogRecord(told)
        return form.format(record) if filter_.filter(record) else None

    refused = psycopg.OperationalError("connection refused\n\tIs it running?")
    away = RuntimeError("Database error.")
    away.__cause__ = refused
    once = "listener error: Database error. (connection refused Is it running?)"
    assert said("procrastinate.worker", "listener error: Database error.", away) == once
    assert said("procrastinate.worker", "listener error: Database error.", away) is None
    assert said("psycopg.pool", "error connecting in 'pool-1': refused") is not None
    now[0] = 61.0
    assert (
        said("procrastinate.worker", "listener error: Database error.", away)
        == f"{once} (said 2 times by now)"
    )
    assert "KeyError" in (said("procrastinate.worker", "a job went wrong", KeyError("x")) or "")
    assert "KeyError" in (said("procrastinate.worker", "a job went wrong", KeyError("x")) or "")
    assert said("ami.node", "the queue is away: refused") == said("ami.node", "the queue is away: refused")
