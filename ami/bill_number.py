"""The number of a bill as an argument, and the bills that a number or a month means."""

from __future__ import annotations

import re
from typing import Any

import rich_click as click
from psycopg import Connection
from psycopg.rows import TupleRow

from ami.failure import InputFailure
from model.period import Period, local_day
from model.viewer import UserRole, Viewer
from operations import bills_out
from storage import bills
from storage.bills import BillSheet

OFFICE = Viewer(login="ami", role=UserRole.BILLING)


class Number(click.ParamType[Any]):
    """The number of a bill, from 1 on."""

    name = "number"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if isinstance(value, int):
            return value
        if re.fullmatch(r"[0-9]{4}-[0-9]{2}", value):
            self.fail(f"{value} is a month: say --month {value}", param, ctx)
        if not re.fullmatch(r"[0-9]{1,17}", value):
            self.fail(f"{value!r} is no number of a bill: `ami bill list` gives them", param, ctx)
        return int(value)


def chosen(conn: Connection[TupleRow], number: int | None, month: Period | None) -> list[BillSheet]:
    """Bill `number`, or all of a month in the order of their numbers.

    Raises UsageError unless exactly one is named, InputFailure where there is no such bill.
    """
    if (number is None) == (month is None):
        raise click.UsageError("name the NUMBER of a bill, or --month")
    if month is not None:
        sheets = [one.sheet for one in bills_out.month(conn, OFFICE, local_day(month.start))]
    else:
        sheet = bills.bill(conn, OFFICE, number or 0)
        sheets = [] if sheet is None else [sheet]
    if not sheets:
        asked = f"bill {number}" if month is None else f"bill of {local_day(month.start):%m/%Y}"
        raise InputFailure(f"There is no {asked}: see `ami bill list`.")
    return sheets
