"""What is missing, estimated: what the slots may hold, then what the registers counted shared among them.

In order: the check meter; a line over at most two hours (level with the one neighbour where the other is the
edge of an outage); windows of like days; the class's profile; the average day; evenly. Whatever the method,
the slots between two register readings add up to what was counted, by rate register where the meter has them
and the hours are known; where no register holds a slot it is UNSCALED.
"""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from analytics.vee.counting import Counted, count
from analytics.vee.day_kinds import day_kinds
from analytics.vee.findings import Log
from analytics.vee.inputs import Int64, MeterInput
from analytics.vee.methods import Method
from analytics.vee.samples import hung, indices
from model.quality import Quality, Severity

LINE_S = 7200  # up to two hours are drawn as a line between their neighbours
LONGEST_FLAT_S = 7 * 86_400  # a level line over more than a week says nothing about half-hours
LONGEST_LOOSE_S = 7 * 86_400  # a longer gap that no register holds stays a gap
ENOUGH_DAYS = 3  # like days that such a gap needs

Flags = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]

_QUALITY = {
    Method.CHECK_METER: Quality.LIKE_DAY,
    Method.LINEAR: Quality.LINEAR,
    Method.ONE_SIDED: Quality.FLAT,
    Method.LIKE_DAY: Quality.LIKE_DAY,
    Method.CLASS_PROFILE: Quality.LIKE_DAY,
    Method.AVERAGE_DAY: Quality.LIKE_DAY,
    Method.EVEN: Quality.FLAT,
    Method.OUTAGE: Quality.LIKE_DAY,
}


def estimate(
    meter: MeterInput, counted: Counted, energy: Int64, grade: Flags, *, rounded: bool, log: Log
) -> Flags:
    """Fill what is MISSING in `energy` and `grade`; the `Method` of each slot."""
    missing = grade == Quality.MISSING
    method = np.where(grade == Quality.EDITED, Method.PERSON, Method.NONE).astype(np.uint8)
    if not missing.any():
        return method
    dark = _dark(meter, len(energy))
    tolerance = counted.tolerance(meter, energy, rounded)
    left, wanted = _left(meter, counted, energy, missing)
    table, level, days = _expected(meter, energy, grade, missing, dark, wanted, method)
    for i in np.flatnonzero((left < -tolerance) & _holds(meter, counted, missing)).tolist():
        log.note(
            counted.day(i),
            "sum_mismatch",
            Severity.AMBER,
            registers_wh=counted.step(i),
            excess_wh=-int(left[i]),
        )
    by_rate = _share_by_rate(meter, counted, energy, grade, missing, table, method, rounded=rounded)
    rest = missing & ~by_rate
    if rest.any():
        rows = rest[missing]
        if by_rate.any():
            left, _ = _left(meter, counted, energy, rest)
        _share(meter, counted, left, tolerance, energy, grade, rest, table[rows], method)
    loose = missing & (grade == Quality.MISSING) & _told_without(meter, method, missing, days)
    energy[loose] = np.floor(level[loose] + 0.5).astype(np.int64)
    grade[loose] = Quality.UNSCALED
    method[grade == Quality.MISSING] = Method.NONE
    return method


def _left(
    meter: MeterInput, counted: Counted, energy: Int64, missing: Mask
) -> tuple[Int64, npt.NDArray[np.float64]]:
    from analytics.vee.kernel import remainders

    left, wanted = np.zeros(len(counted.at), np.int64), np.empty(len(energy))
    known = (~missing).astype(np.uint8)
    remainders(
        counted.at, counted.wh, counted.chain, meter.origin, meter.interval_s, energy, known, wanted, left
    )
    return left, wanted


