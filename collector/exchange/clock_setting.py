"""Setting a meter's clock: within limits, never across the end of an interval, and read back.

A little off is left alone. Up to the limit it is set; beyond it, somebody has to order that: rows that were
written under a wrong time are not made right by a jump, and everybody has to know where it was.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import Final

from collector.exchange.conversation import Conversation
from collector.exchange.notebook import Notebook
from collector.polling.clock_limits import ClockLimits
from model.period import HALF_HOUR, LOCAL
from model.readout import Answer, MeterEvent, Readout
from protocols.dlms import axdr
from protocols.dlms.axdr import Data, Tag
from protocols.dlms.clock import CosemDateTime, write_clock
from protocols.dlms.reference import Attribute
from protocols.errors import DecodeError, Refused
from protocols.meter_models.model import MeterModel

SETTING: Final = "clock_setting"
MARGIN: Final = timedelta(seconds=60)
SLACK: Final = timedelta(seconds=5)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=LOCAL)  # whole hours from UTC's


class Verdict(Enum):
    """What is to be done about a clock."""

    RIGHT = "right"
    SET = "set"
    LATER = "later"
    """The end of an interval is near, or lies between what it shows and what is right."""
    TOO_FAR = "too_far"
    KEPT_FROM = "kept_from"
    """Whoever has to be asked before it is set said no."""


@dataclass(frozen=True, slots=True)
class Seen:
    """A clock looked at: how far it is ahead of ours, half of the way there and back allowed for."""

    shown: datetime
    offset_s: float
    trip_s: float
    raw: bytes


@dataclass(frozen=True, slots=True)
class Setting:
    """What was done, and how far the clock was off before and is now."""

    verdict: Verdict
    before_s: float
    after_s: float


def verdict(
    offset_s: float,
    now: datetime,
    limits: ClockLimits,
    interval: timedelta = HALF_HOUR,
    *,
    jump: bool = False,
) -> Verdict:
    """What to do about a clock `offset_s` ahead at `now`; `jump`: somebody ordered it, however far it is."""
    if abs(offset_s) <= limits.tolerance_s:
        return Verdict.RIGHT
    if jump:
        return Verdict.SET
    if abs(offset_s) > limits.limit_s:
        return Verdict.TOO_FAR
    shown = now + timedelta(seconds=offset_s)
    margin = min(MARGIN, interval / 4)
    first, last = sorted((now, shown))
    start = first - (first - _EPOCH) % interval
    inside = start + margin <= first and last <= start + interval - margin
    return Verdict.SET if inside else Verdict.LATER


def settable_at(
    readout: Readout, interval: timedelta | None, limits: ClockLimits | None, now: datetime
) -> datetime | None:
    """When a clock that a readout found off may be set, where that conversation could not do it.

    None: it is right, too far off, cannot be set (`interval` None), was looked at again, or nobody knows.
    """
    if readout.clock_offset_s is None or interval is None or limits is None:
        return None
    if not limits.tolerance_s < abs(readout.clock_offset_s) <= limits.limit_s:
        return None
    told = [one.item for one in readout.answers] + [one.item for one in readout.rejected]
    if SETTING in told:
        return None
    off = timedelta(seconds=abs(readout.clock_offset_s))
    start = now - (now - _EPOCH) % interval
    first = start + min(MARGIN, interval / 4) + off + SLACK
    if now <= first:
        return first
    if verdict(readout.clock_offset_s, now + SLACK, limits, interval) is Verdict.SET:
        return now
    return first + interval


async def keep_clock(talk: Conversation, model: MeterModel, notes: Notebook, limits: ClockLimits) -> None:
    """Set the clock of a meter that was just asked for it, when it is off and within limits.

    A refusal is rejected and noted; what `Conversation` raises is raised.
    """
    if not model.control.clock or model.clock is None or notes.offset_s is None:
        return
    if abs(notes.offset_s) <= limits.tolerance_s:
        return
    now, interval = notes.clock(), interval_of(model)
    if verdict(notes.offset_s, now, limits, interval) is not Verdict.SET:
        return
    notes.asking = (SETTING, None)
    try:
        await set_clock(talk, model.clock, notes, limits, interval)
    except (Refused, DecodeError) as error:
        notes.reject(error.reason, error.raw)


async def set_clock(
    talk: Conversation,
    clock: Attribute,
    notes: Notebook,
    limits: ClockLimits,
    interval: timedelta = HALF_HOUR,
    *,
    jump: bool = False,
    leave: Callable[[], Awaitable[bool]] | None = None,
) -> Setting:
    """Look once more, set, read back; what was done is an event with before and after.

    `leave` is asked right before the clock is set; when it says no, nothing is.

    Raises `Refused` when the meter does not let its clock be set, `DecodeError` for what is no time.
    """
    before = await look(talk, clock, notes)
    todo = verdict(before.offset_s, notes.clock(), limits, interval, jump=jump)
    if todo is not Verdict.SET:
        notes.take(Answer(SETTING, before.raw))
        return Setting(todo, before.offset_s, before.offset_s)
    if leave is not None and not await leave():
        return Setting(Verdict.KEPT_FROM, before.offset_s, before.offset_s)
    right = notes.clock() + timedelta(seconds=before.trip_s / 2, milliseconds=500)
    await talk.set(clock, axdr.octet_string(write_clock(right.replace(microsecond=0).astimezone(LOCAL))))
    after = await look(talk, clock, notes)
    told = (
        f"the clock was {_off(before.offset_s)} when it showed {before.shown.astimezone(LOCAL):%H:%M:%S}; "
        f"set, it is {_off(after.offset_s)}"
    )
    code = "clock_set" if abs(after.offset_s) <= max(limits.tolerance_s, 2.0) else "clock_not_set"
    event = MeterEvent(notes.now(), code, told)
    notes.take(Answer(SETTING, before.raw + after.raw, events=(event,)))
    return Setting(todo, before.offset_s, after.offset_s)


async def look(talk: Conversation, clock: Attribute, notes: Notebook) -> Seen:
    """What the clock shows now; raises `Refused`, `DecodeError`."""
    loop = asyncio.get_running_loop()
    asked = loop.time()
    raw = await talk.get(clock)
    trip_s = loop.time() - asked
    shown = clock_value(axdr.decode(raw)).to_datetime(LOCAL)
    ours = notes.clock() - timedelta(seconds=trip_s / 2)
    return Seen(shown, round((shown - ours).total_seconds(), 1), trip_s, raw)


def interval_of(model: MeterModel) -> timedelta:
    """The interval whose end a clock must not be moved across."""
    return HALF_HOUR if model.profile is None else timedelta(seconds=model.profile.interval_seconds)


def clock_value(data: Data) -> CosemDateTime:
    """A clock's time, as either type meters give it in; `DecodeError` for what is none."""
    if data.tag is Tag.DATE_TIME:
        stamp: CosemDateTime = data.value
        return stamp
    if data.tag is not Tag.OCTET_STRING:
        raise DecodeError(f"a clock holds a date-time, found {data!r:.100}")
    return CosemDateTime.from_bytes(data.value)


def _off(offset_s: float) -> str:
    if abs(offset_s) < 1:
        return "right"
    return f"{abs(offset_s):.0f} s {'ahead' if offset_s > 0 else 'behind'}"
