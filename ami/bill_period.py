"""`ami bill period`: what no meter says of a point's month."""

from __future__ import annotations

from datetime import date
from typing import Any

import rich_click as click

from ami import clocks, home
from ami.console import emit, say
from ami.failure import UsageFailure
from ami.instants import DAY, MONTH
from ami.options import AS_OF, JSON
from ami.order_acting import acting, proved
from ami.settings import load
from analytics.billing import Reason
from model.grid import PeriodFacts
from model.period import Period, local_day
from operations import period_words
from storage.pool import open_pool


@click.command()
@click.argument("point")
@click.option("--month", type=MONTH, help="The month that is billed, like 2026-10.")
@click.option("--from", "first", type=DAY, help="Instead: the first day that is billed …")
@click.option("--to", "end", type=DAY, help="… and the day that is billed no more.")
@click.option("--households", type=click.IntRange(0, 1_000_000), help="Behind a bulk meter: that used any.")
@click.option(
    "--retail-kwh", type=click.IntRange(0, 10_000_000_000), help="Retailed behind it to others, in kWh."
)
@click.option(
    "--reason",
    type=click.Choice([reason.value for reason in Reason]),
    help="Why the period is as long as it is; all but regular widen the tiers by days.",
)
@AS_OF
@acting
@JSON
def period(
    point: str,
    month: Period | None,
    first: date | None,
    end: date | None,
    households: int | None,
    retail_kwh: int | None,
    reason: str | None,
    as_of: Any,
    login: str,
    password_stdin: bool,
    as_json: bool,
) -> None:
    """Say of a month of POINT what no meter says: how many households behind a cooperative's bulk meter used
    something and what it retailed to others, or why the period is longer or shorter than a month.

    Said again for the same days, the last word counts. A bulk meter of which nothing is said is held.

    \b
    ami bill period HTX01001 --month 2026-10 --households 120 --retail-kwh 1500 --as lan
    ami bill period HTX02001 --month 2026-10 --reason force_majeure --as lan
    """
    if (month is None) == (first is None and end is None) or (first is None) != (end is None):
        raise UsageFailure("Name the days: --month, or --from and --to.")
    if month is not None:
        first, end = local_day(month.start), local_day(month.end)
    assert first is not None
    assert end is not None
    facts = PeriodFacts(point, first, end, reason or "", households, retail_kwh)
    with home.database(load()) as dsn, open_pool(dsn) as pool:
        viewer = proved(pool, login, password_stdin)
        billed = period_words.say(pool, viewer, facts, clocks.clock(as_of)())
    if as_json:
        emit(facts)
    say(f"Kept for {point}, {first:%d/%m/%Y} until {end:%d/%m/%Y}.")
    if billed:
        say("A bill of these days went out already and stays: correct it (`ami bill correct`).")
