"""Reading a meter because somebody asks for it now."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import replace
from typing import Any

from collector.errors import CollectorError
from collector.exchange import conversed, read_meter
from collector.exchange.course import Course
from collector.exchange.dlms import opening, take_leave
from collector.exchange.facts import facts_of
from collector.exchange.notebook import Notebook
from collector.exchange.opened import associated
from collector.exchange.scales import Scales
from collector.exchange.switches import LIMIT, SWITCH, read_limit, read_switch
from collector.keys.fleet_keys import OurSide
from collector.links.wire import ByteStream
from collector.polling.grid import floor_to
from collector.polling.plan import Abilities, Span, Wanted
from model.clock import Clock
from model.period import Period, local_day, midnight
from model.readout import Answer, Readout
from protocols.meter_models.model import MeterModel
from storage.fleet import LineMeter

USUAL = ("registers", "instants")


async def read_on_demand(
    stream: ByteStream,
    meter: LineMeter,
    items: Collection[str],
    abilities: Abilities,
    *,
    clock: Clock,
    answer_s: float,
    scales: Scales,
    heard: Callable[[Readout], None] | None = None,
    ours: OurSide | None = None,
) -> tuple[Readout, dict[str, Any]]:
    """The readout, and the same in an order's words. Items: registers, instants, profile (of today), switch,
    limit; none means registers and, where the meter has them, instants. `heard` is told of the readout before
    we take our leave, where that is all of it."""
    asked = items or USUAL
    wanted = Wanted(
        profile=_today(abilities, clock) if "profile" in asked else (),
        registers="registers" in asked,
        instants="instants" in asked and abilities.instants,
    )
    readout, facts = None, dict[str, Any]()
    controls = [item for item in (SWITCH, LIMIT) if item in asked]
    if not wanted.nothing:
        readout = await read_meter(
            stream, meter, wanted, clock=clock, answer_s=answer_s, scales=scales,
            heard=None if controls else heard, ours=ours,
        )  # fmt: skip
        facts = facts_of(readout)
    if controls and (readout is None or readout.outcome in ("ok", "partial")):
        seen, told = await _look(stream, meter, controls, clock, answer_s, ours)
        facts |= told
        if readout is None:
            return seen, facts_of(seen) | facts
        readout = replace(
            readout, ended=seen.ended, answers=readout.answers + seen.answers,
            rejected=readout.rejected + seen.rejected, detail=readout.detail or seen.detail,
            outcome="ok" if readout.outcome == seen.outcome == "ok" else "partial",
        )  # fmt: skip
    if readout is None:
        raise CollectorError(f"meter {meter.serial} keeps nothing of what was asked for")
    return readout, facts


def _today(abilities: Abilities, clock: Clock) -> tuple[Span, ...]:
    if abilities.profile is None:
        return ()
    now = clock()
    first, last = midnight(local_day(now)), floor_to(now, abilities.profile.interval)
    return (Span(abilities.profile.item, Period(first, last)),) if first < last else ()


async def _look(
    stream: ByteStream, meter: LineMeter, controls: Collection[str], clock: Clock, answer_s: float,
    ours: OurSide | None,
) -> tuple[Readout, dict[str, Any]]:  # fmt: skip
    """Switch and limiter, in an association of their own."""
    notes = Notebook(meter.serial, clock, meter.model)
    told: dict[str, Any] = {}

    async def talk(model: MeterModel) -> None:
        line = await associated(stream, meter, model, Course(answer_s), ours)
        if await opening(line, meter, model, Wanted(), notes) is None:
            return
        if SWITCH in controls and model.control.switch is not None:
            switch = await read_switch(line, model.control.switch, notes)
            notes.take(Answer(SWITCH, switch.raw))
            told[SWITCH] = switch.facts
        if LIMIT in controls and model.control.limiter is not None:
            limit = await read_limit(line, model.control.limiter, notes)
            notes.take(Answer(LIMIT, limit.raw))
            told[LIMIT] = limit.facts
        await take_leave(line, stream, meter)

    return await conversed(stream, meter, notes, talk), told
