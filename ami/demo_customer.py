"""Whose home the demo's customer looks at: somebody with nothing odd about them and a month without holes."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from psycopg import Connection
from psycopg.rows import TupleRow

from model.grid import Register
from model.period import Period, local_day
from model.viewer import UserRole, Viewer
from model.warning import LimitSpan, LimitUnit
from storage import alerts, bills, profiles, usage_limits
from storage.bills import BillRow

_OFFICE = Viewer("demo", UserRole.BILLING)
PLAN = "vn-household"


def ordinary_customer(conn: Connection[TupleRow], register: Register, period: Period) -> str:
    """The code of a household billed for the month `period`, with every half-hour of it and no alert.

    Where there is none, one with a bill; where nobody has one, the first customer of the register.
    """
    month = local_day(period.start)
    billed = sorted(bills.bills(conn, _OFFICE, month=month, limit=10_000), key=lambda row: row.customer)
    homes = [row for row in billed if row.plan == PLAN]
    odd = {row.customer for row in alerts.alerts(conn, _OFFICE, limit=10_000)}
    calm = [row for row in homes if row.customer not in odd]
    whole = (row for row in calm if all(_whole_days(conn, row, period)))
    chosen = next(whole, None) or next(iter([*calm, *homes, *billed]), None)
    if chosen is not None:
        return chosen.customer
    return next(point.customer for point in register.points if point.customer)


def own_limit(conn: Connection[TupleRow], customer: str, now: datetime) -> None:
    """The customer wants to pay less than the last bill was: two thirds of it, in tens of thousands of đồng.
    Said once: whoever plays the customer may say otherwise."""
    viewer = Viewer("demo", UserRole.CUSTOMER, customer)
    for row in bills.bills(conn, viewer, limit=1):
        wanted = row.total * 2 // 3 // 10_000 * 10_000
        if wanted and not usage_limits.history(conn, viewer, row.point):
            usage_limits.set_limit(conn, viewer, row.point, LimitSpan.MONTH, (LimitUnit.DONG, wanted), now)


def _whole_days(conn: Connection[TupleRow], row: BillRow, period: Period) -> Iterator[bool]:
    first, end = local_day(period.start), local_day(period.end)
    for serial in row.serials:
        days = profiles.daily(conn, _OFFICE, serial, first, end) or []
        yield len(days) == (end - first).days and not any(day.missing or day.estimated for day in days)
