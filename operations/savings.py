"""What a customer would save by using at night what they use in peak hours: their own month, rated again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from fractions import Fraction
from typing import Any, Final

import numpy as np
from psycopg import Connection
from psycopg.rows import TupleRow

from analytics.billing import Request, rate, read_days
from analytics.billing.parts import RATES
from analytics.billing.shifting import Move, moved, paid
from analytics.errors import AnalyticsError
from analytics.tariffs import MeterHours, Pricing, plan
from model.bill import Bill
from model.grid import Role, Supply
from model.money import Dong, half_up
from model.period import Period, local_day, midnight
from model.quality import Quality
from model.series import Channel, Rate
from model.viewer import Viewer
from operations import supplied
from operations.bill_difference import merged
from operations.loads import HALF_HOURS, read
from operations.meter_hours import hours_of, own_slots
from storage import bills, register
from storage.matrix import SLOTS
from storage.register import Hung
from storage.viewing import scope, visible

PERCENTS: Final = (10, 20, 30)
ENOUGH: Final = 0.95  # of the half-hours, for a month that no bill was issued of
BILL, READ = "bill", "half_hours"

# Why moving changes nothing, or what cannot be told: `load_words.no_saving` says it in words.
TIERS, PREPAID, FLAT, WHOLESALE = "tiers", "prepaid", "flat", "wholesale"
ONE_RATE, REFUSED, NO_PEAK = "one_rate", "refused", "no_peak_use"
NOT_HUNG, NO_SUPPLY, UNKNOWN, PRICE_CHANGED = "not_hung", "no_supply", "unknown_use", "price_changed"
NOT_RATED, NOT_AS_BILLED = "not_rated", "not_as_billed"
_BY_PRICING: Final = {
    Pricing.TIERS: TIERS,
    Pricing.PREPAID: PREPAID,
    Pricing.FLAT: FLAT,
    Pricing.WHOLESALE: WHOLESALE,
}


@dataclass(frozen=True, slots=True)
class Savings:
    """`reason` says why moving changes nothing or cannot be rated (empty: `moves` says what it saves).

    `kwh` by register (BT, CD, TD) of `period`, out of the issued `bill` or added up from validated
    `half_hours` of which the share `known` is; `total` đồng with VAT and reactive surcharge as it is.
    `peak`, `offpeak`: (from, to) minutes of the day; `hours`: (minute of the day, kWh) of the own use in peak
    half-hours, as far as it is known, the most first. `detail`: what the rating said, where it refused.
    """

    serial: str
    point: str
    period: Period
    plan: str = ""
    reason: str = ""
    detail: str = ""
    source: str = ""
    known: float = 0.0
    kwh: Mapping[str, int] = field(default_factory=dict)
    total: Dong = 0
    moves: tuple[Move, ...] = ()
    peak: tuple[tuple[int, int], ...] = ()
    offpeak: tuple[tuple[int, int], ...] = ()
    hours: tuple[tuple[int, float], ...] = ()

    @property
    def peak_share(self) -> float | None:
        """Of the month's kWh that lay in peak hours; None where there were none."""
        whole = sum(self.kwh.values())
        return self.kwh.get("CD", 0) / whole if whole else None


def savings(
    conn: Connection[TupleRow],
    viewer: Viewer,
    serial: str,
    month: Period,
    percents: Sequence[int] = PERCENTS,
) -> Savings | None:
    """Of the bill whose period ends with or in the month, else of the month's half-hours; None where the
    meter is not the viewer's or not there."""
    seen = visible(conn, viewer, serial)
    if seen is None:
        return None
    theirs = scope(viewer)
    places = [
        place
        for place in register.hung(conn, meter_ids=[seen[0]], period=month)
        if place.role is Role.CUSTOMER and theirs in (None, place.customer)
    ]
    if not places:
        return Savings(serial, "", month, reason=NOT_HUNG)
    point, issued = places[-1].point, _issued(conn, viewer, places[-1].point, month)
    period = month if issued is None else issued[0].period
    supply = places[-1].supply_on(local_day(period.start))
    found = Savings(serial, point, period, "" if supply is None else supply.plan)
    reason = NO_SUPPLY if supply is None else _unchanged(supply)
    if supply is None or reason:
        return replace(found, reason=reason)
    hours = hours_of(places[-1])
    if hours is None:
        return replace(found, reason=ONE_RATE)
    found = _with_hours(found, conn, hours)
    if issued is not None:
        found = replace(found, source=BILL, kwh=_by_register(issued[0]))
    elif found.known < ENOUGH:
        return replace(found, kwh={}, reason=UNKNOWN)
    return _rated(found, supply, issued, percents)


