"""Doubts about a period's intervals: gaps, spikes, jumps, nothing used, sums that disagree."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from analytics.vee.rules.limits import Limit
from analytics.vee.rules.seen import Seen, longest_run
from model.day import Finding
from model.quality import Quality, Severity
from model.series import Rate

DAY_SLOTS_FOR_SPIKE = 3  # the highest is held against the third-highest


def gap(seen: Seen, limit: Limit) -> Iterator[Finding]:
    """Too much is missing or estimated: the longest stretch, or the share of the period."""
    lacking = ~seen.known & ~seen.dark
    start, length = longest_run(lacking)
    share = float(lacking.mean())
    if length * seen.interval_s > limit["longest_s"] or share > limit["share"]:
        missing = int((seen.quality.reshape(-1)[lacking] == Quality.MISSING).sum())
        yield seen.doubt(
            "gap",
            Severity.BLUE,
            seen.day(start),
            slots=int(lacking.sum()),
            missing=missing,
            longest=length,
            share=round(share, 4),
        )


def spike(seen: Seen, limit: Limit) -> Iterator[Finding]:
    """The highest of 24 hours exceeds the third-highest by more than the share (180 %)."""
    measured = np.where(seen.known, seen.wh, -1).reshape(seen.days, seen.slots)
    top = np.partition(measured, seen.slots - DAY_SLOTS_FOR_SPIKE, axis=1)[:, -DAY_SLOTS_FOR_SPIKE:]
    third, highest = top.min(axis=1), top.max(axis=1)
    over = (third >= 0) & (highest >= limit["floor_wh"]) & (highest > limit["share"] * third)
    for offset in np.flatnonzero(over).tolist():
        slot = offset * seen.slots + int(measured[offset].argmax())
        yield seen.doubt(
            "spike",
            Severity.AMBER,
            seen.day(slot),
            at=seen.at(slot).isoformat(),
            wh=int(highest[offset]),
            third_wh=int(third[offset]),
        )


def interval_jump(seen: Seen, limit: Limit) -> Iterator[Finding]:
    """A single interval stands far above both its neighbours; the worst of the period."""
    if len(seen.wh) < 3:
        return
    known = seen.known[:-2] & seen.known[1:-1] & seen.known[2:]
    beside = np.maximum(seen.wh[:-2], seen.wh[2:])
    over = known & (seen.wh[1:-1] >= limit["floor_wh"]) & (seen.wh[1:-1] > limit["times"] * beside)
    if over.any():
        slot = 1 + int(np.where(over, seen.wh[1:-1], -1).argmax())
        yield seen.doubt(
            "interval_jump",
            Severity.AMBER,
            seen.day(slot),
            at=seen.at(slot).isoformat(),
            wh=int(seen.wh[slot]),
            beside_wh=int(beside[slot - 1]),
            times=int(over.sum()),
        )


def zero_use(seen: Seen, limit: Limit) -> Iterator[Finding]:
    """Nothing measured for hours while there was power: an outage explains its own hours and no others.

    Told on the last day of it, so that it is told anew as it goes on.
    """
    start, length = longest_run(seen.known & (seen.wh == 0) & ~seen.dark)
    if seen.supplied and length * seen.interval_s >= limit["hours"] * 3600:
        hours, last = length * seen.interval_s // 3600, start + length - 1
        yield seen.doubt(
            "zero_use", Severity.AMBER, seen.day(last), at=seen.at(start).isoformat(), hours=hours
        )


def inactive_with_use(seen: Seen, limit: Limit) -> Iterator[Finding]:
    """A point without a living contract uses energy."""
    kwh = float(seen.wh[seen.known].sum()) / 1000
    if not seen.supplied and kwh >= limit["kwh"]:
        yield seen.doubt("inactive_with_use", Severity.RED, kwh=round(kwh, 1))


def active_without_use(seen: Seen, limit: Limit) -> Iterator[Finding]:
    """A supplied point used nothing at all for days; days with an outage are left out of the count."""
    dark = seen.dark.reshape(seen.days, seen.slots).any(axis=1)
    heard = seen.known.reshape(seen.days, seen.slots).any(axis=1)
    used = (seen.wh.reshape(seen.days, seen.slots) > 0).any(axis=1)
    idle = int((heard & ~used & ~dark).sum())
    if seen.supplied and idle >= limit["days"] and not used.any():
        yield seen.doubt("active_without_use", Severity.BLUE, days=idle)


def sum_mismatch(seen: Seen, limit: Limit) -> Iterator[Finding]:
    """The intervals do not add up to the register, where none is missing or estimated."""
    counted = seen.registers.get(Rate.TOTAL)
    if counted is None or not seen.known.all():
        return
    profile_wh = int(seen.wh.sum())
    allowed = limit["wh"] + limit["share"] * counted.wh + 2 * counted.resolution_wh
    if abs(profile_wh - counted.wh) > allowed:
        yield seen.doubt("sum_mismatch", Severity.AMBER, registers_wh=counted.wh, profile_wh=profile_wh)


def tou_sum(seen: Seen, limit: Limit) -> Iterator[Finding]:
    """The three rate registers do not add up to the total."""
    rates = [seen.registers[rate] for rate in Rate if rate is not Rate.TOTAL and rate in seen.registers]
    counted = seen.registers.get(Rate.TOTAL)
    if counted is None or len(rates) < 3:
        return
    total = sum(one.wh for one in rates)
    digits = 2 * counted.resolution_wh + sum(2 * one.resolution_wh for one in rates)
    if abs(total - counted.wh) > limit["wh"] + limit["share"] * counted.wh + digits:
        yield seen.doubt("tou_sum", Severity.RED, registers_wh=counted.wh, rates_wh=total)
