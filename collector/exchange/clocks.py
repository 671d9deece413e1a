"""A meter's clock against ours: how far off it is, and whether its profile's stamps can be believed."""

from __future__ import annotations

from datetime import datetime

from collector.exchange.notebook import Notebook
from collector.polling.plan import CLOCK, Span, Wanted
from model.light import light
from model.period import HALF_HOUR
from model.readout import Answer, MeterEvent

REMARKABLE_S = 60.0
HALF_HOUR_S = HALF_HOUR.total_seconds()


Along = tuple[Span, Span]  # a question, and as much of it as could be asked


@light
class Judged:
    """`now` is the meter's own time; `believed` whether its stamps fall into the right half-hours; `along`
    the rows that were asked along with its time, if any were."""

    now: datetime | None
    believed: bool
    along: Along | None = None


def judge(
    notes: Notebook, wanted: Wanted, meter_now: datetime, raw: bytes, along: Along | None = None
) -> Judged:
    """Note the clock. A drift is an event when registers are read; half an hour makes stamps worthless."""
    offset_s = (meter_now - notes.clock()).total_seconds()
    notes.offset_s = round(offset_s, 1)
    least_s = REMARKABLE_S if notes.limits is None else min(notes.limits.limit_s, REMARKABLE_S)
    remarkable = abs(offset_s) > least_s and wanted.registers
    events = (MeterEvent(notes.now(), "clock_drift", _words(offset_s)),) if remarkable else ()
    notes.take(Answer(CLOCK, raw, events=events))
    believed = abs(offset_s) < HALF_HOUR_S
    if not believed:
        words = _words(offset_s)
        said = f"meter {notes.serial}: {words}: its profile is not read until the clock has been set"
        if wanted.profile or wanted.billing:
            notes.left_out(said)
        else:
            notes.says(said)
    return Judged(meter_now, believed, along)


def _words(offset_s: float) -> str:
    return f"the clock is {abs(offset_s):.0f} s {'ahead' if offset_s > 0 else 'behind'}"


def unset(notes: Notebook, reason: str, raw: bytes) -> Judged:
    """A clock that shows no time."""
    notes.asking = (CLOCK, None)
    notes.reject(f"the clock shows no time ({reason}): its profile is not read until it has been set", raw)
    return Judged(None, believed=False)
