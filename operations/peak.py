"""Pmax: the highest mean power of a half-hour over a billed period."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

import numpy as np
import numpy.typing as npt

from analytics.errors import AnalyticsError
from analytics.tariffs import plan
from model.period import HALF_HOUR, Period, midnight
from model.quality import Quality
from storage.days import DayMatrix
from storage.matrix import SLOTS
from storage.register import Hung

HALF_HOURS_TO_KW = Decimal(2) / 1000


def is_told(plan_name: str) -> bool:
    """Whether the bill of a plan names it: not of a household."""
    try:
        return not plan(plan_name).household
    except AnalyticsError:
        return False


def of_point(point: Sequence[Hung], period: Period, matrix: DayMatrix) -> Decimal | None:
    """kW over the meters of a point, primary; None where a half-hour is not measured, or is two meters'."""
    origin = midnight(matrix.first)
    begin, end = (period.start - origin) // HALF_HOUR, -((origin - period.end) // HALF_HOUR)
    used = np.zeros(matrix.energy.shape[1] * SLOTS, dtype=np.int64)
    seen = np.zeros(used.shape, dtype=np.bool_)
    for place in point:
        since, until = max(place.since, period.start), min(place.until or period.end, period.end)
        own = slice(-((origin - since) // HALF_HOUR), (until - origin) // HALF_HOUR)
        row = matrix.meter_ids.index(place.meter_id)
        used[own] = matrix.energy[row].reshape(-1)[own]
        seen[own] = matrix.quality[row].reshape(-1)[own] == Quality.ACTUAL
    return kw(int(used[begin:end].max())) if end > begin and seen[begin:end].all() else None


def kw(wh: int) -> Decimal:
    """The mean power of a half-hour of so many Wh."""
    return wh * HALF_HOURS_TO_KW


def of_rows(energy: npt.NDArray[np.int32], quality: npt.NDArray[np.uint8]) -> list[Decimal | None]:
    """kW of meters that hang all the period: (n, days, slots) of Wh and of `Quality`."""
    whole = (quality == Quality.ACTUAL).all(axis=(1, 2))
    highest = energy.max(axis=(1, 2), initial=0)
    return [kw(wh) if known else None for wh, known in zip(highest.tolist(), whole.tolist(), strict=True)]
