"""By-passed phase, stuck meter, empty house: energy and currents together, never energy alone."""

from __future__ import annotations

from statistics import median

import numpy as np

from analytics.detection.currents import dark_phase, drawn_w, total_current_a
from analytics.detection.observed import Observed
from model.alert import Alert, AlertKind
from model.quality import Quality, Severity

BYPASS_FALL = 0.12  # a phase of three carries a good tenth at least, or its loss does not show
BYPASS_DISTINCT = 4.0  # standard errors
CERTAIN_MOMENTS = 3
STUCK_DAYS = 3
STUCK_WH = 3000  # what the current must amount to before a register that stands still is odd
STUCK_DIGITS = 5  # likewise in last digits of the register
VACANT_SLOT_WH = 30  # a half-hour's standby
VACANT_DAYS = 7
VACANT_SHARE = 0.2  # of what the days before used
VACANT_A = 0.5
PHASES = "ABC"


def phase_bypass(seen: Observed) -> Alert | None:
    """Use fell at a day and stayed down, *and* since then one phase is under voltage without current while
    the others carry.

    Not when that phase was idle before the fall too: then it is how the customer is wired.
    """
    if seen.phases < 3:
        return None
    step = seen.step
    if step is None or not (step.sharper and step.lasting):
        return None
    if step.fall < BYPASS_FALL or step.distinct < BYPASS_DISTINCT:
        return None
    onset = seen.start(step.day)
    dark = dark_phase([one for one in seen.instants if one.at >= onset])
    if dark is None:
        return None
    earlier = dark_phase([one for one in seen.instants if one.at < seen.start(step.day - 1)])
    if earlier is not None and earlier.phase == dark.phase:
        return None
    return Alert(
        AlertKind.PHASE_BYPASS,
        seen.serial,
        Severity.RED if dark.dark >= CERTAIN_MOMENTS else Severity.AMBER,
        onset,
        {
            "phase": PHASES[dark.phase],
            "voltage_v": round(dark.voltage_v, 1),
            "current_a": round(dark.current_a, 3),
            "other_a": round(dark.other_a, 3),
            "moments": dark.dark,
            "moments_loaded": dark.loaded,
            "fall_percent": round(100 * step.fall, 1),
            "before_kwh_per_day": round(step.before / 1000, 2),
            "kwh_per_day": round(step.after / 1000, 2),
            "from_day": seen.day(step.day),
            "to_day": seen.day(int(seen.known_days[-1])),
            "before_from": seen.day(int(seen.known_days[0])),
            "before_to": seen.day(step.day - 1),
            "standard_errors": round(step.distinct, 1),
        },
    )


def stuck_meter(seen: Observed) -> Alert | None:
    """The register has not moved at all for days although current flows."""
    known = seen.quality != Quality.MISSING
    still = np.asarray(~(known & (seen.energy != 0)).any(axis=1))
    begin = seen.run_to_now(still)
    if begin is None:
        return None
    start = seen.start(begin)
    hours = (seen.now - start).total_seconds() / 3600
    moments = [one for one in seen.instants if one.at >= start]
    watts = [w for one in moments if (w := drawn_w(one)) is not None]
    amperes = [a for one in moments if (a := total_current_a(one)) is not None]
    if hours < STUCK_DAYS * 24 or not watts or not amperes:
        return None
    expected_wh = median(watts) * seen.multiplier * hours
    if expected_wh < max(STUCK_WH, STUCK_DIGITS * seen.resolution_wh):
        return None
    return Alert(
        AlertKind.STUCK_METER,
        seen.serial,
        Severity.RED,
        start,
        {
            "days": int(hours // 24),
            "from_day": seen.day(begin),
            "to_day": seen.day(int(seen.known_days[-1])),
            "current_a": round(median(amperes), 3),
            "expected_kwh": round(expected_wh / 1000, 1),
            "moments": len(watts),
        },
    )


def vacancy(seen: Observed) -> Alert | None:
    """Standby or nothing for a week and on, where people used to live, and no current to speak of."""
    limit = VACANT_SLOT_WH * 48
    daily = seen.daily_wh
    low = np.nan_to_num(daily, nan=np.inf) <= limit
    begin = seen.run_to_now(low)
    if begin is None:
        return None
    run, earlier = daily[begin:], daily[:begin]
    run, earlier = run[~np.isnan(run)], earlier[~np.isnan(earlier)]
    if len(run) < VACANT_DAYS or len(earlier) < VACANT_DAYS:
        return None
    now_wh, before_wh = float(np.median(run)), float(np.median(earlier))
    if now_wh > VACANT_SHARE * before_wh:
        return None
    amperes = [
        a for one in seen.instants if one.at >= seen.start(begin) and (a := total_current_a(one)) is not None
    ]
    if amperes and median(amperes) > VACANT_A:
        return None
    return Alert(
        AlertKind.VACANCY,
        seen.serial,
        Severity.INFO,
        seen.start(begin),
        {
            "days": len(run),
            "wh_per_day": round(now_wh),
            "before_kwh_per_day": round(before_wh / 1000, 2),
            "from_day": seen.day(begin),
            "to_day": seen.day(int(seen.known_days[-1])),
            "before_from": seen.day(int(seen.known_days[0])),
            "before_to": seen.day(begin - 1),
            "current_a": round(median(amperes), 3) if amperes else None,
        },
    )
