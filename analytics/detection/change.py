"""A month against the month before, by the bands of the reading trade."""

from __future__ import annotations

from datetime import date

import numpy as np

from analytics.detection.observed import Observed
from analytics.vee.rules.bands import HOT_MONTHS, Past, changed, rise_to_sign
from analytics.vee.rules.seen import Use
from model.alert import Alert, AlertKind
from model.period import add_months, local_day, midnight

KNOWN_SHARE = 0.9
NOTHING_KWH = 1  # of a month: no share of so little says anything


def consumption_change(seen: Observed) -> Alert | None:
    """The last full month's kWh a day against the month before (in April to July: against last year's).

    Read again outside of the band of 30 %, by the limits of the class (`analytics.vee.rules.bands`)."""
    month = add_months(local_day(seen.now), -1)
    now = _month(seen, month)
    reference = add_months(month, -1)
    before = _month(seen, reference)
    if month.month in HOT_MONTHS and (last_year := _month(seen, add_months(month, -12))) is not None:
        reference, before = add_months(month, -12), last_year
    if now is None or before is None:
        return None
    use, earlier = now * _length(month), before * _length(reference)
    was = Use(earlier if earlier >= NOTHING_KWH else 0, _length(reference))
    past = Past(was, None, month.month)
    limit = seen.limit("change_previous")
    found = changed(Use(use, _length(month)), past, limit)
    if found is None:
        return None
    change = None if found.share is None else float(found.share)
    signs = rise_to_sign(Use(use, _length(month)), past, seen.limit("customer_signs"))
    return Alert(
        AlertKind.CONSUMPTION_CHANGE,
        seen.serial,
        found.severity,
        midnight(month),
        {
            "percent": None if change is None else round(100 * change, 1),
            "kwh_per_day": round(now, 2),
            "before_kwh_per_day": round(before, 2),
            "month": month.isoformat()[:7],
            "compared_with": reference.isoformat()[:7],
            "limit_percent": round(100 * limit["blue"]),
            "customer_signs": int(signs is not None),
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
