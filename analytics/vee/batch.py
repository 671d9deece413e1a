"""Days of many meters that lie in one matrix: checked and completed in one call.

For profiles that are whole but for gaps, with what registers counted by the day: imports, recalculation of
archives, studies. One meter's answers, registers in mid-slot, swaps and rollovers go through `validate`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
import numpy.typing as npt

from analytics.errors import AnalyticsError
from analytics.vee.day_kinds import day_kinds
from analytics.vee.estimation import LINE_S
from analytics.vee.inputs import DAY_S
from analytics.vee.rules.limits import of_class


@dataclass(frozen=True, slots=True, eq=False)
class Completed:
    """`energy` int32 Wh and `quality` uint8 (m, d, slots); `spike` and `mismatch` bool (m, d): days whose
    highest slot stands far above the third-highest, and whole days that do not add up to the register."""

    energy: npt.NDArray[np.int32]
    quality: npt.NDArray[np.uint8]
    spike: npt.NDArray[np.bool_]
    mismatch: npt.NDArray[np.bool_]


def complete(
    energy: npt.NDArray[np.int32],
    quality: npt.NDArray[np.uint8],
    day_wh: npt.NDArray[np.int64],
    first: date,
    *,
    customer_class: str = "household",
    in_place: bool = False,
) -> Completed:
    """Check and complete (m, d, slots) days from `first`; memory beside the input is that of the result.

    `day_wh` (m, d): Wh that the register counted each day, −1 where unknown. With `in_place` the result is
    written over the input. Arrays must be contiguous; shapes that do not fit raise `AnalyticsError`.
    """
    from analytics.vee.batch_kernel import fill

    meters, days, slots = energy.shape
    if quality.shape != energy.shape or day_wh.shape != (meters, days) or DAY_S % slots:
        raise AnalyticsError(
            "bad_shape", f"energies {energy.shape}, qualities {quality.shape}, days {day_wh.shape} do not fit"
        )
    limit = of_class(customer_class)["spike"]
    filled = energy if in_place else np.empty_like(energy)
    grade = quality if in_place else np.empty_like(quality)
    spike, mismatch = np.empty((meters, days), np.uint8), np.empty((meters, days), np.uint8)
    interval_s = DAY_S // slots
    fill(
        energy,
        quality,
        day_wh,
        day_kinds(first, days),
        interval_s,
        LINE_S // interval_s,
        float(limit["share"]),
        int(limit["floor_wh"]),
        filled,
        grade,
        spike,
        mismatch,
    )
    return Completed(filled, grade, spike.astype(bool), mismatch.astype(bool))
