"""A meter's clock against ours: how far off it is, and whether its profile's stamps can be believed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from collector.exchange.notebook import Notebook
from collector.plan import CLOCK, Wanted
from model.period import HALF_HOUR
from model.readout import Answer, MeterEvent

REMARKABLE = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class Judged:
    """`now` is the meter's own time; `believed` whether its stamps fall into the right half-hours."""

    now: datetime | None
    believed: bool


def judge(notes: Notebook, wanted: Wanted, meter_now: datetime, raw: bytes) -> Judged:
    """Note the clock. A drift is an event when registers are read; half an hour makes stamps worthless."""
    ours = notes.clock()
    offset = meter_now - ours
    notes.offset_s = round(offset.total_seconds(), 1)
    words = (
        f"the clock is {abs(offset.total_seconds()):.0f} s {'ahead' if offset > timedelta(0) else 'behind'}"
    )
    least = REMARKABLE if notes.limits is None else timedelta(seconds=notes.limits.limit_s)
    remarkable = abs(offset) > min(least, REMARKABLE) and wanted.registers
    events = (MeterEvent(notes.now(), "clock_drift", words),) if remarkable else ()
    notes.take(Answer(CLOCK, raw, events=events))
    believed = abs(offset) < HALF_HOUR
    if not believed:
        said = f"meter {notes.serial}: {words}: its profile is not read until the clock has been set"
        if wanted.profile or wanted.billing:
            notes.left_out(said)
        else:
            notes.says(said)
    return Judged(meter_now, believed)


def unset(notes: Notebook, reason: str, raw: bytes) -> Judged:
    """A clock that shows no time."""
    notes.asking = (CLOCK, None)
    notes.reject(f"the clock shows no time ({reason}): its profile is not read until it has been set", raw)
    return Judged(None, believed=False)
