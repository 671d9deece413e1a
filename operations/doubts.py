"""What the rules doubt about meters as they stand, once their days are validated: asked for a batch at once.

The rules about days and slots are asked by validation itself (`analytics.vee.validation`), those about a
billing period by the check of a run (`operations.runs.checks`). The others need what else the store knows:
clocks, sibling channels, cuts, closings, the registers of a meter beside each other.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from functools import reduce
from typing import Final

import numpy as np
from psycopg import Connection
from psycopg.rows import TupleRow

from analytics.vee import MeterInput, MeterOutput
from analytics.vee.inputs import RegisterLike
from analytics.vee.rules import RULES, Counted, Seen, of_class
from model.bill import BETWEEN, ESTIMATE
from model.day import Finding
from model.period import closed_day, local_day, midnight
from model.series import Channel, Rate
from storage import days, meter_past

ABOUT_REGISTERS: Final = ("dial_count", "tou_sum")
PEAK_DAYS: Final = 14  # as many working days and Sundays as the fortnight before
_ENOUGH_DAYS: Final = 10  # of a fortnight's, for a peak to mean anything
_LONG: Final = timedelta(days=90)  # how far back whoever used nothing is looked at
_DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Doubts:
    """`of_days` are replaced with their days; `lasting` stand while they hold, for the meters `looked_at`;
    (meter, kind) that nothing can be said of are `undecided`."""

    of_days: list[tuple[int, Finding]] = field(default_factory=list)
    lasting: list[tuple[int, Finding]] = field(default_factory=list)
    looked_at: set[int] = field(default_factory=set)
    undecided: set[tuple[int, str]] = field(default_factory=set)
    cut: dict[int, datetime] = field(default_factory=dict)

    def explains(self, meter: int, finding: Finding) -> bool:
        """Whether nothing was used because somebody cut the meter off."""
        at = self.cut.get(meter)
        return finding.kind == "zero_use" and at is not None and finding.day >= local_day(at)


@dataclass(frozen=True, slots=True)
class _Facts:
    """Of every meter of a batch."""

    offsets: Mapping[int, list[tuple[datetime, float]]]
    channels: Mapping[int, Mapping[Channel, list[date]]]
    latest: Mapping[int, date]
    cut: Mapping[int, datetime]
    closings: Mapping[int, list[bool]]


def about(conn: Connection[TupleRow], inputs: Sequence[MeterInput], outputs: Sequence[MeterOutput]) -> Doubts:
    """What is doubted of the meters of a batch; nothing is said of the past of one that has later days."""
    found = Doubts()
    stays = _last_stays(inputs, outputs)
    if not stays:
        return found
    facts = _facts(conn, stays)
    found.cut.update(facts.cut)
    idle: list[tuple[int, Seen]] = []
    for meter, (given, output) in stays.items():
        seen = _seen(given, output)
        found.of_days.extend((meter, one) for one in _of_days(given, seen))
        if seen.last < facts.latest.get(meter, seen.last):
            continue
        found.looked_at.add(meter)
        if not seen.known.any():
            found.undecided.update({(meter, "prolonged_estimation"), (meter, "missing_channel")})
        elif not seen.wh.any() and meter not in facts.cut:
            idle.append((meter, seen))
        found.lasting.extend((meter, one) for one in _lasting(meter, seen, facts))
    found.lasting.extend(_idle(conn, idle))
    return found


def _last_stays(
    inputs: Sequence[MeterInput], outputs: Sequence[MeterOutput]
) -> dict[int, tuple[MeterInput, MeterOutput]]:
    """Meter → its last stay at a customer's, as it was given and came out."""
    found: dict[int, tuple[MeterInput, MeterOutput]] = {}
    for given, output in zip(inputs, outputs, strict=True):
        if given.channel is Channel.ACTIVE_IMPORT and given.customer_class:
            standing = found.get(given.meter_id)
            if standing is None or standing[0].first <= given.first:
                found[given.meter_id] = given, output
    return found