def _unchanged(supply: Supply) -> str:
    """Why the hour makes no difference to what such a supply pays; empty where it does."""
    try:
        pricing = plan(supply.plan).pricing
    except AnalyticsError:
        return NOT_RATED
    if pricing is not Pricing.THREE_RATE:
        return _BY_PRICING[pricing]
    if supply.three_rate_refused:
        return REFUSED
    return ONE_RATE if supply.one_rate else ""


def _rated(
    found: Savings, supply: Supply, issued: tuple[Bill, date] | None, percents: Sequence[int]
) -> Savings:
    start, end = local_day(found.period.start), local_day(found.period.end)
    if read_days(supply.plan, start, end):
        return replace(found, reason=PRICE_CHANGED)
    bill = None if issued is None else issued[0]
    shares: dict[str, Any] = supplied.shares(supply)
    reactive = None if bill is None else bill.reactive
    try:
        request = Request(
            plan=supply.plan,
            start=start,
            end=end,
            invoice_date=end if issued is None else issued[1],
            kwh=found.kwh,
            kvarh=None if reactive is None else reactive.kvarh,
            buys_reactive=reactive is not None,
            pmax_kw=None if bill is None else bill.pmax_kw,
            **shares,
        )
        before = rate(request)
        moves = moved(request, percents)
    except AnalyticsError as error:
        return replace(found, reason=NOT_RATED, detail=error.sentence)
    if bill is not None and (before.subtotal, before.total) != (bill.subtotal, bill.total):
        return replace(found, reason=NOT_AS_BILLED)
    reason = "" if found.kwh.get("CD") else NO_PEAK
    return replace(found, total=paid(before), moves=() if reason else moves, reason=reason)


def _issued(
    conn: Connection[TupleRow], viewer: Viewer, point: str, month: Period
) -> tuple[Bill, date] | None:
    """The bill that holds, with its adjustments, and the day whose VAT it has; None where none was issued."""
    for row in bills.bills(conn, viewer, point=point, month=local_day(month.start)):
        if row.replaced_by is None and row.correction != "adjusts":
            sheet = bills.bill(conn, viewer, row.id)
            standing = bills.standing_bills(conn, point, row.period)
            if sheet is not None and standing:
                return merged(standing), sheet.rated_on
    return None


def _by_register(bill: Bill) -> dict[str, int]:
    found: dict[str, int] = dict.fromkeys(RATES, 0)
    for use in bill.uses:
        found[use.rate.code] = found.get(use.rate.code, 0) + use.kwh
    return {code: kwh for code, kwh in found.items() if code in RATES or kwh}


def _with_hours(found: Savings, conn: Connection[TupleRow], hours: MeterHours) -> Savings:
    """The month's half-hours by rate, and those in peak hours by time of day."""
    period = found.period
    first, last = local_day(period.start), period.last_day
    end = date.fromordinal(last.toordinal() + 1)
    places: list[Hung] = register.hung(conn, points=[found.point], period=period)
    given = read(conn, places, first, end, Channel.ACTIVE_IMPORT, HALF_HOURS)
    inside = np.zeros(given.hung[0].size, bool)
    origin, step = midnight(first), (midnight(end) - midnight(first)) / given.hung[0].size
    inside[(period.start - origin) // step : (period.end - origin) // step] = True
    known = (given.hung & (given.matrix.quality != Quality.MISSING)).any(axis=0).reshape(-1) & inside
    wh = np.where(given.hung, given.matrix.energy, 0).sum(axis=0, dtype=np.int64).reshape(-1)
    rates = {one: own_slots(hours, one, first, end) & known for one in (Rate.NORMAL, Rate.PEAK, Rate.OFFPEAK)}
    by_time = np.where(rates[Rate.PEAK], wh, 0).reshape(-1, SLOTS).sum(axis=0) / 1000
    order = [int(slot) for slot in np.argsort(-by_time, kind="stable") if by_time[slot] > 0]
    day = hours.at(last)
    return replace(
        found,
        source=READ,
        known=float(known.sum() / max(1, inside.sum())),
        kwh={one.code: half_up(Fraction(int(wh[mine].sum()), 1000)) for one, mine in rates.items()},
        peak=_joined(day.peak),
        offpeak=_joined(day.offpeak),
        hours=tuple((slot * 30, round(float(by_time[slot]), 1)) for slot in order),
    )


def _joined(minutes: Sequence[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    """Hours that go on past midnight as one: 22:00 to 04:00."""
    late = next((one for one in minutes if one[1] == 1440), None)
    early = next((one for one in minutes if one[0] == 0), None)
    if late is None or early is None or late == early:
        return tuple(minutes)
    rest = [one for one in minutes if one not in (late, early)]
    return (*rest, (late[0], early[1]))
