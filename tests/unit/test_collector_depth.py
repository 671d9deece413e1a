"""How far back a meter's buffer goes is asked once; what has left it is said, and not asked for again."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from collector.exchange import read_meter
from collector.exchange.abilities import abilities_of
from collector.polling.known import Known
from collector.polling.plan import DEEP, OLDEST_ROW, Wanted, wanted
from model.clock import frozen
from model.period import HALF_HOUR, LOCAL, Period
from model.readout import Readout
from protocols.dlms import axdr
from protocols.dlms.enums import DataAccessResult
from protocols.dlms.selection import EntrySelection
from tests.unit.test_collector_dlms import NOW, PROFILE, Scripted, meter, rows, served

HUNG = NOW - timedelta(days=150)
OLDEST = NOW - timedelta(days=60)  # of the rows the buffer still holds
BUFFER = Period(OLDEST, NOW)


class Buffered(Scripted):
    """A buffer of sixty days. `newest_first`: its first entry is the newest one; `tells` what it can."""

    newest_first = False
    tells = True
    selections: list[Any]

    def read(self, class_id: int, obis: Any, attribute: int, selection: Any) -> Any:
        if str(obis) != PROFILE or class_id != 7:
            return super().read(class_id, obis, attribute, selection)
        self.selections.append(selection if attribute == 2 else attribute)
        if not self.tells and (attribute == 7 or isinstance(selection, EntrySelection)):
            return DataAccessResult.OBJECT_UNDEFINED
        if attribute == 7:
            return axdr.double_long_unsigned(BUFFER.duration // HALF_HOUR)
        if isinstance(selection, EntrySelection):
            first = NOW if self.newest_first else OLDEST + HALF_HOUR
            return rows([int(first.timestamp())], [1])
        begin, end = (int(at.to_datetime(LOCAL).timestamp()) for at in (selection.first, selection.last))
        stamps = [at for at in range(begin, end + 1, 1800) if at > OLDEST.timestamp()]
        return rows(stamps, [1] * len(stamps))


def plan(known: Known, now: datetime = NOW) -> Wanted:
    return wanted(abilities_of("dk-1p"), known.state(now), since=HUNG, until=None, now=now, live_every=None)


async def conversation(port: int, script: Buffered, known: Known) -> Readout:
    script.selections = []
    async with served(port, script) as link, link.lease() as stream:
        readout = await read_meter(stream, meter(), plan(known), clock=frozen(NOW), answer_s=2.0)
    known.note(readout)
    return readout


async def test_gaps_beyond_the_buffer_are_said_once_and_never_asked(free_port: int) -> None:
    known, script = Known(), Buffered()
    readout = await conversation(free_port, script, known)
    assert readout.outcome == "ok", readout.detail
    events = [event for answer in readout.answers for event in answer.events]
    (beyond,) = [event for event in events if event.code == "beyond_buffer"]
    assert "older than what it still keeps" in beyond.detail
    asked = [each for each in script.selections if not isinstance(each, int | EntrySelection)]
    assert len(asked) == 9  # whole weeks, the last of them cut by the end of the buffer
    (gone,) = [
        answer.asked
        for answer in readout.answers
        if answer.item == PROFILE and answer.asked and answer.asked.end <= OLDEST
    ]
    assert gone is not None
    assert gone.start == HUNG
    assert OLDEST - timedelta(days=7) < gone.end <= OLDEST
    assert not plan(known).profile
    assert not plan(known, NOW + timedelta(days=8)).deep


async def test_the_meter_is_asked_how_far_back_it_goes_once(free_port: int) -> None:
    known, script = Known(), Buffered()
    known.note(await conversation(free_port, script, known))
    assert sum(isinstance(each, EntrySelection) for each in script.selections) == 1
    known.answered.clear()
    assert not plan(known).deep
    assert plan(known, NOW + timedelta(days=8)).deep  # its oldest row has moved on since


@pytest.mark.parametrize("how", ["newest_first", "tells"])
async def test_a_meter_that_does_not_tell_is_asked_for_all_of_it(how: str, free_port: int) -> None:
    known, script = Known(), Buffered()
    setattr(script, how, how == "newest_first")
    readout = await conversation(free_port, script, known)
    asked = [each for each in script.selections if not isinstance(each, int | EntrySelection)]
    assert len(asked) == 22
    assert not [event for answer in readout.answers for event in answer.events]
    assert not plan(known).profile
    assert known.depth_at is not None


def test_what_no_buffer_is_too_short_for_needs_no_question() -> None:
    known = Known()
    known.answered_before(PROFILE, [Period(HUNG, NOW - DEEP)])
    assert plan(known).profile
    assert not plan(known).deep
    assert OLDEST_ROW not in known.answered