def _facts(conn: Connection[TupleRow], stays: Mapping[int, tuple[MeterInput, MeterOutput]]) -> _Facts:
    meters = list(stays)
    first = min(given.first - timedelta(given.past) for given, _ in stays.values())
    end = max(given.first + timedelta(given.days) for given, _ in stays.values())
    return _Facts(
        meter_past.clock_offsets(conn, meters),
        meter_past.channel_days(conn, meters, first, end),
        meter_past.latest_days(conn, meters),
        meter_past.cut_since(conn, meters),
        meter_past.counted_closings(conn, meters, (BETWEEN, ESTIMATE)),
    )


def _seen(given: MeterInput, output: MeterOutput) -> Seen:
    """The days validated, and the history before them."""
    energy, quality = output.energy, output.quality
    if given.history is not None and given.history_quality is not None:
        energy = np.concatenate((given.history, energy))
        quality = np.concatenate((given.history_quality, quality))
    first = given.first - timedelta(given.past)
    return Seen(
        given.serial, first, energy, quality, given.customer_class, given.outages, digits=given.digits
    )


def _ask(seen: Seen, name: str) -> list[Finding]:
    return list(RULES[name](seen, of_class(seen.customer_class)[name]))


# -- about days


def _of_days(given: MeterInput, seen: Seen) -> Iterator[Finding]:
    """What the registers read in these days say of each other, and whether a peak is another than before."""
    if given.registers:
        by_rate = _by_rate(given)
        for day, registers in (*_highest(by_rate), *_together(given, by_rate)):
            if given.first <= day < given.first + timedelta(given.days):
                for name in ABOUT_REGISTERS:
                    for finding in _ask(replace(seen, registers=registers), name):
                        yield replace(finding, day=day)
    if seen.days >= 2 * PEAK_DAYS:
        yield from _peaks(given, seen)


Reads = Mapping[Rate, Sequence[RegisterLike]]


def _by_rate(given: MeterInput) -> Reads:
    """The readings of each register within the days."""
    start, end = midnight(given.first), midnight(given.first + timedelta(given.days))
    start, end = max(start, given.since or start), min(end, given.until or end)
    found: defaultdict[Rate, list[RegisterLike]] = defaultdict(list)
    for read in given.registers:
        if start <= read.at <= end:
            found[Rate(read.rate)].append(read)
    return found


def _highest(by_rate: Reads) -> Iterator[tuple[date, dict[Rate, Counted]]]:
    """Each register's highest index as it is displayed: whole kWh."""
    for rate, reads in by_rate.items():
        top = max(reads, key=lambda read: Decimal(read.raw).scaleb(read.scaler))
        shown = int(Decimal(top.raw).scaleb(top.scaler - 3))
        yield closed_day(top.at), {rate: Counted(0, 1000, shown, shown)}


def _together(given: MeterInput, by_rate: Reads) -> Iterator[tuple[date, dict[Rate, Counted]]]:
    """What all registers counted between the first and the last instant at which all of them were read."""
    if len(by_rate) < len(Rate):
        return
    instants = reduce(set.intersection, ({read.at for read in reads} for reads in by_rate.values()))
    if len(instants) < 2:
        return
    start, end = min(instants), max(instants)
    counted: dict[Rate, Counted] = {}
    for rate, reads in by_rate.items():
        at = {read.at: read for read in reads}
        low, high = (Decimal(at[i].raw).scaleb(at[i].scaler) for i in (start, end))
        if high < low:
            return  # it rolled over or fell: that is told by itself
        last_digit = Fraction(10) ** max(at[start].scaler, at[end].scaler) * given.factor
        counted[rate] = Counted(int(Fraction(high - low) * given.factor), max(1, int(last_digit)))
    yield closed_day(end), counted


