"""Instants, days and months: as command-line options, and the month that is meant when none is given."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta
from typing import Any

import rich_click as click

from model.clock import parse_instant
from model.errors import ModelError
from model.period import Period, add_months, local_day

FIRST_YEAR, LAST_YEAR = 2000, 2100
_BOUNDS = f"lies outside the years {FIRST_YEAR} to {LAST_YEAR}: name another"


def _within(year: int) -> bool:
    """Whether periods around it can be reckoned with, and any price or meter is that old or far away."""
    return FIRST_YEAR <= year <= LAST_YEAR


class _Instant(click.ParamType[Any]):
    name = "instant"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if not isinstance(value, str):
            return value
        try:
            at = parse_instant(value)
        except ModelError as error:
            self.fail(str(error), param, ctx)
        return at if _within(at.year) else self.fail(f"{value} {_BOUNDS} instant", param, ctx)


class _Day(click.ParamType[Any]):
    name = "day"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if not isinstance(value, str):
            return value
        try:
            day = date.fromisoformat(value)
        except ValueError:
            self.fail(f"{value!r} is no day: write it like 2026-10-01", param, ctx)
        return day if _within(day.year) else self.fail(f"{value} {_BOUNDS} day", param, ctx)


class _Month(click.ParamType[Any]):
    name = "month"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if not isinstance(value, str):
            return value
        if not re.fullmatch(r"[0-9]{4}-(0[1-9]|1[0-2])", value):
            self.fail(f"{value!r} is no month: write it like 2026-10", param, ctx)
        year = int(value[:4])
        if not _within(year):
            self.fail(f"{value} {_BOUNDS} month", param, ctx)
        return Period.of_month(year, int(value[5:]))


def last_full_month(now: datetime) -> Period:
    """The calendar month before the one `now` lies in."""
    end = local_day(now).replace(day=1)
    return Period.of_days(add_months(end, -1), end)


def days_asked(
    month: Period | None, first: date | None, end: date | None, now: datetime, longest: int
) -> tuple[date, date]:
    """The first local day and the one to end before: of those named, of the month, else the last full one.

    Raises `click.UsageError` where both are named, or where they are not 1 to `longest` days.
    """
    if month and (first or end):
        raise click.UsageError("choose a month, or days by --from and --to")
    if first or end:
        end = end or local_day(now)
        first = first or end - timedelta(days=30)
    else:
        chosen = month or last_full_month(now)
        first, end = local_day(chosen.start), local_day(chosen.end)
    if not 0 < (end - first).days <= longest:
        raise click.UsageError(f"from {first} until {end} are no 1 to {longest} days: choose others")
    return first, end


INSTANT = _Instant()
DAY = _Day()
MONTH = _Month()
