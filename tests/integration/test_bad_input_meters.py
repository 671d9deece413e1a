"""Meters and modems in trouble, read by `ami collect`: one sentence each, the evidence kept, the neighbour
read, and once the trouble is over everything is there exactly once."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest

from tests.bad_meters import BAD, GOOD, NOW, PASSWORD, answering, hang, register, rows
from tests.unit.test_collector_dlms import PROFILE, STAMPS, WH, Scripted
from tests.unit.test_collector_dlms import rows as encoded

HALF_HOURS = """SELECT m.serial, sum(cardinality(b.raw))
    FROM profile_block b JOIN meter m ON m.id = b.meter_id GROUP BY 1"""


@dataclass
class Pair:
    """The two meters, and `ami collect --once` on them."""

    ami: Any
    dsn: str
    ports: tuple[int, int]
    good: Scripted = field(default_factory=lambda: Scripted(serial=GOOD))
    bad: Scripted = field(default_factory=lambda: Scripted(serial=BAD))

    async def collect(self, code: int) -> dict[str, Any]:
        """What it printed, having ended with this code."""
        arguments = ("collect", "--once", "--json", "--as-of", NOW.isoformat())
        done = await asyncio.to_thread(self.ami, *arguments, code=code)
        assert "Traceback" not in done.stderr
        found: dict[str, Any] = json.loads(done.stdout)
        return found

    async def trouble(self) -> tuple[str, str]:
        """One run with the bad meter in trouble: outcome and sentence; its neighbour has been read."""
        (failed,) = (await self.collect(code=3))["failed"]
        assert failed["meter"] == BAD
        assert BAD in failed["detail"] or failed["modem"] in failed["detail"]
        assert PASSWORD not in failed["detail"]
        assert "\n" not in failed["detail"]
        assert dict(rows(self.dsn, HALF_HOURS))[GOOD] == 6
        return failed["outcome"], failed["detail"]

    def rejected(self) -> list[tuple[str, str, int]]:
        return rows(self.dsn, "SELECT item, reason, length(raw) FROM rejected_frame ORDER BY id")

    async def mended(self) -> None:
        """With the trouble over, a run brings the rest and doubles nothing; the next finds nothing to do."""
        assert (await self.collect(code=0))["failed"] == []
        assert dict(rows(self.dsn, HALF_HOURS)) == {GOOD: 6, BAD: 6}
        assert rows(self.dsn, "SELECT raw FROM profile_block") == [(WH,), (WH,)]


@pytest.fixture
async def pair(ami: Any, database: str, free_ports: Callable[[], int]) -> AsyncIterator[Pair]:
    found = Pair(ami, database, (free_ports(), free_ports()))
    ami.environment |= {"AMI_ANSWER_S": "3"}
    hang(database, ami.home, register(found.ports))
    async with answering((found.ports[0], found.good)):
        yield found


async def test_a_wrong_password(pair: Pair) -> None:
    hang(pair.dsn, pair.ami.home, register(pair.ports, password="guess"))
    async with answering((pair.ports[1], pair.bad)):
        outcome, sentence = await pair.trouble()
        assert outcome == "refused"
        assert "refused the password" in sentence
        assert pair.bad.calls == 1  # tried again it may lock itself
        hang(pair.dsn, pair.ami.home, register(pair.ports))
        await pair.mended()


async def test_a_modem_nobody_answers_for(pair: Pair) -> None:
    outcome, sentence = await pair.trouble()
    assert outcome == "no_link"
    assert sentence == (
        f"modem M1 at 127.0.0.1:{pair.ports[1]} cannot be called (Connection refused): "
        "check its power, network and address"
    )
    async with answering((pair.ports[1], pair.bad)):
        await pair.mended()


async def test_a_modem_that_takes_the_call_and_says_nothing(pair: Pair) -> None:
    pair.bad.tamper = lambda *_: b""
    pair.ami.environment["AMI_ANSWER_S"] = "1"
    async with answering((pair.ports[1], pair.bad)):
        outcome, sentence = await pair.trouble()
        assert outcome == "timeout"
        assert "no answer about the association within 1 s" in sentence
        pair.bad.tamper = lambda _, answer: answer
        await pair.mended()


async def test_a_meter_that_answers_garbage(pair: Pair) -> None:
    pair.bad.tamper = lambda *_: b"\xde\xad\xbe\xef" * 8
    async with answering((pair.ports[1], pair.bad)):
        outcome, sentence = await pair.trouble()
        assert outcome == "garbage", sentence
        kept = rows(pair.dsn, "SELECT raw FROM rejected_frame")
        assert {raw for (raw,) in kept} == {b"\xde\xad\xbe\xef" * 8}
        pair.bad.tamper = lambda _, answer: answer
        await pair.mended()
    assert len(pair.rejected()) == len(kept)


def half(script: Scripted) -> Callable[[int, bytes], bytes | None]:
    """It breaks off in the middle of its profile; the first answer of a call is about the association."""
    return lambda number, answer: (
        answer[: len(answer) // 2] if number and script.asked[-1] == PROFILE else answer
    )


def one_block(script: Scripted) -> Callable[[int, bytes], bytes | None]:
    """It says the first block of its profile and hangs up when it is asked for the next."""
    said = 0

    def tamper(number: int, answer: bytes) -> bytes | None:
        nonlocal said
        said = said + 1 if number and script.asked[-1] == PROFILE else 0
        return answer if said < 2 else None

    return tamper


HALVES = {
    "breaks off in an answer": ("half an answer: 76 bytes came, and no more", "asked for again"),
    "is cut short": (f"meter {BAD}, {PROFILE}: a byte is missing", "asked for again"),
    "hangs up between blocks": ("the line broke off: modem M1 hung up",),
}


@pytest.mark.parametrize("how", HALVES)
async def test_half_a_profile(pair: Pair, how: str) -> None:
    pair.ami.environment["AMI_ANSWER_S"] = "1"
    if how == "is cut short":
        pair.bad.profile = encoded(STAMPS, WH)[:-5]
    elif how == "breaks off in an answer":
        pair.bad.tamper = half(pair.bad)
    else:
        pair.bad.max_pdu = 64
        pair.bad.tamper = one_block(pair.bad)
    async with answering((pair.ports[1], pair.bad)):
        outcome, sentence = await pair.trouble()
        assert outcome == "partial", sentence
        assert all(part in sentence for part in HALVES[how]), sentence
        assert BAD not in dict(rows(pair.dsn, HALF_HOURS))  # never part of one as the whole
        # Its first question holds who it is and its newest rows at once.
        asked = {PROFILE, "serial"}
        assert all(item in asked and reason and size > 20 for item, reason, size in pair.rejected())
        # One line that went dead is no answer; the meter still has all of it.
        assert bool(pair.rejected()) == (how != "hangs up between blocks")
        (tries,) = rows(pair.dsn, "SELECT count(*) FROM poll WHERE outcome <> 'ok'")
        # The call that brought the registers costs no try; what came whole and was wrong three times rests.
        assert tries == (3 if how == "is cut short" else 4,)
        pair.bad.profile, pair.bad.tamper = encoded(STAMPS, WH), lambda _, answer: answer
        await pair.mended()


async def test_fewer_rows_than_were_asked_for(pair: Pair) -> None:
    """What a meter has not got is no fault: it is kept, and the rest is asked for the next time."""
    pair.bad.profile = encoded(STAMPS[:-1], WH[:-1])
    async with answering((pair.ports[1], pair.bad)):
        assert (await pair.collect(code=0))["failed"] == []
        assert dict(rows(pair.dsn, HALF_HOURS)) == {GOOD: 6, BAD: 5}
        pair.bad.profile = encoded(STAMPS[-1:], WH[-1:])
        assert (await pair.collect(code=0))["failed"] == []
        assert dict(rows(pair.dsn, HALF_HOURS)) == {GOOD: 6, BAD: 6}


async def test_a_clock_in_the_future(pair: Pair) -> None:
    pair.bad.clock = NOW + timedelta(days=400)
    pair.bad.profile = encoded([stamp + 400 * 86_400 for stamp in STAMPS], WH)
    async with answering((pair.ports[1], pair.bad)):
        outcome, sentence = await pair.trouble()
        assert outcome == "partial"
        assert pair.bad.calls == 1  # asked again at once it would be no better
        assert "ahead: its profile is not read until the clock has been set" in sentence
        assert rows(pair.dsn, "SELECT count(*) FROM meter_event WHERE code = 'clock_drift'") == [(1,)]
        pair.bad.clock, pair.bad.profile = NOW, encoded(STAMPS, WH)
        await pair.mended()


async def test_rows_of_the_future(pair: Pair) -> None:
    """A clock that is right beside rows that cannot be yet."""
    pair.bad.profile = encoded([*STAMPS[:-1], STAMPS[-1] + 86_400], WH)
    async with answering((pair.ports[1], pair.bad)):
        outcome, sentence = await pair.trouble()
        assert outcome == "partial"
        assert "claims the future" in sentence
        assert BAD not in dict(rows(pair.dsn, HALF_HOURS))
        pair.bad.profile = encoded(STAMPS, WH)
        await pair.mended()


async def test_another_meter_in_its_place(pair: Pair) -> None:
    pair.bad.serial = "99999"
    async with answering((pair.ports[1], pair.bad)):
        outcome, sentence = await pair.trouble()
        assert outcome == "wrong_meter"
        assert f"meter 99999 answers where {BAD} should" in sentence
        pair.bad.serial = BAD
        await pair.mended()
