"""All that is wanted now in one question: taken where it can be believed, asked singly where it is not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta

import pytest

from collector.exchange import read_meter
from collector.exchange.scales import TRIES_ALONG, Scales
from collector.polling.plan import Wanted
from model.clock import frozen
from model.period import HALF_HOUR, Period
from model.readout import Readout
from protocols.dlms import apdu
from protocols.dlms.enums import DataAccessResult
from tests.unit.test_collector_dlms import (
    ALL,
    ASKED,
    NOW,
    PROFILE,
    STAMPS,
    WH,
    Scripted,
    items,
    meter,
    rows,
    served,
)

USUAL = Wanted(ALL.profile, registers=True)
AT_LIST = 1
EXCEPTION = bytes.fromhex("d8 01 01")


async def converse(
    port: int, script: Scripted, scales: Scales | None = None, answer_s: float = 10.0
) -> Readout:
    async with served(port, script) as link, link.lease() as stream:
        return await read_meter(stream, meter(), USUAL, clock=frozen(NOW), answer_s=answer_s, scales=scales)


@dataclass
class Counted(Scripted):
    """Says how many answers went out, and changes the one to the list."""

    answers: int = 0
    change: Callable[[bytes], bytes] = lambda answer: answer

    def __post_init__(self) -> None:
        def tamper(number: int, answer: bytes) -> bytes | None:
            self.answers = number + 1
            return self.change(answer) if number == AT_LIST else answer

        self.tamper = tamper


def framed(payload: bytes) -> bytes:
    return bytes.fromhex("0001 0001 0011") + len(payload).to_bytes(2, "big") + payload


async def test_three_answers_make_a_conversation(free_port: int) -> None:
    script, scales = Counted(), Scales()
    readout = await converse(free_port, script, scales)
    assert (readout.outcome, readout.rejected) == ("ok", ())
    assert items(readout) == {"serial", "clock", "registers", PROFILE}
    (profile,) = [answer for answer in readout.answers if answer.asked]
    assert (profile.asked, profile.complete, profile.raw) == (ASKED, True, rows(STAMPS, WH))
    assert profile.blocks[0].raw == tuple(WH)
    assert script.answers == 3
    assert readout.rtt_s is not None
    again = await converse(free_port, Counted(), scales)  # now the scalers and the form of the rows are known
    assert again.answers[-1].blocks == profile.blocks
    assert scales.along == TRIES_ALONG


async def test_of_another_meter_the_rows_that_came_along_are_not_kept(free_port: int) -> None:
    readout = await converse(free_port, Counted(serial="999"))
    assert readout.outcome == "wrong_meter"
    assert items(readout) == {"serial"}


async def test_rows_that_came_along_with_a_clock_a_day_ahead_are_not_believed(free_port: int) -> None:
    readout = await converse(free_port, Counted(clock=NOW + timedelta(days=1)))
    assert readout.outcome == "partial"
    assert PROFILE not in items(readout)


async def test_a_slow_clock_is_asked_again_for_what_it_has(free_port: int) -> None:
    script = Counted(clock=NOW - timedelta(minutes=10), profile=rows(STAMPS[:-1], WH[:-1]))
    readout = await converse(free_port, script)
    (profile,) = [answer for answer in readout.answers if answer.asked]
    assert profile.asked == Period(ASKED.start, ASKED.end - HALF_HOUR)
    assert script.answers == 4


@pytest.mark.parametrize("whole", [True, False], ids=["the whole list", "the rows in it"])
async def test_a_meter_that_takes_no_rows_in_a_list_is_read_one_by_one_from_then_on(
    free_port: int, whole: bool
) -> None:
    def refuse(answer: bytes) -> bytes:
        if whole:
            return framed(EXCEPTION)
        found = apdu.decode(answer[8:])
        assert isinstance(found, apdu.GetResponseWithList)
        results = (*found.results[:-1], DataAccessResult.SCOPE_OF_ACCESS_VIOLATED)
        return framed(replace(found, results=results).to_bytes())

    script, scales = Counted(change=refuse), Scales()
    readout = await converse(free_port, script, scales)
    assert (readout.outcome, readout.rejected) == ("ok", ())
    assert items(readout) == {"serial", "clock", "registers", PROFILE}
    assert scales.along == 0
    plain = Counted()
    assert items(await converse(free_port, plain, scales)) == items(readout)
    assert plain.answers == 4


async def test_a_meter_that_falls_silent_over_such_a_list_is_spared_it_in_the_end(
    free_port: int,
) -> None:
    scales = Scales()
    for _ in range(TRIES_ALONG):
        silent = Counted(change=lambda answer: b"")
        assert (await converse(free_port, silent, scales, 0.3)).outcome == "timeout"
    plain = Counted()
    assert (await converse(free_port, plain, scales)).outcome == "ok"
    assert plain.answers == 4


async def test_rows_that_came_along_and_make_no_sense_are_rejected_with_their_bytes(free_port: int) -> None:
    broken = rows(STAMPS, WH)[:-1]
    readout = await converse(free_port, Counted(profile=broken))
    assert readout.outcome == "partial"
    assert items(readout) == {"serial", "clock", "registers"}
    (rejected,) = readout.rejected
    assert (rejected.item, rejected.asked, rejected.raw) == (PROFILE, ASKED, broken)


@pytest.mark.parametrize("year", [1, 9999])
async def test_a_clock_at_the_end_of_all_time_is_only_not_believed(free_port: int, year: int) -> None:
    readout = await converse(free_port, Counted(clock=NOW.replace(year=year, month=1, day=1, hour=0)))
    assert readout.outcome == "partial"
    assert items(readout) == {"serial", "clock", "registers"}
