"""The lines a node holds are called when they are due, also by a clock that was wrong."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from collector.nodes import desk as desks
from collector.nodes.desk import Desk
from collector.nodes.node import Node
from collector.polling.experience import LineExperience
from collector.polling.known import Known
from model.grid import Modem, ModemLink
from model.period import LOCAL, Period
from storage.errors import WrappingKeyUnusable
from storage.fleet import Line

NOW = datetime(2026, 11, 20, 10, 0, tzinfo=LOCAL)


async def test_a_clock_that_is_put_back_does_not_stop_polling(monkeypatch: pytest.MonkeyPatch) -> None:
    """No battery, no network: a machine that begins a day ahead and hears the time later."""
    called: list[datetime] = []
    shown = [NOW + timedelta(days=1)]

    async def call_round(*_: object) -> None:
        called.append(shown[0])

    monkeypatch.setattr(desks, "TICK_S", 0.01)
    monkeypatch.setattr(desks, "call_round", call_round)
    monkeypatch.setattr(desks, "due_at", lambda *_: shown[0] + timedelta(minutes=30))
    settings = SimpleNamespace(connect_s=1.0)
    learnt, ahead = LineExperience(), shown[0]
    learnt.breaker.failed(ahead, 1)
    learnt.of(1).breaker.shut(ahead, timedelta(hours=1))
    known = Known(last_register=ahead, last_instant=ahead, depth_at=NOW - timedelta(hours=1))
    asked = ("registers", Period(NOW - timedelta(hours=1), NOW))
    known.strikes[asked] = (3, ahead)
    office: Any = SimpleNamespace(clock=lambda: shown[0], stopped="", settings=settings)
    office.spool, office.experience = SimpleNamespace(wrong=None), {"M1": learnt}
    roster: Any = SimpleNamespace(of=lambda line: [], drop=lambda line: None)
    roster.seats = {1: SimpleNamespace(known=known)}
    desk = Desk(office, roster)
    await desk.take(0, 1, [Line(Modem("M1", ModemLink.DIAL_OUT, host="127.0.0.1", port=1), ())])
    serving = asyncio.create_task(desk.serve())
    try:
        async with asyncio.timeout(5):
            while len(called) < 1:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
            await asyncio.sleep(0.1)
            assert len(called) == 1, "not before it is due"
            shown[0] = NOW
            while len(called) < 2:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
    finally:
        serving.cancel()
        await asyncio.gather(serving, *desk.close(), return_exceptions=True)
    assert called[1] == NOW
    soon, later = NOW + timedelta(minutes=1), NOW + timedelta(hours=7)
    assert not learnt.of(1).breaker.may(soon), "what rests goes on resting"
    assert learnt.of(1).breaker.may(later), "but no longer than it should"
    assert learnt.breaker.may(later)
    state = known.state(soon)
    assert (state.last_register, state.last_instant) == (None, None), "nothing was read after now"
    assert state.depth_at == NOW - timedelta(hours=1)
    assert state.resting == {asked}
    assert not known.state(later).resting


async def test_a_node_whose_key_opens_nothing_gives_its_shards_jobs_up_with_the_shards() -> None:
    """The key may be right again before the next beat comes through: they would be leased and not polled."""
    settings = SimpleNamespace(connect_s=1.0)
    office: Any = SimpleNamespace(clock=lambda: NOW, stopped="", settings=settings, experience={})
    roster: Any = SimpleNamespace(drop=lambda line: None)
    desk = Desk(office, roster)
    node = Node("north", "", desk, roster, cast(Any, SimpleNamespace()))
    await desk.take(0, 1, [Line(Modem("M1", ModemLink.DIAL_OUT, host="127.0.0.1", port=1), ())])
    job = node._ends[0] = asyncio.Event()
    node.keyless(WrappingKeyUnusable("There is no key here.", place=Path("wrapping.key")))
    assert node.resting == "There is no key here", "others put it into a sentence of theirs"
    node.rest_over("key")
    assert not desk.shards
    assert not desk.lines
    assert job.is_set()
