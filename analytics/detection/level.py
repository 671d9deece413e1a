"""Use that stopped, fell, rose or never changes: a customer's days against earlier ones of the same."""

from __future__ import annotations

from math import ceil
from statistics import median

import numpy as np

from analytics.detection.currents import total_current_a
from analytics.detection.observed import Observed
from analytics.detection.steps import Float, Step, find_step
from model.alert import Alert, AlertKind
from model.period import add_months, local_day
from model.quality import Quality, Severity

DROP = 0.8  # share of the old level that is gone: the design's rule of a drop above 80 %
DISTINCT = 4.0  # standard errors between two levels, as for a by-passed phase
LEAST_BEFORE_WH = 1000  # a day; less was no use to lose: zero_after_use's 30 kWh a month
SETTLED = 0.9  # of the days since
EARLIER_DAYS = 7
NIGHT = (1, 4)  # o'clock, when households sleep
NIGHT_HOURS = NIGHT[1] - NIGHT[0]
NIGHT_RISE = 1.0  # twice as much as before
NIGHT_W = 200  # the least that a night grows by: a refrigerator more is no news
FLAT_SPREAD = 0.02  # highest less lowest half-hour by the mean; a house's day has 1 and more
FLAT_BEFORE = 0.2  # a street lamp or a transmitter is flat by nature: only who was not before
FLAT_DAYS = 3
FLAT_SLOT_WH = 50  # below, the last digit is all there is to see


def _settled(wh: Float, step: Step) -> bool:
    """Whether the days stay at the new level: nearly all of them nearer to it than to the old one."""
    after = wh[step.day :]
    after = after[~np.isnan(after)]
    nearer = np.abs(after - step.after) < np.abs(after - step.before)
    return step.sharper and step.lasting and bool(nearer.mean() >= SETTLED)


def _cut_off(seen: Observed) -> bool:
    """Whether the supply was cut by order and not restored."""
    switched = [one.code for one in seen.events if one.code in ("connected", "disconnected")]
    return switched[-1:] == ["disconnected"]


def zero_after_use(seen: Observed) -> Alert | None:
    """Nothing at all for days (72 h for a household: `zero_use` of the limits) where there was use; not after
    the supply was cut by order."""
    begin = seen.run_to_now(np.nan_to_num(seen.daily_wh, nan=1.0) == 0)
    if begin is None or _cut_off(seen):
        return None
    run, earlier = seen.known_days[seen.known_days >= begin], seen.known_days[seen.known_days < begin]
    if len(run) < max(1, ceil(seen.limit("zero_use")["hours"] / 24)) or len(earlier) < EARLIER_DAYS:
        return None
    before_wh = float(np.median(seen.daily_wh[earlier]))
    if before_wh < 1000 * seen.limit("zero_after_use")["previous_kwh"] / 30:
        return None
    amperes = [
        a for one in seen.instants if one.at >= seen.start(begin) and (a := total_current_a(one)) is not None
    ]
    return Alert(
        AlertKind.ZERO_AFTER_USE,
        seen.serial,
        Severity.BLUE,
        seen.start(begin),
        {
            "days": len(run),
            "from_day": seen.day(begin),
            "to_day": seen.day(int(run[-1])),
            "before_kwh_per_day": round(before_wh / 1000, 2),
            "before_from": seen.day(int(earlier[0])),
            "before_to": seen.day(int(earlier[-1])),
            "current_a": round(median(amperes), 3) if amperes else None,
        },
    )


def use_drop(seen: Observed) -> Alert | None:
    """Daily use fell by more than 80 % at a day and stayed down for a week at least."""
    step = seen.step
    if step is None or step.distinct < DISTINCT or not _settled(seen.daily_wh, step) or _cut_off(seen):
        return None
    if step.fall <= DROP or step.before < LEAST_BEFORE_WH:
        return None
    return _stepped(seen, step, AlertKind.USE_DROP, Severity.AMBER)


def use_rise(seen: Observed) -> Alert | None:
    """Daily use at least doubled at a day within this month or the last one, and stayed up for a week.

    What rose with the last month's first day or earlier is the monthly bands' to tell.
    """
    step, limit = seen.step, seen.limit("change_previous")
    if step is None or step.distinct > -DISTINCT or not _settled(seen.daily_wh, step):
        return None
    told_by_month = (add_months(local_day(seen.now), -1) - seen.first).days >= step.day
    if told_by_month or step.before <= 0 or -step.fall < limit["red"]:
        return None
    if step.after * 30 / 1000 < limit["from_nothing_kwh"]:
        return None
    much = -step.fall >= seen.limit("customer_signs")["rise"]
    return _stepped(seen, step, AlertKind.USE_RISE, Severity.AMBER if much else Severity.BLUE)


