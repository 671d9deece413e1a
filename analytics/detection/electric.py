"""What phases, the direction of energy and a meter's own seals say: facts to look at, no accusation."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from statistics import median

import numpy as np

from analytics.detection.currents import imbalance, unfed_phase
from analytics.detection.observed import Observed
from analytics.detection.use import PHASES
from model.alert import Alert, AlertKind
from model.period import local_day, midnight
from model.quality import Quality, Severity
from model.readout import InstantRead

CERTAIN_MOMENTS = 3
RECENT_DAYS = 14
IMBALANCE_DAYS = 7
IMBALANCE_SHARE = 0.5  # this program's own; half of the mean more or less
IMBALANCE_A = 0.5  # secondary side, a tenth of 5 A: an idle customer may be as uneven as he likes
IMBALANCE_MOMENTS = 12
EXPORT_WH = 100  # a day; meters creep
EXPORT_DAYS = 3
EXPORT_W = 50  # primary side
DAYLIGHT = (6, 18)  # hours; panels give nothing outside
LIKE_PANELS = 0.9  # of the energy by daylight
TAMPER_DAYS = 30
ONE_BURST = timedelta(days=3)  # events nearer to each other are one
TAMPER_CODES = {
    "cover_open": Severity.AMBER,
    "terminal_open": Severity.AMBER,
    "magnet": Severity.RED,
    "tamper": Severity.AMBER,
}
"""Words that a meter model gives to its own event codes (`[events.codes]`), or a gateway sends."""


def voltage_loss(seen: Observed) -> Alert | None:
    """A phase carries current without voltage: a fuse or a lead of the voltage circuit; a part of the use is
    not counted."""
    found = unfed_phase(_of_days(seen, RECENT_DAYS)) if seen.phases == 3 else None
    if found is None or found.unfed < CERTAIN_MOMENTS:
        return None
    return Alert(
        AlertKind.VOLTAGE_LOSS,
        seen.serial,
        Severity.RED,
        found.since,
        {
            "phase": PHASES[found.phase],
            "voltage_v": round(found.voltage_v, 1),
            "other_v": round(found.other_v, 1),
            "current_a": round(found.current_a, 3),
            "moments": found.unfed,
            "first_at": found.since.isoformat(),
        },
    )


def phase_imbalance(seen: Observed) -> Alert | None:
    """One phase has carried half as much more, or less, than the mean of the three for a week."""
    found = imbalance(_of_days(seen, IMBALANCE_DAYS), IMBALANCE_A) if seen.phases == 3 else None
    if found is None or found.moments < IMBALANCE_MOMENTS or found.share < IMBALANCE_SHARE:
        return None
    return Alert(
        AlertKind.PHASE_IMBALANCE,
        seen.serial,
        Severity.INFO,
        midnight(local_day(found.first)),
        {
            "phase": PHASES[found.phase],
            "current_a": round(found.current_a, 3),
            "other_a": round(found.other_a, 3),
            "percent": round(100 * found.share),
            "moments": found.moments,
            "from_day": local_day(found.first).isoformat(),
            "to_day": local_day(found.last).isoformat(),
        },
    )


def reverse_energy(seen: Observed) -> Alert | None:
    """Energy flows back into the grid, by the export register or by the sign of the power.

    Mostly by daylight it looks like panels, of which no register of customers here tells; else like leads
    the wrong way round.
    """
    return _exported(seen) or _flowing_back(seen)


def _exported(seen: Observed) -> Alert | None:
    if seen.exported is None or seen.exported_quality is None or not seen.exported.size:
        return None
    over = (local_day(seen.now) - seen.first).days
    begin = max(0, over - RECENT_DAYS)
    known = seen.exported_quality[begin:over] != Quality.MISSING
    wh = np.where(known, seen.exported[begin:over], 0).astype(np.int64)
    days = np.flatnonzero(wh.sum(axis=1) >= EXPORT_WH) + begin
    total = int(wh.sum())
    if len(days) < EXPORT_DAYS:
        return None
    hour = wh.shape[1] // 24
    bright = int(wh[:, DAYLIGHT[0] * hour : DAYLIGHT[1] * hour].sum()) / total
    taken = seen.daily_wh[days]
    taken = taken[~np.isnan(taken)]
    return Alert(
        AlertKind.REVERSE_ENERGY,
        seen.serial,
        Severity.INFO if bright >= LIKE_PANELS else Severity.AMBER,
        seen.start(int(days[0])),
        {
            "exported_kwh": round(total / 1000, 1),
            "imported_kwh": round(float(taken.sum()) / 1000, 1) if len(taken) else None,
            "days": len(days),
            "daylight_percent": round(100 * bright),
            "from_day": seen.day(int(days[0])),
            "to_day": seen.day(int(days[-1])),
            "power_w": None,
            "moments": None,
        },
    )


def _flowing_back(seen: Observed) -> Alert | None:
    moments = [one for one in _of_days(seen, RECENT_DAYS) if one.power_w is not None]
    back = [one for one in moments if (one.power_w or 0.0) * seen.multiplier <= -EXPORT_W]
    if len(back) < CERTAIN_MOMENTS:
        return None
    bright = sum(DAYLIGHT[0] <= _hour(one) < DAYLIGHT[1] for one in back) / len(back)
    return Alert(
        AlertKind.REVERSE_ENERGY,
        seen.serial,
        Severity.INFO if bright >= LIKE_PANELS else Severity.AMBER,
        back[0].at,
        {
            "exported_kwh": None,
            "imported_kwh": None,
            "days": len({local_day(one.at) for one in back}),
            "daylight_percent": round(100 * bright),
            "from_day": local_day(back[0].at).isoformat(),
            "to_day": local_day(back[-1].at).isoformat(),
            "power_w": round(-median((one.power_w or 0.0) for one in back) * seen.multiplier),
            "moments": len(back),
        },
    )


def tamper(seen: Observed) -> Alert | None:
    """A cover was opened or a magnet came near, as the meter itself noted: the latest such events."""
    odd = [
        one
        for one in seen.events
        if one.code in TAMPER_CODES and one.at <= seen.now and one.at >= midnight(seen.first)
    ]
    if not odd or seen.now - odd[-1].at > timedelta(days=TAMPER_DAYS):
        return None
    first = len(odd) - 1
    while first > 0 and odd[first].at - odd[first - 1].at <= ONE_BURST:
        first -= 1
    burst = odd[first:]
    worst = max(burst, key=lambda one: TAMPER_CODES[one.code])
    return Alert(
        AlertKind.TAMPER,
        seen.serial,
        TAMPER_CODES[worst.code],
        burst[0].at,
        {
            "event": worst.code,
            "times": len(burst),
            "first_at": burst[0].at.isoformat(),
            "last_at": burst[-1].at.isoformat(),
            "times_before": first,
            "before_from": seen.first.isoformat(),
        },
    )


def _of_days(seen: Observed, days: int) -> Sequence[InstantRead]:
    begin = midnight(local_day(seen.now) - timedelta(days))
    return [one for one in seen.instants if one.at >= begin]


def _hour(instant: InstantRead) -> int:
    return (instant.at - midnight(local_day(instant.at))) // timedelta(hours=1)
