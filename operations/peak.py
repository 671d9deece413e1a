"""Pmax: the highest mean power of a half-hour over a billed period."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

import numpy as np
import numpy.typing as npt

from analytics.errors import AnalyticsError
from analytics.tariffs import plan
from model.period import Period
from model.quality import Quality
from operations import sums
from storage.days import DayMatrix
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
    used = sums.measured(point, period, matrix)
    return kw(int(used.max())) if used is not None and used.size else None


def kw(wh: int) -> Decimal:
    """The mean power of a half-hour of so many Wh."""
    return wh * HALF_HOURS_TO_KW


def of_rows(energy: npt.NDArray[np.int32], quality: npt.NDArray[np.uint8]) -> list[Decimal | None]:
    """kW of meters that hang all the period: (n, days, slots) of Wh and of `Quality`."""
    whole = (quality == Quality.ACTUAL).all(axis=(1, 2))
    highest = energy.max(axis=(1, 2), initial=0)
    return [kw(wh) if known else None for wh, known in zip(highest.tolist(), whole.tolist(), strict=True)]
