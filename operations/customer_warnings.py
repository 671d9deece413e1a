"""Warning customers of their own use: after their days were validated, station by station, each thing once.

A meter is cleared in the transaction that tells its warnings. Killed in between it is simply still due; run
twice, the second finds everything told.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields, replace
from datetime import date, datetime, timedelta
from typing import Final

import numpy as np
from psycopg import Connection
from psycopg.rows import TupleRow

from analytics.profiles.forecast import Forecast, foretold
from analytics.warnings import (
    Around,
    LastBill,
    Rises,
    Use,
    above_last_bill,
    day_passed,
    fewest,
    leap_day,
    leap_week,
    month_passed,
    night_use,
)
from analytics.warnings.around import rises
from analytics.warnings.habit import WEEKS
from analytics.warnings.nights import LEAST_NIGHT_WH
from model.period import local_day
from model.viewer import UserRole, Viewer
from model.warning import LimitSpan, LimitUnit, UsageLimit, UseWarning
from operations import running_period
from operations.warning_costs import cost, cost_of_day
from operations.warning_homes import Homes, homes
from storage import usage_limits, use_warnings, warnings_due
from storage.pool import Pool
from storage.register import Hung
from storage.use_warnings import Told
from storage.warnings_due import Billed

METERS: Final = 500  # looked at at a time
JUDGED: Final = 2  # days before today: what comes a day late is still told
WEEK_STAYS: Final = 3  # days after a week in which it is told of
LATER: Final = timedelta(hours=1)  # when the homes around are not all known yet
OFFICE: Final = Viewer("office", UserRole.ENGINEER)

Progress = Callable[[int, int, str], None]
Judge = Callable[[Around | None], UseWarning | None]


@dataclass(frozen=True, slots=True)
class WarnReport:
    """Customers' meters looked at, warnings told now, and meters put off until more is known around them."""

    looked_at: int = 0
    told: int = 0
    put_off: int = 0

    def __add__(self, other: WarnReport) -> WarnReport:
        return WarnReport(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(self)))

    def __bool__(self) -> bool:
        return bool(self.looked_at)


@dataclass(frozen=True, slots=True)
class Running:
    """The running billing period of a point, the last bill of its customer, and what the period will come
    to: `forecast`, at `row`."""

    first: date
    until: date
    billed: Billed | None
    forecast: Forecast
    row: int

    @property
    def expected_wh(self) -> float | None:
        expected = float(self.forecast.expected_wh[self.row])
        return None if np.isnan(expected) else expected


def run(
    pool: Pool, now: datetime, *, shard: tuple[int, int] | None = None, progress: Progress | None = None
) -> WarnReport:
    """Look at every customer whose days were validated, of the shard (number, of how many) or all."""
    report = WarnReport()
    while True:
        with pool.connection() as conn:
            due = warnings_due.take(conn, METERS, now, shard)
            if not due:
                return report
            found, later = look(conn, [meter for meter, _ in due], now)
            new = use_warnings.tell(conn, found, now)
            warnings_due.put_off(conn, [one for one in due if one[0] in later], now + LATER)
            warnings_due.clear(conn, [one for one in due if one[0] not in later])
        report += WarnReport(len(due), new, len(later))
        if progress is not None:
            progress(report.looked_at, report.looked_at, "")


def look(conn: Connection[TupleRow], meters: Sequence[int], now: datetime) -> tuple[list[Told], set[int]]:
    """What the customers of these meters are to be told, and the meters that have to wait for the homes
    around them."""
    known = homes(conn, meters, now)
    if not known.asked:
        return [], set()
    points = [place.point for place in known.asked.values()]
    limits = usage_limits.current(conn, OFFICE, points)
    running = _running(known, warnings_due.last_bills(conn, points), local_day(now))
    judged = _Judged(known)
    found, later = [], set()
    for row, place in known.asked.items():
        use = known.use(row)
        said = [
            *_limits(use, place, running[row], limits.get(place.point, ())),
            *_bill(use, place, running[row]),
        ]
        for judge, against in judged.of(use):
            if judge(None) is None:
                continue
            others, wait = known.others(row, against)
            if wait:
                later.add(place.meter_id)
            elif (one := judge(others)) is not None:
                said.append(one)
        found += [Told(place.point, place.customer, place.meter_id, one) for one in fewest(said)]
    return found, later


