"""A period cut where the price changes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from itertools import pairwise

from analytics.billing.request import Reason, Request
from analytics.errors import BillingError
from analytics.tariffs.country import Country, country
from analytics.tariffs.kinds import Plan, Pricing
from analytics.tariffs.tariff import Tariff
from model.money import half_up

RATES = ("BT", "CD", "TD")
PRICE_CHANGE = "price_change"


@dataclass(frozen=True, slots=True)
class Part:
    """Days under one decision. `prorated`: why tier widths go by days (`Reason` or `PRICE_CHANGE`), empty:
    full widths. `measured`: its kWh were read, not interpolated.
    """

    tariff: Tariff
    start: date
    end: date
    kwh: Mapping[str, int]
    prorated: str = ""
    measured: bool = True

    @property
    def days(self) -> int:
        return (self.end - self.start).days


def interpolated_days(plan: str, start: date, end: date) -> tuple[date, ...]:
    """The days inside (start, end) on which a household's price changes: it is billed by the reading of that
    day where a meter told one from afar, else interpolated (TT 60/2025/TT-BCT, 12.8).
    """
    here = country("vn")
    known = here.plans.get(plan)
    if known is None or not known.household:
        return ()
    return _changes(here, start, end)


def read_days(plan: str, start: date, end: date) -> tuple[date, ...]:
    """The days inside (start, end) on which the registers have to be read because the price changes.

    None for a household, whose kWh are interpolated (TT 60/2025/TT-BCT, 12.8), nor for a plan nobody knows.
    """
    here = country("vn")
    known = here.plans.get(plan)
    if known is None or known.household:
        return ()
    return _changes(here, start, end)


def _changes(here: Country, start: date, end: date) -> tuple[date, ...]:
    """The days inside (start, end) from which another decision holds; none where none holds on the first
    day, and nothing can be billed."""
    days = here.effective_dates()
    return tuple(day for day in days if start < day < end) if any(day <= start for day in days) else ()


def split(request: Request, here: Country, plan: Plan, kwh: Mapping[str, int]) -> tuple[Part, ...]:
    """The parts of the period with their kWh by register; no part is without days.

    A household's kWh before a change of price: those read at the change, else half_up(S / T1 × days before)
    (TT 60/2025/TT-BCT, 12.8). Others are read on that day; without it the period is refused.
    """
    why = "" if request.reason is Reason.REGULAR else request.reason.value
    if request.what_if:
        what_if = here.tariff(request.what_if, what_if=True, day=request.start)
        return (Part(what_if, request.start, request.end, kwh, why),)
    first = here.in_force(request.start)
    inner = [day for day in here.effective_dates() if request.start < day < request.end]
    if not inner:
        here.in_force(request.last_day)
        return (Part(first, request.start, request.end, kwh, why),)
    cuts = [request.start, *inner, request.end]
    shares = _shares(request, plan, kwh, cuts)
    return tuple(
        Part(here.in_force(start), start, end, share, PRICE_CHANGE, request.readings_at_change is not None)
        for start, end, share in zip(cuts, cuts[1:], shares, strict=False)
    )


def _shares(
    request: Request, plan: Plan, kwh: Mapping[str, int], cuts: list[date]
) -> list[Mapping[str, int]]:
    at_change = request.readings_at_change
    if plan.pricing is Pricing.WHOLESALE and request.retail_other_kwh:
        # What it retailed to others before that day is not known, and is not spread by days.
        raise BillingError(
            "no_reading_at_change",
            f"the price changed on {cuts[1]}: of a cooperative that retails to others, bill each part apart",
        )
    if at_change is not None:
        if len(cuts) != 3:
            raise BillingError(
                "no_reading_at_change",
                f"the price changed {len(cuts) - 2} times from {cuts[0]} to {cuts[-1]}: bill each part apart",
            )
        return _read_at_change(*_as_billed(at_change, kwh, plan), cuts[1])
    if not plan.household:
        raise BillingError(
            "no_reading_at_change",
            f"the price changed on {cuts[1]}, {plan.name} is not interpolated: give the reading of that day",
        )
    t1 = (request.end - request.start).days
    total = sum(kwh.values())
    upto = [half_up(Fraction(total * (cut - request.start).days, t1)) for cut in cuts]
    return [{"KT": later - earlier} for earlier, later in pairwise(upto)]


def _as_billed(
    at_change: Mapping[str, int], kwh: Mapping[str, int], plan: Plan
) -> tuple[Mapping[str, int], Mapping[str, int]]:
    """(readings, kWh of the period) by the registers that are billed, as SG is of the period itself: beside
    the rates it repeats them, alone it is their sum. A household's tiers need no more than that sum.
    """
    rest = {register: before for register, before in at_change.items() if register != "SG"}
    if "SG" in at_change and not rest.keys() & set(RATES) and (plan.household or "KT" in kwh):
        rest["KT"] = rest.get("KT", 0) + at_change["SG"]
    if plan.household and rest.keys() == {"KT"} and "KT" not in kwh:
        return rest, {"KT": sum(kwh.values())}
    return rest or at_change, kwh


def _read_at_change(
    at_change: Mapping[str, int], kwh: Mapping[str, int], day: date
) -> list[Mapping[str, int]]:
    unknown = at_change.keys() - kwh.keys()
    if unknown:
        raise BillingError(
            "bad_request", f"readings_at_change: register {sorted(unknown)[0]} has no kWh of the period"
        )
    for register, before in at_change.items():
        if before > kwh[register]:
            raise BillingError(
                "negative",
                f"register {register}: {before} kWh before the price of {day}, {kwh[register]} in all",
            )
    missing = kwh.keys() - at_change.keys()
    if any(kwh[register] for register in missing):
        raise BillingError(
            "no_reading_at_change",
            f"register {sorted(missing)[0]} was not read on {day}: give its kWh before",
        )
    before_all = {register: at_change.get(register, 0) for register in kwh}
    return [before_all, {register: used - before_all[register] for register, used in kwh.items()}]
