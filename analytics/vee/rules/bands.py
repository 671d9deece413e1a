"""Doubts about a billing period against earlier ones, by the bands of the Vietnamese reading trade.

All per day, because periods have 28 to 31 days. From April to July (air conditioners) the same month of last
year is compared with, where it is known. Reader application of a regional company (2017), confidence B. The
one place that knows these bands: the check of a billing run and the reader's device go by them too.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import cache

from analytics.vee.rules.limits import Limit
from analytics.vee.rules.seen import Seen, Use
from model.day import Finding
from model.quality import Severity

HOT_MONTHS = range(4, 8)
NEAR = 1e-6  # of a limit: there shares are taken exactly
MONTH_DAYS = 30  # as long as a month is whose kWh a floor is given for


@dataclass(frozen=True, slots=True)
class Past:
    """What a period is held against; `month`: the calendar month in which its last day lies."""

    previous: Use | None
    last_year: Use | None
    month: int

    @property
    def base(self) -> tuple[str, Use] | None:
        """The previous period, or in the hot months the same one last year where it is known."""
        if self.month in HOT_MONTHS and self.last_year is not None:
            return "last_year", self.last_year
        return None if self.previous is None else ("previous", self.previous)


@dataclass(frozen=True, slots=True)
class Changed:
    """Outside of the band: `share` of the change a day, None where there was nothing before."""

    severity: Severity
    share: Fraction | None
    compared_with: str
    before: Use


def share_of(now: Use, past: Past) -> Fraction | None:
    """By how much a day's use differs from what it is compared with, as a share; None without such."""
    base = past.base
    return None if base is None or base[1].kwh <= 0 else now.per_day / base[1].per_day - 1


def changed(now: Use, past: Past, limit: Limit) -> Changed | None:
    """|change| above 30 %: read again before the bill goes out (blue < 50 %, amber < 100 %, red).

    `limit`: of `change_previous`. Ignored where both are below 30 kWh a month; after a period of nothing only
    from 100 kWh a month on.
    """
    if past.base is None:
        return None
    name, before = past.base
    if before.kwh <= 0:
        from_nothing = _a_month(now) >= _exact(limit["from_nothing_kwh"])
        return Changed(Severity.BLUE, None, name, before) if from_nothing else None
    if abs(_roughly(now, before)) < limit["blue"] - NEAR:
        return None
    share = now.per_day / before.per_day - 1
    if abs(share) <= _exact(limit["blue"]):
        return None
    floor = _exact(limit["floor_kwh"])
    if _a_month(now) < floor and _a_month(before) < floor:
        return None
    return Changed(_loudness(abs(share), limit["amber"], limit["red"]), share, name, before)


def excess(now: Use, past: Past, limit: Limit) -> tuple[Severity, Fraction] | None:
    """More kWh than the compared period had in as many days: blue < 100, amber < 150, red (households)."""
    if past.base is None:
        return None
    expected = past.base[1].per_day * Fraction(now.days)
    over = Fraction(now.kwh) - expected
    if over <= _exact(limit["share"]) * expected or over < _exact(limit["blue_kwh"]):
        return None
    return _loudness(over, limit["amber_kwh"], limit["red_kwh"]), over


def rise_to_sign(now: Use, past: Past, limit: Limit) -> Fraction | None:
    """The rise, as a share, where the customer signs the reading: at least 200 % from 400 kWh on."""
    before = past.previous
    if before is None or before.kwh < limit["previous_kwh"] or _roughly(now, before) < limit["rise"] - NEAR:
        return None
    rise = now.per_day / before.per_day - 1
    return rise if rise >= _exact(limit["rise"]) else None


def fell_to_nothing(now: Use, past: Past, limit: Limit) -> Use | None:
    """The period before, where it had use worth mentioning and this one has none."""
    before = past.previous
    return before if now.kwh <= 0 and before is not None and before.kwh >= limit["previous_kwh"] else None


def change_previous(seen: Seen, limit: Limit) -> Iterator[Finding]:
    """|change| above 30 %: see `changed`."""
    found = None if seen.use is None else changed(seen.use, past_of(seen), limit)
    if seen.use is not None and found is not None:
        yield seen.doubt(
            "change_previous",
            found.severity,
            percent=None if found.share is None else round(float(100 * found.share), 1),
            kwh_per_day=round(float(seen.use.per_day), 2),
            before_kwh_per_day=round(float(found.before.per_day), 2),
            compared_with=found.compared_with,
        )


def excess_kwh(seen: Seen, limit: Limit) -> Iterator[Finding]:
    """More kWh than the compared period had in as many days: see `excess`."""
    past = past_of(seen)
    found = None if seen.use is None else excess(seen.use, past, limit)
    if found is not None and past.base is not None:
        yield seen.doubt("excess_kwh", found[0], excess_kwh=round(found[1]), compared_with=past.base[0])


def customer_signs(seen: Seen, limit: Limit) -> Iterator[Finding]:
    """At least 400 kWh in the previous month and a rise of 200 % or more: the customer signs the reading."""
    rise = None if seen.use is None else rise_to_sign(seen.use, past_of(seen), limit)
    if rise is not None:
        previous = round(seen.before[0].kwh)
        yield seen.doubt("customer_signs", Severity.RED, percent=round(100 * rise), previous_kwh=previous)


def zero_after_use(seen: Seen, limit: Limit) -> Iterator[Finding]:
    """Nothing used after a period with use."""
    before = None if seen.use is None else fell_to_nothing(seen.use, past_of(seen), limit)
    if before is not None:
        yield seen.doubt("zero_after_use", Severity.AMBER, previous_kwh=round(before.kwh))


def peak_change(seen: Seen, limit: Limit) -> Iterator[Finding]:
    """The highest half-hour mean changed against the previous period's."""
    now, before = seen.peak_w, seen.peak_before_w
    if now is None or not before or max(now, before) < limit["floor_w"]:
        return
    if abs(now / before - 1) > limit["share"]:
        percent = round(100 * (now / before - 1))
        yield seen.doubt("peak_change", Severity.BLUE, peak_w=now, before_w=before, percent=percent)


def past_of(seen: Seen) -> Past:
    return Past(seen.before[0] if seen.before else None, seen.last_year, seen.last.month)


def _loudness(figure: Fraction, amber: float, red: float) -> Severity:
    if figure < _exact(amber):
        return Severity.BLUE
    return Severity.AMBER if figure < _exact(red) else Severity.RED


def _roughly(now: Use, before: Use) -> float:
    """The change a day, near enough to leave out who is far from a limit."""
    return float(now.kwh) * float(before.days) / (float(before.kwh) * float(now.days)) - 1


def _a_month(use: Use) -> Fraction:
    return use.per_day * MONTH_DAYS


@cache
def _exact(limit: float) -> Fraction:
    """A limit as the file writes it: 0.3 is three tenths."""
    return Fraction(str(limit))
