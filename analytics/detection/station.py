"""A station that delivers more than its customers were counted."""

from __future__ import annotations

from datetime import datetime

from analytics.losses import Balance
from model.alert import Alert, AlertKind
from model.period import local_day
from model.quality import Severity

HIGH_PERCENT, VERY_HIGH_PERCENT = 12.0, 20.0  # lines and transformer of a rural station lose some percent
NEGATIVE_PERCENT = -1.0  # more sold than delivered: a meter or a multiplier is wrong
LEAST_SLOTS = 48


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
