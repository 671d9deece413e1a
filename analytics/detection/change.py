"""A month against the month before, by the bands of the reading trade."""

from __future__ import annotations

from datetime import date

import numpy as np

from analytics.detection.observed import Observed
from model.alert import Alert, AlertKind
from model.period import add_months, local_day, midnight
from model.quality import Severity

# |change| against the previous month, per day: up to 30 % nothing, then read again (regional reader
# application, 2017).
BANDS = ((0.3, None), (0.5, Severity.BLUE), (1.0, Severity.AMBER), (float("inf"), Severity.RED))
FLOOR_KWH = 30  # both months below: not worth a walk
FROM_NOTHING_KWH = 100  # after a month of nothing, only from here on
SIGN_FROM_KWH, SIGN_RISE = 400, 2.0  # the customer signs the reading
HOT_MONTHS = range(4, 8)  # air conditioners: compared with the same month of last year where it is known
KNOWN_SHARE = 0.9


def consumption_change(seen: Observed) -> Alert | None:
    """The last full month's kWh a day against the month before (in April to July: against last year's)."""
    month = add_months(local_day(seen.now), -1)
    now = _month(seen, month)
    reference = add_months(month, -1)
    before = _month(seen, reference)
    if month.month in HOT_MONTHS and (last_year := _month(seen, add_months(month, -12))) is not None:
        reference, before = add_months(month, -12), last_year
    if now is None or before is None:
        return None
    days, days_before = _length(month), _length(reference)
    if now * days < FLOOR_KWH and before * days_before < FLOOR_KWH:
        return None
    if before * days_before < 1:
        change, severity = None, Severity.BLUE if now * days >= FROM_NOTHING_KWH else None
    else:
        change = now / before - 1
        severity = next(level for edge, level in BANDS if abs(change) <= edge)
    if severity is None:
        return None
    return Alert(
        AlertKind.CONSUMPTION_CHANGE,
        seen.serial,
        severity,
        midnight(month),
        {
            "percent": None if change is None else round(100 * change, 1),
            "kwh_per_day": round(now, 2),
            "before_kwh_per_day": round(before, 2),
            "month": month.isoformat()[:7],
            "compared_with": reference.isoformat()[:7],
            "customer_signs": int(
                change is not None and before * days_before >= SIGN_FROM_KWH and change >= SIGN_RISE
            ),
        },
    )


def _length(month: date) -> int:
    return (add_months(month, 1) - month).days


def _month(seen: Observed, month: date) -> float | None:
    """kWh a day of a month of which enough days are known."""
    start = (month - seen.first).days
    length = _length(month)
    if start < 0 or start + length > len(seen.daily_wh):
        return None
    days = seen.daily_wh[start : start + length]
    known = days[~np.isnan(days)]
    return float(known.mean()) / 1000 if len(known) >= KNOWN_SHARE * length else None
