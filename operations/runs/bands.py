"""When a meter is read again before its bill goes out: use a day against before, in the trade's bands."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from model.period import LOCAL
from model.quality import Severity
from storage.run_totals import Compared

# |change| a day up to 30 %: nothing; from there on it is read again (regional reader application, 2017).
BANDS = (
    (Decimal("0.3"), None),
    (Decimal("0.5"), Severity.BLUE),
    (Decimal(1), Severity.AMBER),
    (Decimal("Infinity"), Severity.RED),
)
FLOOR_KWH = 30  # both months below: not worth a walk
FROM_NOTHING_KWH = 100  # after a month of nothing, only from here on
SIGN_FROM_KWH, SIGN_RISE = 400, Decimal(2)  # the customer signs the reading
HOT_MONTHS = range(4, 8)  # air conditioners: compared with the same period of last year where it is known


@dataclass(frozen=True, slots=True)
class Change:
    """kWh a day now and before; `share` of the change (None: from nothing). `signed`: the customer signs."""

    severity: Severity
    kwh: int
    kwh_before: int
    share: Decimal | None
    signed: bool


def change(one: Compared, start: datetime) -> Change | None:
    """The band a bill falls into; None where nothing is to be done, or nothing is known of before."""
    before, days = one.kwh_before, one.days_before
    if start.astimezone(LOCAL).month in HOT_MONTHS and one.kwh_year is not None:
        before, days = one.kwh_year, one.days_year
    if before is None or not days or not one.days:
        return None
    if one.kwh < FLOOR_KWH and before < FLOOR_KWH:
        return None
    if before < 1:
        return Change(Severity.BLUE, one.kwh, before, None, False) if one.kwh >= FROM_NOTHING_KWH else None
    share = (one.kwh / one.days) / (before / days) - 1
    severity = next(level for edge, level in BANDS if abs(share) <= edge)
    if severity is None:
        return None
    return Change(severity, one.kwh, before, share, before >= SIGN_FROM_KWH and share >= SIGN_RISE)
