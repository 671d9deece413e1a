"""Read one registered meter once, store nothing, and say what it said."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from collector.errors import CollectorError, LinkDown
from collector.exchange import read_meter
from collector.exchange.abilities import abilities_of
from collector.links.kinds import DialIn, Link, link_to
from collector.links.local_links import Opened
from collector.listener.listener import Listener
from collector.polling.grid import floor_to
from collector.polling.plan import Span, Wanted
from collector.settings import HeadEndSettings
from collector.single.meter_words import sentences
from model.clock import Clock
from model.period import LOCAL, Period
from model.readout import InstantRead, Readout
from storage.fleet import Line, LineMeter

LOOK_BACK = timedelta(hours=12)


@dataclass(frozen=True, slots=True)
class Seen:
    """One conversation. `reached`: the meter said anything at all; `whole`: all that was asked."""

    readout: Readout
    modem: str

    @property
    def whole(self) -> bool:
        return self.readout.outcome == "ok"

    @property
    def reached(self) -> bool:
        readout = self.readout
        return bool(readout.answers) or readout.outcome in ("refused", "garbage", "partial", "wrong_meter")

    def document(self) -> dict[str, Any]:
        """For a program."""
        readout = self.readout
        blocks = [block for answer in readout.answers for block in answer.blocks if answer.asked]
        stamps = [stamp for block in blocks for stamp in block.stamps]
        return {
            "meter": readout.serial,
            "modem": self.modem,
            "reached": self.reached,
            "outcome": readout.outcome,
            "detail": readout.detail,
            "clock_offset_s": readout.clock_offset_s,
            "registers": [
                {
                    "channel": read.channel.name.lower(),
                    "rate": read.rate.code,
                    "raw": read.raw,
                    "scaler": read.scaler,
                    "unit": read.unit.name.lower(),
                    "at": _local(read.at),
                }
                for answer in readout.answers
                for read in answer.registers
            ],
            "instants": [_instant(read) for answer in readout.answers for read in answer.instants],
            "profile": {
                "values": len(stamps),
                "from": _local(min(stamps)) if stamps else None,
                "to": _local(max(stamps)) if stamps else None,
            },
            "refused": [{"item": one.item, "reason": one.reason} for one in readout.rejected],
        }

    def sentences(self) -> list[str]:
        """For a person."""
        return sentences(self.readout, self.modem)


def _local(at: datetime) -> str:
    return at.astimezone(LOCAL).isoformat()


def _instant(read: InstantRead) -> dict[str, Any]:
    phases = {
        f"{name}_{phase}": value
        for name, values in (("voltage_v", read.voltage_v), ("current_a", read.current_a))
        for phase, value in enumerate(values, 1)
    }
    numbers = {
        **phases,
        "power_w": read.power_w,
        "reactive_var": read.reactive_var,
        "cos_phi": read.cos_phi,
        "frequency_hz": read.frequency_hz,
    }
    return {"at": _local(read.at), **{key: value for key, value in numbers.items() if value is not None}}


def run(settings: HeadEndSettings, line: Line, meter: LineMeter, *, clock: Clock) -> Seen:
    """Read `meter` once over its own modem. A modem that dials in is waited for on the listener's port.

    Raises `ListenerError` when that port is taken, as it is while a head-end runs.
    """
    return asyncio.run(look(settings, line, meter, clock=clock))


async def look(settings: HeadEndSettings, line: Line, meter: LineMeter, *, clock: Clock) -> Seen:
    """The same inside a loop."""
    link = link_to(line.modem, settings.connect_s)
    listener = Listener(settings) if isinstance(link, DialIn) else None
    began = clock()
    try:
        if listener is not None and isinstance(link, DialIn):
            listener.expect({line.modem.registration: link})
            await listener.open()
        return Seen(await _converse(settings, link, meter, clock), line.modem.code)
    except LinkDown as down:
        return Seen(Readout(meter.serial, "", began, clock(), "no_link", down.sentence), line.modem.code)
    finally:
        link.close()
        await Opened.all_let_go()
        if listener is not None:
            await listener.close()
        await asyncio.sleep(0)  # the socket closes in the loop's next turn


async def _converse(settings: HeadEndSettings, link: Link, meter: LineMeter, clock: Clock) -> Readout:
    try:
        profile = abilities_of(meter.model).profile
    except CollectorError as error:
        return Readout(meter.serial, "", clock(), clock(), "unknown_model", error.sentence)
    spans: tuple[Span, ...] = ()
    if profile is not None:
        end = floor_to(clock(), profile.interval)
        spans = (Span(profile.item, Period(end - LOOK_BACK, end)),)
    wanted = Wanted(spans, registers=True, instants=True)
    await link.ready(settings.dial_in_wait_s)
    async with link.lease() as stream:
        return await read_meter(
            stream, meter, wanted, clock=clock, answer_s=settings.answer_s, ours=settings.ours
        )
