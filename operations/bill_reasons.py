"""Why the lines of an issued bill are as they are: it is rated again from what it says itself.

Only what comes out line by line as it was issued is explained; so nothing is told that is not so.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from decimal import Decimal
from itertools import product

from analytics.billing import Because, Rated, RatedLine, Reason, Request, rate
from analytics.billing.given import UNDECLARED
from analytics.billing.parts import PRICE_CHANGE
from analytics.errors import AnalyticsError
from analytics.tariffs import Pricing, plan
from model.bill import Bill, RegisterUse
from model.grid import PeriodFacts
from model.period import local_day
from operations import bill_words

PART_MONTH = "part_month"  # a bill does not say why its period is short
_VOLTAGES = tuple(Decimal(text) for text in ("0.4", "6", "22", "110"))


def told(bill: Bill, households: Decimal, language: str, said: PeriodFacts | None = None) -> tuple[str, ...]:
    """A sentence for each line, in their order; empty ones where the bill cannot be had again. `said`: what
    counted of its period."""
    rated = again(bill, households, said)
    if rated is None:
        return ("",) * len(bill.lines)
    return tuple(bill_words.line(line, language) for line in rated.lines)


def again(bill: Bill, households: Decimal = Decimal(1), said: PeriodFacts | None = None) -> Rated | None:
    """The bill rated again, its lines with their reasons; None where no way leads to the same lines, or
    two ways do that have different reasons.
    """
    found: Rated | None = None
    try:
        for reason in _reasons(bill, said):
            ways = (_rated_as_issued(bill, one) for one in _requests(bill, households, reason, said))
            rated = next((one for one in ways if one is not None), None)
            if rated is not None and (said is None or not said.reason):
                rated = replace(rated, lines=tuple(_of_part_month(line) for line in rated.lines))
            if rated is not None and found is not None and _whys(found) != _whys(rated):
                return None
            found = rated or found
    except AnalyticsError:  # a bill below zero that puts another one right, a plan of other times
        return None
    return found


def _whys(rated: Rated) -> list[Because]:
    return [line.because for line in rated.lines]


def _rated_as_issued(bill: Bill, request: Request) -> Rated | None:
    try:
        rated = rate(request)
    except AnalyticsError:
        return None
    stands = [(line.label, line.kwh, line.price, line.amount) for line in bill.lines]
    if [(line.label, line.kwh, line.price, line.amount) for line in rated.lines] != stands:
        return None
    return rated


def _reasons(bill: Bill, said: PeriodFacts | None) -> tuple[Reason, ...]:
    """A bill does not say why it is short, somebody may have; one of a whole calendar month is not."""
    if said is not None and said.reason:
        return (Reason(said.reason),)
    start, end = local_day(bill.period.start), local_day(bill.period.end)
    if start.day == end.day and 28 <= (end - start).days <= 31:
        return (Reason.REGULAR,)
    return (Reason.REGULAR, Reason.NEW_SUPPLY)


def _of_part_month(line: RatedLine) -> RatedLine:
    why = line.because
    if why.prorated in ("", PRICE_CHANGE):
        return line
    return replace(line, because=replace(why, prorated=PART_MONTH))


def _requests(bill: Bill, households: Decimal, reason: Reason, said: PeriodFacts | None) -> Iterator[Request]:
    """What the bill may have been rated from: it names no voltage, and no tenants that nobody declared."""
    pricing = plan(bill.plan).pricing
    by_voltage = pricing in (Pricing.FLAT, Pricing.THREE_RATE)
    voltages = _VOLTAGES if by_voltage else _VOLTAGES[:1]
    three = pricing is Pricing.THREE_RATE
    # as the meter has registers; all at the normal price; all at the peak price, for it was refused
    rates = ((False, False), (True, False), (False, True)) if three else ((False, False),)
    tenants = (None, UNDECLARED) if pricing is Pricing.TIERS else (None,)
    use = said.households_with_use if said is not None else None
    retail = (said.retail_other_kwh or 0) if said is not None else 0
    kwh = _by_register(bill.uses) or {"KT": bill.kwh}
    cuts = range(1, len(bill.uses)) if len(bill.decisions) > 1 else ()
    nothing = dict.fromkeys(kwh, 0)
    changes = [None, *(nothing | _by_register(bill.uses[:cut]) for cut in cuts)]
    for voltage, (one_rate, refused), people, change in product(voltages, rates, tenants, changes):
        yield Request(
            plan=bill.plan,
            start=local_day(bill.period.start),
            end=local_day(bill.period.end),
            invoice_date=bill.invoice_date,
            kwh=kwh,
            households=households,
            tenants=people,
            voltage_kv=voltage,
            one_rate=one_rate,
            three_rate_refused=refused,
            households_with_use=use,
            retail_other_kwh=retail,
            reason=reason,
            readings_at_change=change,
        )


def _by_register(uses: Sequence[RegisterUse]) -> dict[str, int]:
    found: dict[str, int] = {}
    for use in uses:
        found[use.rate.code] = found.get(use.rate.code, 0) + use.kwh
    return found
