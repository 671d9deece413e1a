"""Instants, days and months: as command-line options, and the month that is meant when none is given."""

from __future__ import annotations

import re
from datetime import date, datetime
from typing import Any

import rich_click as click

from model.clock import parse_instant
from model.errors import ModelError
from model.period import Period, add_months, local_day


class _Instant(click.ParamType[Any]):
    name = "instant"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        try:
            return parse_instant(value) if isinstance(value, str) else value
        except ModelError as error:
            self.fail(str(error), param, ctx)


class _Day(click.ParamType[Any]):
    name = "day"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        try:
            return date.fromisoformat(value) if isinstance(value, str) else value
        except ValueError:
            self.fail(f"{value!r} is no day: write it like 2026-10-01", param, ctx)


class _Month(click.ParamType[Any]):
    name = "month"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if not isinstance(value, str):
            return value
        if not re.fullmatch(r"\d{4}-(0[1-9]|1[0-2])", value):
            self.fail(f"{value!r} is no month: write it like 2026-10", param, ctx)
        return Period.of_month(int(value[:4]), int(value[5:]))


def last_full_month(now: datetime) -> Period:
    """The calendar month before the one `now` lies in."""
    end = local_day(now).replace(day=1)
    return Period.of_days(add_months(end, -1), end)


INSTANT = _Instant()
DAY = _Day()
MONTH = _Month()
