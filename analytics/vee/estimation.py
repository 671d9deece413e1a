"""What is missing, estimated: what the slots may hold, then what the registers counted shared among them.

In order: the check meter; a line over at most two hours (level with the one neighbour where the other is the
edge of an outage); windows of like days; the class's profile; the average day; evenly. Whatever the method,
the slots between two register readings add up to what was counted, by rate register where the meter has them
and the hours are known; where no register holds a slot it is UNSCALED.
"""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import numpy.typing as npt

from analytics.vee.by_rate import share_by_rate
from analytics.vee.counting import Counted
from analytics.vee.day_kinds import day_kinds
from analytics.vee.findings import Log
from analytics.vee.inputs import Int64, MeterInput
from analytics.vee.methods import Method
from analytics.vee.samples import hung
from analytics.vee.sharing import left_over, share
from model.quality import Quality, Severity

LINE_S = 7200  # up to two hours are drawn as a line between their neighbours
LONGEST_LOOSE_S = 7 * 86_400  # a longer gap that no register holds stays a gap
ENOUGH_DAYS = 3  # like days that such a gap needs

Flags = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]


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
    left, wanted = left_over(meter, counted, energy, missing)
    table, level, days = _expected(meter, energy, grade, missing, dark, wanted, method)
    for i in np.flatnonzero((left < -tolerance) & _holds(meter, counted, missing)).tolist():
        log.note(
            counted.day(i),
            "sum_mismatch",
            Severity.AMBER,
            registers_wh=counted.step(i),
            excess_wh=-int(left[i]),
        )
    by_rate = share_by_rate(meter, counted, energy, grade, missing, table, method, rounded=rounded)
    rest = missing & ~by_rate
    if rest.any():
        rows = rest[missing]
        if by_rate.any():
            left, _ = left_over(meter, counted, energy, rest)
        share(meter, counted, left, tolerance, energy, grade, rest, table[rows], method)
    loose = missing & (grade == Quality.MISSING) & _told_without(meter, method, missing, days)
    energy[loose] = np.floor(level[loose] + 0.5).astype(np.int64)
    grade[loose] = Quality.UNSCALED
    method[grade == Quality.MISSING] = Method.NONE
    return method


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
