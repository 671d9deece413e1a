"""Doubts about the readings themselves: clock, lengths, channels, units, digits, multipliers."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from statistics import median

from analytics.vee.rules.limits import Limit
from analytics.vee.rules.seen import Seen
from model.day import Finding
from model.period import local_day
from model.quality import Severity
from model.series import Channel, Unit


def clock_drift(seen: Seen, limit: Limit) -> Iterator[Finding]:
    """The meter's clock is off: the median of the last three conversations."""
    last = seen.clock_offsets_s[-3:]
    if not last:
        return
    offset_s = median(offset for _, offset in last)
    if abs(offset_s) >= limit["blue_s"]:
        severity = Severity.AMBER if abs(offset_s) >= limit["amber_s"] else Severity.BLUE
        yield seen.doubt("clock_drift", severity, local_day(last[-1][0]), offset_s=round(offset_s))


def interval_size(seen: Seen, limit: Limit) -> Iterator[Finding]:
    """A profile came in intervals that do not make up the expected ones."""
    expected = int(limit["expected_s"])
    for interval_s in sorted(seen.intervals_s):
        if expected % interval_s:
            yield seen.doubt("interval_size", Severity.AMBER, interval_s=interval_s, slot_s=expected)


def duplicate(seen: Seen, limit: Limit) -> Iterator[Finding]:
    """Answers differed about the same interval; the same answer twice is none."""
    if len(seen.disputed) > limit["most"]:
        first = min(seen.disputed)
        yield seen.doubt("duplicate", Severity.BLUE, local_day(first), slots=len(seen.disputed))


def missing_channel(seen: Seen, limit: Limit) -> Iterator[Finding]:
    """A channel was heard on fewer days than its siblings."""
    most = max((seen.channel_days.get(channel, 0) for channel in seen.channels), default=0)
    for channel in sorted(seen.channels):
        heard = seen.channel_days.get(channel, 0)
        if most - heard >= limit["days"]:
            name = channel.name.lower()
            yield seen.doubt("missing_channel", Severity.AMBER, channel=name, days=most - heard)


def unit(seen: Seen, limit: Limit) -> Iterator[Finding]:
    """A channel came in a unit that is not its own."""
    for channel, units in sorted(seen.units.items()):
        active = channel in (Channel.ACTIVE_IMPORT, Channel.ACTIVE_EXPORT)
        own = {Unit.WATT_HOUR, Unit.WATT} if active else {Unit.VAR_HOUR, Unit.VAR}
        for odd in sorted(units - own):
            yield seen.doubt("unit", Severity.AMBER, unit=int(odd), profile=channel.name.lower())


def multiplier(seen: Seen, limit: Limit) -> Iterator[Finding]:
    """The multiplier registered is not what the meter or the transformers' plate says."""
    said = seen.meter_multiplier
    if said is not None and abs(said - seen.multiplier) > float(seen.multiplier) * limit["share"]:
        yield seen.doubt("multiplier", Severity.RED, registered=str(seen.multiplier), meter=str(said))


def negative(seen: Seen, limit: Limit) -> Iterator[Finding]:
    """A register fell, and did not roll over by the meter's digits."""
    for rate, one in sorted(seen.registers.items()):
        if one.current < one.previous and not _wraps(seen, one.previous, one.current):
            yield seen.doubt(
                "negative", Severity.RED, register=rate.code, previous=one.previous, current=one.current
            )


def rollover(seen: Seen, limit: Limit) -> Iterator[Finding]:
    """A register wrapped at the *meter's* digits; more than a tenth of its range is refused without status Q.

    Trap of the trade: 10^digits − old + new, with the digits of the meter, not of the index.
    """
    for rate, one in sorted(seen.registers.items()):
        if one.current < one.previous and _wraps(seen, one.previous, one.current) and seen.digits is not None:
            step = int(10**seen.digits) - one.previous + one.current
            severity = Severity.RED if step > limit["share"] * 10**seen.digits else Severity.INFO
            yield seen.doubt("rollover", severity, register=rate.code, step=step, digits=seen.digits)


def _wraps(seen: Seen, previous: int, current: int) -> bool:
    """Whether the fall can be a wrap: from the upper half of the range to the lower."""
    if seen.digits is None:
        return False
    half = int(10**seen.digits) // 2
    return current < half <= previous


def dial_count(seen: Seen, limit: Limit) -> Iterator[Finding]:
    """An index has more digits than the meter."""
    if seen.digits is None:
        return
    for rate, one in sorted(seen.registers.items()):
        if max(one.previous, one.current) >= 10**seen.digits:
            index = max(one.previous, one.current)
            yield seen.doubt("dial_count", Severity.RED, register=rate.code, index=index, digits=seen.digits)


def prolonged_estimation(seen: Seen, limit: Limit) -> Iterator[Finding]:
    """No whole measured day for too long, or too many billing periods in a row closed by an estimate."""
    periods = seen.estimated_before + 1 if seen.estimated else 0
    by_day = seen.known.reshape(seen.days, seen.slots).max(axis=1).tolist()
    days = 0
    for offset in range(seen.days - 1, -1, -1):
        if by_day[offset]:
            break
        days += 1
    if periods >= limit["periods"] or days >= limit["days"]:
        day = seen.first + timedelta(seen.days - max(days, 1))
        yield seen.doubt("prolonged_estimation", Severity.AMBER, day, days=days, periods=periods)
