"""A day or a week far above a home's own habit, while the homes around did not rise as much."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Final

import numpy as np

from analytics.warnings.around import Around
from analytics.warnings.habit import WEEKS, Habit, habit
from analytics.warnings.use import Use
from model.warning import UseWarning, WarningKind

DAY_TIMES, DAY_SPREADS, DAY_MORE_WH = 2.0, 4.0, 4_000  # and above every day of the eight weeks
WEEK_TIMES, WEEK_MORE_WH = 1.5, 15_000  # and above every one of the eight weeks
FEWEST_WEEKS, DAYS_OF_WEEK = 4, 5
FEWEST_OF_KIND: Final = 8
REST_DAYS: Final = 7
WEEKEND: Final = 5  # Saturday is the fifth day after Monday


def leap_day(use: Use, index: int, others: Around | None) -> UseWarning | None:
    """Of a whole day at `index`. `WITH_EVERYBODY` where the homes around rose as well."""
    found = None if use.exports else _day_habit(use, index)
    wh = float(use.wh[index]) if 0 <= index < len(use.wh) else np.nan
    if found is None or not _day_leaps(wh, found, 1.0):
        return None
    day = use.day(index)
    evidence = {
        "kwh": round(wh / 1000, 1),
        "usual_kwh": round(found.level / 1000, 1),
        "times": round(wh / found.level, 1),
        "days": found.days,
        **_around(others),
    }
    if others is not None and not _day_leaps(wh, found, others.rise):
        return _everybody(day, day, {**evidence, "span": "day"})
    return UseWarning(WarningKind.LEAP_DAY, day, day, day, evidence, rest=REST_DAYS)


def _day_leaps(wh: float, usual: Habit, rise: float) -> bool:
    """Whether a day leaps out although everything usual were `rise` times as much; not for NaN."""
    least = max(DAY_TIMES * usual.level, usual.level + DAY_SPREADS * usual.spread, usual.highest)
    return wh > rise * least and wh - rise * usual.level >= DAY_MORE_WH


def _day_habit(use: Use, index: int) -> Habit | None:
    """By the same kind of day, weekend or not, where enough are known; else by all."""
    before = use.wh[max(0, index - 7 * WEEKS) : max(0, index)]
    usual = habit(before)
    if usual is None:
        return None
    weekday = (use.day(index).weekday() - np.arange(len(before), 0, -1)) % 7
    alike = before[(weekday >= WEEKEND) == (use.day(index).weekday() >= WEEKEND)]
    alike = alike[~np.isnan(alike)]
    if len(alike) < FEWEST_OF_KIND:
        return usual
    # What is usual of a weekend never lies below what is usual at all: a busy Monday is no leap.
    return Habit(max(float(np.median(alike)), usual.level), usual.spread, usual.highest, usual.days)


def leap_week(use: Use, monday: date, others: Around | None) -> UseWarning | None:
    """Of the week from `monday`, every day of which was measured."""
    at = use.index(monday)
    if use.exports or at < 7 * FEWEST_WEEKS or at + 7 >= len(use.wh):
        return None
    if habit(use.wh[:at]) is None:
        return None
    wh = float(use.wh[at : at + 7].sum())  # NaN where a day is not known, which leaps nowhere
    begin = at % 7 if at < 7 * WEEKS else at - 7 * WEEKS
    before = use.wh[begin:at].reshape(-1, 7)
    known = ~np.isnan(before)
    enough = known.sum(axis=1) >= DAYS_OF_WEEK
    if enough.sum() < FEWEST_WEEKS:
        return None
    weeks = 7 * np.nanmean(before[enough], axis=1)
    lived = weeks[weeks >= 0.5 * np.quantile(weeks, 0.75)]
    if len(lived) < FEWEST_WEEKS:
        return None
    level, highest = float(np.median(lived)), float(lived.max())

    def leaps(rise: float) -> bool:
        return wh > rise * max(WEEK_TIMES * level, highest) and wh - rise * level >= WEEK_MORE_WH

    if level <= 0 or not leaps(1.0):
        return None
    sunday = monday + timedelta(6)
    evidence = {
        "kwh": round(wh / 1000, 1),
        "usual_kwh": round(level / 1000, 1),
        "percent": round(100 * (wh / level - 1)),
        "weeks": len(lived),
        **_around(others),
    }
    if others is not None and not leaps(others.rise):
        return _everybody(monday, sunday, {**evidence, "span": "week"})
    return UseWarning(WarningKind.LEAP_WEEK, monday, monday, sunday, evidence)


def _everybody(first: date, last: date, evidence: dict[str, str | int | float | None]) -> UseWarning:
    monday = first - timedelta(first.weekday())
    return UseWarning(WarningKind.WITH_EVERYBODY, monday, first, last, evidence, rest=REST_DAYS)


def _around(others: Around | None) -> dict[str, str | int | float | None]:
    return {} if others is None else {"homes": others.homes, "around_percent": others.percent}
