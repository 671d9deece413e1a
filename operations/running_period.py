"""Which days the running billing period of a point has: from the last bill to the same day a month on."""

from __future__ import annotations

from datetime import date, timedelta

from model.period import add_months

LONGEST = timedelta(days=31)  # a bill that ended earlier than this before the month was not the last there is


def begun(billed: date | None, today: date) -> date:
    """The local day on which it began: where the last bill ends (`billed`), else the first of the month."""
    month = today.replace(day=1)
    return billed if billed and month - LONGEST < billed <= today else month


def ends(first: date) -> date:
    """Where a period that begins on `first` ends: the same day of the next month, or its last."""
    month = add_months(first, 1)
    return min(month + timedelta(first.day - 1), add_months(month, 1) - timedelta(1))
