"""A period that will come to clearly more than the last bill."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

import numpy as np

from analytics.profiles.forecast import Forecast
from model.warning import UseWarning, WarningKind

MORE: Final = 1.3  # times the last bill's days, expected
SURELY_MORE: Final = 1.1  # and at the lower limit of four in five
MORE_WH: Final = 30_000
EARLIEST: Final = 10  # days of the period that are over
KNOWN: Final = 0.8  # of them


@dataclass(frozen=True, slots=True)
class LastBill:
    """The last bill of the same customer at the same point: its days from `first`, without `end`; đồng."""

    first: date
    end: date
    kwh: int
    total: int


def above_last_bill(told: Forecast, row: int, first: date, last: LastBill) -> UseWarning | None:
    """Whether the running period from `first`, foretold by `told`, will lie above the last bill, each by its
    days: February after January is no saving."""
    expected, low = float(told.expected_wh[row]), float(told.low_wh[row])
    days, billed = (told.until - first).days, (last.end - last.first).days
    known = int(told.known[row])
    if np.isnan(expected) or np.isnan(low) or billed < 1 or told.over < EARLIEST or known < KNOWN * told.over:
        return None
    like = 1000.0 * last.kwh / billed * days
    if like <= 0 or expected < MORE * like or low < SURELY_MORE * like or expected - like < MORE_WH:
        return None
    yesterday = first + timedelta(told.over - 1)
    return UseWarning(
        WarningKind.ABOVE_LAST_BILL,
        first,
        first,
        yesterday,
        {
            "kwh": round(float(told.so_far_wh[row]) / 1000, 1),
            "until": (told.until - timedelta(1)).isoformat(),
            "forecast_kwh": round(expected / 1000),
            "percent": round(100 * (expected / like - 1)),
            "last_kwh": last.kwh,
            "last_first": last.first.isoformat(),
            "last_last": (last.end - timedelta(1)).isoformat(),
            "last_dong": last.total,
        },
    )
