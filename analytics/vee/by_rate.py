"""Estimates that add up to each rate register (BT, CD, TD), not only to the total; doubts about each."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from itertools import pairwise

import numpy as np

from analytics.vee.counting import Counted, count
from analytics.vee.findings import Log
from analytics.vee.inputs import Int64, MeterInput
from analytics.vee.methods import Method
from analytics.vee.samples import indices
from analytics.vee.sharing import LONGEST_FLAT_S, Flags, Float, Mask, left_over, share
from model.quality import Quality, Severity
from model.series import Rate

ROUNDS = 40  # of fitting to both sums; what is off shrinks by a factor each


def share_by_rate(
    meter: MeterInput,
    counted: Counted,
    energy: Int64,
    grade: Flags,
    missing: Mask,
    table: Float,
    method: Flags,
    *,
    rounded: bool,
) -> Mask:
    """Share what each rate register counted among the missing slots of its hours; the slots so bound.

    Where readings of the total lie between missing slots of a span of rate readings, days that the total
    holds go first: then the levels in `table` are set to what fits both, and the total shares them out.
    """
    bound = np.zeros(len(energy), bool)
    if meter.day_rates is None:
        return bound
    hours = _hours(meter, len(energy))
    aside = Log(meter.serial, meter.first, meter.days, meter.slots, meter.past)
    by_rate = {rate: count(meter, indices(meter, aside, rate), aside) for rate in set(hours.tolist())}
    at = [set(one.at.tolist()) for one in by_rate.values()]
    instants = sorted(set.intersection(*at))
    for start, end in pairwise(instants):
        a, b = (start - meter.origin) // meter.interval_s, -((meter.origin - end) // meter.interval_s)
        inside = np.zeros(len(energy), bool)
        inside[a:b] = missing[a:b]
        where = np.flatnonzero(inside)
        if not len(where):
            continue
        low, high = (meter.origin + where[[0, -1]] * meter.interval_s).tolist()
        if (method[where] == Method.EVEN).sum() * meter.interval_s > LONGEST_FLAT_S:
            continue
        split = bool(((counted.at > low) & (counted.at < high + meter.interval_s)).any())
        held: dict[int, int] = {}
        for rate, one in by_rate.items():
            mine = inside & (hours == rate)
            if not mine.any():
                continue
            pair = np.isin(one.at, (start, end))
            two = Counted(one.at[pair], one.wh[pair], one.chain[pair], one.resolution[pair])
            own = np.where(hours == rate, energy, 0)
            left, _ = left_over(meter, two, own, mine)
            if split:
                if two.chain[0] == two.chain[1]:
                    held[rate] = max(int(left[1]), 0)
                continue
            tolerance = two.tolerance(meter, own, rounded)
            share(meter, two, left, tolerance, energy, grade, mine, table[mine[missing]], method)
            bound |= mine & (grade != Quality.MISSING)
        if split and len(held) == len(set(hours[where].tolist())):
            rake(meter, counted, energy, missing, where, table, hours, held)
    return bound


def tell_rates(meter: MeterInput, energy: Int64, grade: Flags, *, rounded: bool, log: Log) -> None:
    """What the rate registers did besides counting, and where the measured slots of their hours say something
    else than they: by more than the class's limit for the sum of rates, for a clock is never exact."""
    read = {one.rate for one in meter.registers if one.channel == meter.channel} - {int(Rate.TOTAL)}
    if meter.day_rates is None or not read:
        return
    from analytics.vee.rules.limits import of_class

    limit = of_class(meter.customer_class)["tou_sum"] if meter.customer_class else None
    hours = _hours(meter, len(energy))
    measured = np.isin(grade, (Quality.ACTUAL, Quality.SUSPECT, Quality.EDITED))
    for rate in sorted(read & set(hours.tolist())):
        code, mine = Rate(rate).code, hours == rate
        aside = Log(meter.serial, meter.first, meter.days, meter.slots, meter.past)
        found = indices(meter, aside, rate)
        own = Log(meter.serial, meter.first, meter.days, meter.slots, meter.past)
        counted = count(meter, found, own)
        for finding in own.findings():
            log.note(finding.day, finding.kind, finding.severity, register=code, **finding.detail)
        known = np.where(mine & ~measured, Quality.MISSING, Quality.ACTUAL).astype(np.uint8)
        for day, registers_wh, profile_wh in counted.mismatches(
            meter, np.where(mine, energy, 0), known, rounded
        ):
            over = abs(registers_wh - profile_wh)
            if limit is not None and over > limit["wh"] + limit["share"] * registers_wh:
                log.note(
                    day,
                    "sum_mismatch",
                    Severity.AMBER,
                    register=code,
                    registers_wh=registers_wh,
                    profile_wh=profile_wh,
                )


def _hours(meter: MeterInput, n: int) -> Flags:
    """(n) The rate in whose hours each slot lies, the history's with them."""
    assert meter.day_rates is not None
    first = meter.first - timedelta(meter.past)
    days = (meter.day_rates(first + timedelta(day)) for day in range(n // meter.slots))
    return np.frombuffer(b"".join(days), np.uint8)


def rake(
    meter: MeterInput,
    counted: Counted,
    energy: Int64,
    missing: Mask,
    where: Int64,
    table: Float,
    hours: Flags,
    held: Mapping[int, int],
) -> None:
    """Set the levels of slots `where` to what adds up to `held` by rate and to the total between readings.

    In turn by proportion, the total last (iterative proportional fitting). Totals are then shared in whole
    Wh, so that rates may be off by a Wh for each slot at most.
    """
    rows = np.cumsum(missing)[where] - 1
    left, _ = left_over(meter, counted, energy, missing)
    span = np.searchsorted(counted.at, meter.origin + where * meter.interval_s, side="right")
    level = np.maximum(table[rows].mean(axis=1), 1e-3)
    parts = [(hours[where] == rate, wh) for rate, wh in held.items()]
    parts += [
        (span == i, max(int(left[i]), 0))
        for i in set(span.tolist())
        if 0 < i < len(counted.at) and counted.chain[i] == counted.chain[i - 1]
    ]
    for _ in range(ROUNDS):
        for part, wh in parts:
            level[part] *= wh / max(float(level[part].sum()), 1e-9)
    table[rows] = level[:, None]