def _stepped(seen: Observed, step: Step, kind: AlertKind, severity: Severity) -> Alert:
    """Told of a step in the days' use: kWh a day from that day on and before, and the change in percent."""
    return Alert(
        kind,
        seen.serial,
        severity,
        seen.start(step.day),
        {
            "percent": round(-100 * step.fall, 1),
            "kwh_per_day": round(step.after / 1000, 2),
            "from_day": seen.day(step.day),
            "to_day": seen.day(int(seen.known_days[-1])),
            "before_kwh_per_day": round(step.before / 1000, 2),
            "before_from": seen.day(int(seen.known_days[0])),
            "before_to": seen.day(step.day - 1),
        },
    )


def night_baseload(seen: Observed) -> Alert | None:
    """What runs while everybody sleeps (01:00-04:00) at least doubled and stayed so for a week.

    Nights with an estimated or missing half-hour are left out.
    """
    if not seen.up_to_date:
        return None
    hour = seen.energy.shape[1] // 24
    night = slice(NIGHT[0] * hour, NIGHT[1] * hour)
    measured = (seen.quality[:, night] == Quality.ACTUAL).all(axis=1) & ~np.isnan(seen.daily_wh)
    nights = np.where(measured, seen.energy[:, night].sum(axis=1, dtype=np.float64), np.nan)
    told = nights[measured]
    if len(told) < 21 or np.median(told[-7:]) - np.median(told) < NIGHT_W * NIGHT_HOURS / 2:
        return None
    step = find_step(nights, seen.first.weekday())
    if step is None or step.distinct > -DISTINCT or not _settled(nights, step):
        return None
    more_w = (step.after - step.before) / NIGHT_HOURS
    if more_w < NIGHT_W or step.after < (1 + NIGHT_RISE) * step.before:
        return None
    days = np.flatnonzero(measured)
    return Alert(
        AlertKind.NIGHT_BASELOAD,
        seen.serial,
        Severity.BLUE,
        seen.start(step.day),
        {
            "night_w": round(step.after / NIGHT_HOURS),
            "before_night_w": round(step.before / NIGHT_HOURS),
            "more_kwh_a_month": round(more_w * 24 * 30 / 1000),
            "from_day": seen.day(step.day),
            "to_day": seen.day(int(days[-1])),
            "before_from": seen.day(int(days[0])),
            "before_to": seen.day(step.day - 1),
        },
    )


def flat_line(seen: Observed) -> Alert | None:
    """Every half-hour of the day alike for days, at a customer whose days used to rise and fall.

    Only half-hours that were measured: an estimate may be flat.
    """
    if not seen.energy.size:
        return None
    measured = (seen.quality == Quality.ACTUAL).all(axis=1) & ~np.isnan(seen.daily_wh)
    mean = seen.energy.mean(axis=1, dtype=np.float64)
    measured &= mean >= FLAT_SLOT_WH
    spread = np.full(len(mean), np.inf)
    span = seen.energy.max(axis=1).astype(np.float64) - seen.energy.min(axis=1)
    np.divide(np.maximum(span - seen.resolution_wh, 0.0), mean, out=spread, where=measured)
    begin = seen.run_to_now(spread <= FLAT_SPREAD)
    if begin is None:
        return None
    run = [day for day in seen.known_days.tolist() if day >= begin]
    earlier = np.flatnonzero(measured[:begin])
    if len(run) < FLAT_DAYS or len(earlier) < EARLIER_DAYS:
        return None
    before = float(np.median(spread[earlier]))
    if before < FLAT_BEFORE:
        return None
    return Alert(
        AlertKind.FLAT_LINE,
        seen.serial,
        Severity.AMBER,
        seen.start(begin),
        {
            "days": len(run),
            "power_w": round(float(mean[run].mean()) * seen.energy.shape[1] / 24),
            "spread_percent": round(100 * float(np.median(spread[run])), 1),
            "before_spread_percent": round(100 * before, 1),
            "from_day": seen.day(begin),
            "to_day": seen.day(run[-1]),
            "before_from": seen.day(int(earlier[0])),
            "before_to": seen.day(int(earlier[-1])),
        },
    )