def _holds(meter: MeterInput, counted: Counted, missing: Mask) -> Mask:
    """Whether something is missing between reading i − 1 and i."""
    sums = np.concatenate(([0], np.cumsum(missing)))
    start = (counted.at - meter.origin) // meter.interval_s
    end = -((meter.origin - counted.at) // meter.interval_s)
    found = np.zeros(len(counted.at), bool)
    found[1:] = sums[np.minimum(end[1:], len(missing))] > sums[start[:-1]]
    return found


def _expected(
    meter: MeterInput,
    energy: Int64,
    grade: Flags,
    missing: Mask,
    dark: Mask,
    wanted: npt.NDArray[np.float64],
    method: Flags,
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64], Flags]:
    """Quantiles of the missing slots (a row each), the level of every slot, days of its windows; sets the
    method."""
    from analytics.vee import shapes, windows

    n = len(energy)
    usable = (((grade == Quality.ACTUAL) | (grade == Quality.EDITED)) & ~dark).astype(np.uint8)
    kinds = day_kinds(meter.first - timedelta(meter.past), n // meter.slots)
    profile = np.zeros(0) if meter.profile is None else np.asarray(meter.profile, np.float64)
    table, level = np.empty((int(missing.sum()), windows.GRID)), np.empty(n)
    basis, days = np.zeros(n, np.uint8), np.zeros(n, np.uint8)
    want = np.where(missing, np.where(dark, 2, 1), 0).astype(np.uint8)
    line = LINE_S // meter.interval_s
    shapes.expect(energy, want, usable, kinds, wanted, profile, meter.slots, line, table, level, basis, days)
    for code, said in (
        (shapes.LINEAR, Method.LINEAR),
        (shapes.ONE_SIDED, Method.ONE_SIDED),
        (shapes.LIKE_DAY, Method.LIKE_DAY),
        (shapes.CLASS, Method.CLASS_PROFILE),
        (shapes.AVERAGE, Method.AVERAGE_DAY),
        (shapes.LEVEL, Method.EVEN),
    ):
        method[missing & (basis == code)] = said
    method[missing & dark] = Method.OUTAGE
    checked = missing & ~dark & _checked(meter, n)
    if checked.any() and meter.check is not None:
        held = np.zeros(n, np.int64)
        held[meter.past * meter.slots :] = np.asarray(meter.check, np.int64).reshape(-1)
        table[checked[missing]] = held[checked][:, None]
        level[checked], method[checked] = held[checked], Method.CHECK_METER
    return table, level, days


def _checked(meter: MeterInput, n: int) -> Mask:
    """Slots that the check meter measured."""
    found = np.zeros(n, bool)
    if meter.check is not None and meter.check_quality is not None:
        found[meter.past * meter.slots :] = np.asarray(meter.check_quality).reshape(-1) == Quality.ACTUAL
    return found


def _share_by_rate(
    meter: MeterInput,
    counted: Counted,
    energy: Int64,
    grade: Flags,
    missing: Mask,
    table: npt.NDArray[np.float64],
    method: Flags,
    *,
    rounded: bool,
) -> Mask:
    """Share what each rate register counted among the missing slots of its hours; the slots so bound.

    Only where no reading of the total lies between two missing slots of a span of rate readings: days that
    the total holds stay exact.
    """
    bound = np.zeros(len(energy), bool)
    if meter.day_rates is None:
        return bound
    first = meter.first - timedelta(meter.past)
    hours = np.frombuffer(
        b"".join(meter.day_rates(first + timedelta(day)) for day in range(len(energy) // meter.slots)),
        np.uint8,
    )
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
        if ((counted.at > low) & (counted.at < high + meter.interval_s)).any():
            continue
        for rate, one in by_rate.items():
            mine = inside & (hours == rate)
            if not mine.any():
                continue
            pair = np.isin(one.at, (start, end))
            two = Counted(one.at[pair], one.wh[pair], one.chain[pair], one.resolution[pair])
            own = np.where(hours == rate, energy, 0)
            left, _ = _left(meter, two, own, mine)
            tolerance = two.tolerance(meter, own, rounded)
            _share(meter, two, left, tolerance, energy, grade, mine, table[mine[missing]], method)
            bound |= mine & (grade != Quality.MISSING)
    return bound


def _share(
    meter: MeterInput,
    counted: Counted,
    left: Int64,
    tolerance: Int64,
    energy: Int64,
    grade: Flags,
    open_: Mask,
    table: npt.NDArray[np.float64],
    method: Flags,
) -> None:
    """Give the slots of `open_` (a row of `table` each) what is `left` between readings, where whole slots
    are held."""
    from analytics.vee.kernel import spread

    given, covered = np.zeros(len(energy), np.int64), np.zeros(len(energy), np.int64)
    even = (open_ & (method == Method.EVEN)).astype(np.uint8)
    spread(
        counted.at,
        counted.chain,
        left,
        tolerance,
        meter.origin,
        meter.interval_s,
        LONGEST_FLAT_S,
        (~open_).astype(np.uint8),
        np.ascontiguousarray(table),
        given,
        covered,
        even,
    )
    low, high = hung(meter)
    start = meter.origin + np.arange(len(energy)) * meter.interval_s
    mine = np.minimum(start + meter.interval_s, high) - np.maximum(start, low)
    bound = open_ & (mine > 0) & (covered == mine)
    energy[bound] = given[bound]
    method[bound & (even == 1) & (method != Method.OUTAGE)] = Method.EVEN
    for said, quality in _QUALITY.items():
        grade[bound & (method == said)] = quality


def _told_without(meter: MeterInput, method: Flags, missing: Mask, days: Flags) -> Mask:
    """Missing slots that may be estimated though no register holds them.

    Between known slots on both sides: lines, check meters and levels as they are, gaps of up to a week by
    three like days or more. What comes after the last thing heard is not there yet, and no gap.
    """
    n = len(missing)
    edges = np.flatnonzero(np.diff(np.concatenate(([0], missing.astype(np.int8), [0]))))
    told = np.zeros(n, bool)
    for a, b in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
        if a > 0 and b < n and (b - a) * meter.interval_s <= LONGEST_LOOSE_S:
            told[a:b] = True
    low, high = hung(meter)
    start = meter.origin + np.arange(n) * meter.interval_s
    told &= (start >= low) & (start + meter.interval_s <= high)
    drawn = np.isin(method, (Method.LINEAR, Method.ONE_SIDED, Method.CHECK_METER, Method.OUTAGE))
    told &= drawn | ((method == Method.LIKE_DAY) & (days >= ENOUGH_DAYS))
    return told


def _dark(meter: MeterInput, n: int) -> Mask:
    """Slots that lie wholly in an outage."""
    start = meter.origin + np.arange(n) * meter.interval_s
    dark = np.zeros(n, bool)
    for outage in meter.outages:
        began, ended = outage.start.timestamp(), outage.end.timestamp()
        dark |= (start >= began) & (start + meter.interval_s <= ended)
    return dark