def _peaks(given: MeterInput, seen: Seen) -> Iterator[Finding]:
    """The peak of the last fortnight against that of the one before, told on its day."""
    by_day = np.where(seen.known, seen.wh, -1).reshape(seen.days, seen.slots).max(axis=1)
    now, before = by_day[-PEAK_DAYS:], by_day[-2 * PEAK_DAYS : -PEAK_DAYS]
    if min(int((now >= 0).sum()), int((before >= 0).sum())) < _ENOUGH_DAYS:
        return
    day = seen.last - timedelta(PEAK_DAYS - 1 - int(now.argmax()))
    if day < given.first:
        return  # it was told when that day was validated
    watts = 3600 // seen.interval_s
    told = replace(seen, peak_w=int(now.max()) * watts, peak_before_w=int(before.max()) * watts)
    for finding in _ask(told, "peak_change"):
        yield replace(finding, day=day)


# -- about a meter as it stands


def _lasting(meter: int, seen: Seen, facts: _Facts) -> Iterator[Finding]:
    closings = facts.closings.get(meter, [])
    in_a_row = next((i for i, counted in enumerate(closings) if not counted), len(closings))
    channels, heard = _channels(seen, facts.channels.get(meter, {}))
    told = replace(
        seen,
        clock_offsets_s=facts.offsets.get(meter, ()),
        estimated=in_a_row > 0,
        estimated_before=max(in_a_row - 1, 0),
        channels=channels,
        channel_days=heard,
    )
    yield from _ask(told, "clock_drift")
    if seen.known.any():
        yield from _ask(told, "prolonged_estimation")
        for finding in _ask(told, "missing_channel")[:1]:
            yield replace(finding, day=seen.last)
    cut = facts.cut.get(meter)
    after = None if cut is None else (local_day(cut) + _DAY - seen.first).days
    if after is not None and after < seen.days:
        since = max(after, 0)
        rest = replace(
            seen,
            first=seen.first + since * _DAY,
            energy=seen.energy[since:],
            quality=seen.quality[since:],
            supplied=False,
        )
        for finding in _ask(rest, "inactive_with_use"):
            yield replace(finding, day=seen.last)


def _channels(
    seen: Seen, others: Mapping[Channel, list[date]]
) -> tuple[frozenset[Channel], dict[Channel, int]]:
    """Channels heard in these days, and on how many days since the youngest of them first was.

    The last day and the one before are left out: a channel may be read later than the other.
    """
    known = seen.known.reshape(seen.days, seen.slots).any(axis=1)
    mine = [seen.first + timedelta(int(row)) for row in np.flatnonzero(known)]
    heard = {Channel.ACTIVE_IMPORT: mine, **others}
    heard = {channel: [day for day in listed if day < seen.last - _DAY] for channel, listed in heard.items()}
    heard = {channel: listed for channel, listed in heard.items() if listed}
    start = max((listed[0] for listed in heard.values()), default=seen.first)
    counts = {channel: sum(day >= start for day in listed) for channel, listed in heard.items()}
    return frozenset(heard), counts


def _idle(conn: Connection[TupleRow], idle: Sequence[tuple[int, Seen]]) -> Iterator[tuple[int, Finding]]:
    """Of those who used nothing in the days at hand, who has not for longer."""
    if not idle:
        return
    first = min(seen.first for _, seen in idle) - _LONG
    end = max(seen.first for _, seen in idle)
    before = days.matrix(conn, [meter for meter, _ in idle], Channel.ACTIVE_IMPORT, first, end)
    for row, (meter, seen) in enumerate(idle):
        there, longer = (seen.first - first).days, seen
        if seen.slots == before.energy.shape[2]:
            energy = np.concatenate((before.energy[row, :there], seen.energy))
            quality = np.concatenate((before.quality[row, :there], seen.quality))
            longer = replace(seen, first=first, energy=energy, quality=quality)
        for finding in _ask(longer, "active_without_use"):
            yield meter, replace(finding, day=seen.last)
