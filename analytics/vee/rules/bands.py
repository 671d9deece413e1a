"""Doubts about a billing period against earlier ones, by the bands of the Vietnamese reading trade.

All per day, because periods have 28 to 31 days. From April to July (air conditioners) the same month of last
year is compared with, where it is known. Reader application of a regional company (2017), confidence B.
"""

from __future__ import annotations

from collections.abc import Iterator

from analytics.vee.rules.limits import Limit
from analytics.vee.rules.seen import Seen, Use
from model.day import Finding
from model.quality import Severity

HOT_MONTHS = range(4, 8)


def compared_with(seen: Seen) -> tuple[str, Use] | None:
    """What the period is held against: the previous one, or last year's in the hot months."""
    if seen.first.month in HOT_MONTHS and seen.last_year is not None:
        return "last_year", seen.last_year
    return ("previous", seen.before[0]) if seen.before else None


def change_previous(seen: Seen, limit: Limit) -> Iterator[Finding]:
    """|change| above 30 %: read again before the bill goes out (blue < 50 %, amber < 100 %, red).

    Ignored when both are below 30 kWh; after a period of nothing only from 100 kWh on.
    """
    base = compared_with(seen)
    if seen.use is None or base is None:
        return
    name, before = base
    if seen.use.kwh < limit["floor_kwh"] and before.kwh < limit["floor_kwh"]:
        return
    if before.kwh <= 0:
        if seen.use.kwh >= limit["from_nothing_kwh"]:
            yield seen.doubt(
                "change_previous",
                Severity.BLUE,
                percent=None,
                kwh_per_day=round(seen.use.per_day, 2),
                before_kwh_per_day=0.0,
                compared_with=name,
            )
        return
    change = round(seen.use.per_day / before.per_day - 1, 9)  # 130 of 100 kWh are 30 %, not a hair more
    if abs(change) <= limit["blue"]:
        return
    severity = (
        Severity.BLUE
        if abs(change) < limit["amber"]
        else Severity.AMBER
        if abs(change) < limit["red"]
        else Severity.RED
    )
    yield seen.doubt(
        "change_previous",
        severity,
        percent=round(100 * change, 1),
        kwh_per_day=round(seen.use.per_day, 2),
        before_kwh_per_day=round(before.per_day, 2),
        compared_with=name,
    )


def excess_kwh(seen: Seen, limit: Limit) -> Iterator[Finding]:
    """More kWh than the compared period had in as many days: blue < 100, amber < 150, red (households)."""
    base = compared_with(seen)
    if seen.use is None or base is None:
        return
    expected = base[1].per_day * seen.use.days
    excess = seen.use.kwh - expected
    if excess <= limit["share"] * expected or excess < limit["blue_kwh"]:
        return
    severity = (
        Severity.BLUE
        if excess < limit["amber_kwh"]
        else Severity.AMBER
        if excess < limit["red_kwh"]
        else Severity.RED
    )
    yield seen.doubt("excess_kwh", severity, excess_kwh=round(excess), compared_with=base[0])


def customer_signs(seen: Seen, limit: Limit) -> Iterator[Finding]:
    """At least 400 kWh in the previous month and a rise of 200 % or more: the customer signs the reading."""
    if seen.use is None or not seen.before:
        return
    before = seen.before[0]
    if before.kwh < limit["previous_kwh"]:
        return
    rise = round(seen.use.per_day / before.per_day - 1, 9)
    if rise >= limit["rise"]:
        percent = round(100 * rise)
        yield seen.doubt("customer_signs", Severity.RED, percent=percent, previous_kwh=round(before.kwh))


def zero_after_use(seen: Seen, limit: Limit) -> Iterator[Finding]:
    """Nothing used after a period with use."""
    if seen.use is not None and seen.before and seen.use.kwh <= 0:
        previous = seen.before[0].kwh
        if previous >= limit["previous_kwh"]:
            yield seen.doubt("zero_after_use", Severity.AMBER, previous_kwh=round(previous))


def peak_change(seen: Seen, limit: Limit) -> Iterator[Finding]:
    """The highest half-hour mean changed against the previous period's."""
    now, before = seen.peak_w, seen.peak_before_w
    if now is None or not before or max(now, before) < limit["floor_w"]:
        return
    if abs(now / before - 1) > limit["share"]:
        percent = round(100 * (now / before - 1))
        yield seen.doubt("peak_change", Severity.BLUE, peak_w=now, before_w=before, percent=percent)
