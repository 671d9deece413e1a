"""What registers counted beyond what is known, shared among the slots that are not."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from analytics.vee.counting import Counted
from analytics.vee.inputs import Int64, MeterInput
from analytics.vee.methods import Method
from analytics.vee.samples import hung
from model.quality import Quality

LONGEST_FLAT_S = 7 * 86_400  # a level line over more than a week says nothing about half-hours

Flags = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]
Float = npt.NDArray[np.float64]

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


def left_over(meter: MeterInput, counted: Counted, energy: Int64, missing: Mask) -> tuple[Int64, Float]:
    """(what is left for the missing slots between reading i − 1 and i, Wh a missing slot; −1 where none)."""
    from analytics.vee.kernel import remainders

    left, wanted = np.zeros(len(counted.at), np.int64), np.empty(len(energy))
    known = (~missing).astype(np.uint8)
    remainders(
        counted.at, counted.wh, counted.chain, meter.origin, meter.interval_s, energy, known, wanted, left
    )
    return left, wanted


def share(
    meter: MeterInput,
    counted: Counted,
    left: Int64,
    tolerance: Int64,
    energy: Int64,
    grade: Flags,
    open_: Mask,
    table: Float,
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
