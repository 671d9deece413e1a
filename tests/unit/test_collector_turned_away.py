"""Who is sent away is in the log, with reason and address, and a flood does not fill it."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

import pytest

from collector.listener import turned_away
from collector.listener.turned_away import _WORDS, TurnedAway
from collector.watch.metrics import REJECTIONS
from protocols.dlms.wrapper import Frame
from tests.pushed import receiving
from tests.unit.test_collector_listener import call, hung_up, listening, modem


def said(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [
        record.getMessage() for record in caplog.records if record.getMessage().startswith("sent away at ")
    ]


async def test_strangers_at_the_listener(
    free_port: int, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turned_away, "MINUTE_S", 0.5)
    first = (
        "sent away at the modems' port (unknown_modem): gave a name that is not in the register; "
        "from 127.0.0.1"
    )
    async with listening(free_port, modem("M123")) as (listener, _):
        for name in range(20):
            reader, _ = await call(free_port, b"IMEI:M9%02d\r\n" % name)
            assert await hung_up(reader)
        reader, _ = await call(free_port, b"GET / HTTP/1.1\r\n\r\n")
        assert await hung_up(reader)
        assert listener.rejected == {"unknown_modem": 20, "unknown_dialect": 1}
        assert said(caplog) == [
            first,
            "sent away at the modems' port (unknown_dialect): said what is a name in no dialect of a modem "
            "that may dial in; from 127.0.0.1",
        ]
        await asyncio.sleep(0.8)
        more = "sent away at the modems' port (unknown_modem): 19 more within a minute, from 127.0.0.1"
        assert said(caplog)[2:] == [more]
        await asyncio.sleep(0.6)  # a minute without any
        await hung_up((await call(free_port, b"IMEI:M900\r\n"))[0])
        assert said(caplog)[3:] == [first]


async def test_who_pushes_what_is_not_believed(
    free_port: int, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with receiving(free_port, tmp_path, []) as there:
        reader, writer = await asyncio.open_connection(*there.at)
        for _ in range(3):
            writer.write(Frame(1, 1, b"\x0e no notification").to_bytes())
        await there.judged(3)
        writer.write(b"GET / HTTP/1.1\r\n")
        assert await hung_up(reader)
        writer.close()
        first = "sent away at the push port (undecodable): 0E begins no notification; from 127.0.0.1"
        assert said(caplog) == [first]
    # What had been counted is said at the end.
    assert said(caplog)[1:] == [
        "sent away at the push port (undecodable): 3 more within a minute, from 127.0.0.1"
    ]


async def test_the_worst_of_many_is_named_and_memory_is_bounded(caplog: pytest.LogCaptureFixture) -> None:
    away = TurnedAway(logging.getLogger("ami.listener"), "the modems' port")
    for number in range(5000):
        away.note("rate", f"10.0.{number // 250}.{number % 250}")
        away.note("rate", "10.0.0.0")
    assert len(away._more["rate"]) <= turned_away.NAMED + 1
    away.close()
    assert said(caplog)[1:] == [
        "sent away at the modems' port (rate): 9,999 more within a minute, 5,000 of them from 10.0.0.0"
    ]


def test_every_reason_has_its_words() -> None:
    assert _WORDS.keys() == REJECTIONS