class _Judged:
    """What is judged of every home, and how all of them did in the same days."""

    def __init__(self, known: Homes) -> None:
        today = known.wh.shape[1] - 1
        self.days = range(today - JUDGED, today)
        self.day_rises = {day: self._rises(known.wh, day) for day in self.days}
        self.night_rises = {day: self._rises(known.night_wh, day, LEAST_NIGHT_WH) for day in self.days}
        last = known.first + timedelta(today)
        self.monday = last - timedelta(last.weekday() + 7)
        at = (self.monday - known.first).days
        self.week = rises(known.wh, slice(at, at + 7), slice(0, at))
        self.week_is_fresh = last.weekday() < WEEK_STAYS

    @staticmethod
    def _rises(values: np.ndarray, day: int, *least: float) -> Rises:
        return rises(values, slice(day, day + 1), slice(max(0, day - 7 * WEEKS), day), *least)

    def of(self, use: Use) -> Iterator[tuple[Judge, Rises]]:
        if self.week_is_fresh:
            yield lambda others: leap_week(use, self.monday, others), self.week
        for day in self.days:
            yield lambda others, day=day: leap_day(use, day, others), self.day_rises[day]  # type: ignore[misc]
            yield lambda others, day=day: night_use(use, day, others), self.night_rises[day]  # type: ignore[misc]


def _running(known: Homes, billed: dict[str, Billed], today: date) -> dict[int, Running]:
    """The running period of each row that is looked at; rows of one period are foretold together."""
    rows: dict[date, list[int]] = defaultdict(list)
    last: dict[int, Billed | None] = {}
    for row, place in known.asked.items():
        bill = billed.get(place.point)
        last[row] = bill if bill is not None and bill.customer == place.customer else None
        rows[running_period.begun(bill.end if (bill := last[row]) else None, today)].append(row)
    found: dict[int, Running] = {}
    for first, of_period in rows.items():
        until = max(running_period.ends(first), today + timedelta(1))
        told = foretold(known.wh[of_period, :-1], first, today, until)
        found |= {row: Running(first, until, last[row], told, at) for at, row in enumerate(of_period)}
    return found


def _limits(use: Use, place: Hung, period: Running, limits: Sequence[UsageLimit]) -> Iterator[UseWarning]:
    for limit in limits:
        if limit.span is LimitSpan.MONTH:
            used, expected = _of_period(use, place, period, limit.unit)
            said = used is not None and month_passed(
                limit, period.first, use.today, period.until, used, expected
            )
            if said:
                yield said
            continue
        for back in range(JUDGED, -1, -1):
            day = use.today - timedelta(back)
            of_day = _of_day(use, place, period, day, limit.unit)
            if of_day is not None and (passed := day_passed(limit, day, of_day)) is not None:
                yield passed


def _of_period(use: Use, place: Hung, period: Running, unit: LimitUnit) -> tuple[float | None, float | None]:
    """What the running period used until now, and will; Wh or đồng."""
    wh, expected = use.measured(period.first, use.today), period.expected_wh
    if unit is LimitUnit.KWH:
        return wh, expected
    supply = place.supply_on(use.today)
    last = period.until - timedelta(1)
    return cost(supply, period.first, use.today, wh), expected and cost(supply, period.first, last, expected)


def _of_day(use: Use, place: Hung, period: Running, day: date, unit: LimitUnit) -> float | None:
    """What a day used; Wh, or the đồng it adds to its period."""
    wh = use.measured(day, day)
    if unit is LimitUnit.KWH:
        return wh
    first = period.first
    if day < first:
        first = period.billed.first if period.billed is not None else day.replace(day=1)
    before = use.measured(first, day - timedelta(1))
    return cost_of_day(place.supply_on(day), first, day, before, wh)


def _bill(use: Use, place: Hung, period: Running) -> Iterator[UseWarning]:
    billed = period.billed
    if billed is None or use.exports:
        return
    last = LastBill(billed.first, billed.end, billed.kwh, billed.total)
    said = above_last_bill(period.forecast, period.row, period.first, last)
    if said is None:
        return
    money = cost(
        place.supply_on(use.today), period.first, period.until - timedelta(1), period.expected_wh or 0.0
    )
    told = None if money is None else 1000 * round(money / 1000)
    yield replace(said, evidence={**said.evidence, "forecast_dong": told})
