"""A station that delivers more than its customers were counted, or than its transformer is made for."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from analytics.losses import Balance
from analytics.profiles.rated import LEVELS, USUAL_COS_PHI
from analytics.profiles.rated_days import RatedDay
from model.alert import Alert, AlertKind
from model.period import local_day, midnight
from model.quality import Severity

HIGH_PERCENT, VERY_HIGH_PERCENT = 12.0, 20.0  # lines and transformer of a rural station lose some percent
NEGATIVE_PERCENT = -1.0  # more sold than delivered: a meter or a multiplier is wrong
LEAST_SLOTS = 48
OVER, FAR_OVER = LEVELS.index(1.0), LEVELS.index(1.3)
LEAST_HOURS = 1.0  # of one day: a single half-hour may be a motor's start, or a slip


def station_loss(station: str, head_serial: str, found: Balance, since: datetime) -> Alert | None:
    """An alert at the head meter when the loss of the period from `since` is out of the ordinary; accuses
    nobody."""
    percent = found.loss_percent
    if percent is None or found.intervals < LEAST_SLOTS or NEGATIVE_PERCENT <= percent < HIGH_PERCENT:
        return None
    return Alert(
        AlertKind.STATION_LOSS,
        head_serial,
        Severity.RED if percent >= VERY_HIGH_PERCENT else Severity.AMBER,
        since,
        {
            "station": station,
            "percent": round(percent, 1),
            "limit_percent": HIGH_PERCENT if percent >= 0 else NEGATIVE_PERCENT,
            "month": local_day(since).isoformat()[:7],
            "delivered_kwh": found.delivered_wh // 1000,
            "sold_kwh": found.sold_wh // 1000,
        },
    )


def transformer_overload(station: str, head_serial: str, days: Sequence[RatedDay]) -> Alert | None:
    """An alert at the head meter when, on one of these days, the station drew more than its transformer is
    made for during an hour or more; red where it was 130 % of that for so long."""
    over = [day for day in days if day.hours_above and day.hours_above[OVER] >= LEAST_HOURS]
    if not over:
        return None
    between = [day for day in days if day.hours_above and over[0].day <= day.day <= over[-1].day]
    far = any(day.hours_above[FAR_OVER] >= LEAST_HOURS for day in over)
    worst = max(over, key=lambda day: day.share or 0.0)
    return Alert(
        AlertKind.TRANSFORMER_OVERLOAD,
        head_serial,
        Severity.RED if far else Severity.AMBER,
        midnight(over[0].day),
        {
            "station": station,
            "load_percent": _rounded(worst.share, 100, 0),
            "limit_percent": round(100 * LEVELS[FAR_OVER if far else OVER]),
            "kva": _rounded(worst.rated_va, 1e-3, 1),
            "peak_kva": _rounded(worst.smax_va, 1e-3, 1),
            "at": worst.at.isoformat() if worst.at else None,
            "hours": round(sum(day.hours_above[OVER] for day in between), 1),
            "from_day": over[0].day.isoformat(),
            "to_day": over[-1].day.isoformat(),
            "cos_phi": USUAL_COS_PHI if worst.usual_cos_phi else None,
        },
    )


def _rounded(value: float | None, times: float, places: int) -> float | None:
    return None if value is None else round(value * times, places)
