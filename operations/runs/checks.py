"""What a drafted run is looked at for: use far from before, no use, a station that sold more than it got."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction
from itertools import groupby
from operator import attrgetter

from psycopg import Connection
from psycopg.rows import TupleRow

from analytics.tariffs import PLANS, Pricing, country
from analytics.vee.rules import Use, of_class
from analytics.vee.rules.bands import Past, changed, excess, fell_to_nothing, rise_to_sign
from model.bill import BETWEEN, ESTIMATE
from model.period import Period
from model.quality import Severity
from model.series import Channel, Rate
from operations import cases, models
from operations.cases import reason_of as case_reason
from operations.customer_classes import CLASS_OF_PLAN
from operations.pairing import kwh
from operations.runs import gating
from storage import billing_runs, closing, run_totals
from storage.billing_runs import Item, Run, RunFinding
from storage.register import hung
from storage.run_totals import Compared

SOLD_TOO_MUCH = Decimal("1.01")  # of what was delivered: meters err by a per cent
COUNTED = (BETWEEN, ESTIMATE)  # rest on no half-hours that the gate could look at
_COUNTED = {
    BETWEEN: "An index of meter {serial} was not read but counted between two readings",
    ESTIMATE: "An index of meter {serial} was not read but estimated from the days before",
}
_RESTS = "Meter {}: an index was counted from half-hours."
LOST_TOO_MUCH = Decimal("0.15")

Noticed = tuple[RunFinding, str, str]
"""Something about a bill, its customer and its meter."""


def run(conn: Connection[TupleRow], of: Run) -> tuple[list[RunFinding], list[Item]]:
    """What is noticed, and the items that are held for it."""
    accepted = billing_runs.accepted(conn, of.id)
    found: list[RunFinding] = []
    held: list[Item] = []
    for check in (_changed, _unread, _doubted, _gate):
        for finding, customer, serial in check(conn, of, accepted):
            found.append(finding)
            if finding.holds:
                point, kind, said = finding.object, finding.kind, finding.said
                held.append(Item(point, customer, "held", serial=serial, kind=kind, reason=said))
    found += _three_rates(conn, of)
    if of.book is None:
        found += _stations(conn, of)
    return found, held


def _three_rates(conn: Connection[TupleRow], of: Run) -> Iterator[RunFinding]:
    """Single-rate meters of customers whom the law wants to have three rates (TT 60/2025/TT-BCT, Art.
    5(3))."""
    rules = country("vn").rules
    plans = [name for name, plan in PLANS.items() if plan.pricing is Pricing.THREE_RATE]
    for one in run_totals.one_rate(conn, of.id, plans):
        much, large = rules.three_rate_kwh, rules.three_rate_kva
        if large is not None and one.transformer_kva is not None and one.transformer_kva >= large:
            facts: dict[str, object] = {"kva": float(one.transformer_kva)}
            why = f"has a transformer of {one.transformer_kva.normalize():f} kVA"
        elif much is not None and one.three_months and one.least_kwh >= much:
            facts = {"kwh": int(much)}
            why = f"used {much:,} kWh or more in each of three months"
        else:
            continue
        said = (
            f"Customer {one.customer} (meter {one.serial}) {why} and is billed at one rate: hang a meter of "
            f"three rates, or put “Từ chối ba giá” to “có” after two notices."
        )
        facts |= {"customer": one.customer, "serial": one.serial}
        yield RunFinding(one.point, "three_rate_due", int(Severity.BLUE), False, said, facts)


def _changed(conn: Connection[TupleRow], of: Run, accepted: set[tuple[str, str]]) -> Iterator[Noticed]:
    """Bills far from what was billed before."""
    for one in run_totals.compared(conn, of.id):
        for finding in of_bill(one, of, accepted):
            yield finding, one.customer, one.serial


def _unread(conn: Connection[TupleRow], of: Run, accepted: set[tuple[str, str]]) -> Iterator[Noticed]:
    """Bills that stand upon an index which nobody read."""
    counted = run_totals.counted_indices(conn, of.id, COUNTED)
    for point, (one, *_) in groupby(counted, key=attrgetter("point")):
        counted_how = _COUNTED[one.method].format(serial=one.serial)
        said = (
            f"{counted_how}: read it (`ami meter index {one.serial} KT=… --at …`), or {_or_accept(of, point)}"
        )
        holds = (point, "counted_index") not in accepted
        facts = {"serial": one.serial}
        finding = RunFinding(point, "counted_index", int(Severity.AMBER), holds, said, facts)
        yield finding, one.customer, one.serial


def _doubted(conn: Connection[TupleRow], of: Run, accepted: set[tuple[str, str]]) -> Iterator[Noticed]:
    """Points about whose days a red case is open: nobody has judged it yet."""
    open_ = {case.point: case for case in cases.open_cases(conn, None, of.period)}
    for bill in billing_runs.items(conn, of.id, points=list(open_), outcomes=("bill",)) if open_ else ():
        case = open_[bill.point]
        said = f"{case_reason(case)}; then check again."
        holds = (bill.point, "open_case") not in accepted
        finding = RunFinding(
            bill.point, "open_case", int(case.severity), holds, said, {"serial": case.serial}
        )
        yield finding, bill.customer, case.serial


def _gate(conn: Connection[TupleRow], of: Run, accepted: set[tuple[str, str]]) -> Iterator[Noticed]:
    """Bills whose index was counted from half-hours of which too many are missing, estimated or edited."""
    for point, meters in groupby(gating.stopped(conn, of), key=attrgetter("point")):
        stopped = list(meters)
        reasons = (reason for one in stopped for reason in (_RESTS.format(one.serial), *one.reasons))
        said = f"{' '.join(reasons)} Or {_or_accept(of, point)}"
        facts = {"serial": stopped[0].serial}
        holds = (point, "gate") not in accepted
        finding = RunFinding(point, "gate", int(Severity.AMBER), holds, said, facts)
        yield finding, stopped[0].customer, stopped[0].serial


def _or_accept(of: Run, point: str) -> str:
    return f"say why it may be billed so (`ami bill accept {of.id} {point} --reason …`), then check again."


def of_bill(one: Compared, of: Run, accepted: set[tuple[str, str]]) -> Iterator[RunFinding]:
    """What a bill is held or told for, by the bands of its class; `accepted`: (point, kind) judged so."""
    limits = of_class(CLASS_OF_PLAN.get(one.plan, "household"))
    last = of.period.last_day
    now = Use(one.kwh, one.days)
    past = Past(_use(one.kwh_before, one.days_before), _use(one.kwh_year, one.days_year), last.month)
    change = changed(now, past, limits["change_previous"])
    rise = rise_to_sign(now, past, limits["customer_signs"])
    if rise is not None:
        holds = (one.point, "customer_signs") not in accepted
        said = _change_said(one, one.kwh_before, rise, of, signed=True)
        facts = _change_facts(one, one.kwh_before, rise)
        yield RunFinding(one.point, "customer_signs", int(Severity.RED), holds, said, facts)
    elif change is not None:
        much = excess(now, past, limits["excess_kwh"])
        severity = max(change.severity, much[0]) if much else change.severity
        holds = (one.point, "read_again") not in accepted and not (one.confirmed or one.read_again)
        said = _change_said(one, change.before.kwh, change.share, of, signed=False)
        facts = _change_facts(one, change.before.kwh, change.share)
        yield RunFinding(one.point, "read_again", int(severity), holds, said, facts)
    if fell_to_nothing(now, past, limits["zero_after_use"]) is not None:
        said = f"Meter {one.serial} went on by nothing, {one.kwh_before} kWh the period before: see whether "
        said += "it still counts."
        facts = _change_facts(one, one.kwh_before, None)
        yield RunFinding(one.point, "zero_after_use", int(Severity.AMBER), False, said, facts)


def _use(kwh: int | None, days: Decimal | None) -> Use | None:
    return None if kwh is None or not days else Use(kwh, days)


def _change_facts(one: Compared, before: float | Decimal | None, share: Fraction | None) -> dict[str, object]:
    facts: dict[str, object] = {"serial": one.serial, "kwh": one.kwh}
    if before is not None:
        facts["before"] = round(before)
    if share is not None:
        facts["percent"] = f"{float(share) * 100:+.0f}"
    return facts


def _change_said(
    one: Compared, before: int | float | Decimal | None, share: Fraction | None, of: Run, *, signed: bool
) -> str:
    said = f"meter {one.serial} went on by {one.kwh:,} kWh, {before:,} kWh before"
    if share is not None:
        said += f" ({float(share) * 100:+.0f} % a day)"
    accept = f"(`ami bill accept {of.id} {one.point} --reason …`), then check the run again"
    if signed:
        way = f"have the customer sign the reading and say so {accept}"
    else:
        way = (
            f"read it again and enter what it shows (`ami meter index {one.serial} KT=… --at …`), or say why "
            f"it is right {accept}"
        )
    return f"{said[:1].upper()}{said[1:]}: {way}."


def _stations(conn: Connection[TupleRow], of: Run) -> Iterator[RunFinding]:
    """Stations of which all is known: sold against delivered, closed at the same instants."""
    delivered = _delivered(conn, of.period)
    for station, sold, whole in run_totals.sold(conn, of.id):
        got = delivered.get(station)
        if got is None or not whole:
            continue
        facts: dict[str, object] = {"delivered": round(got / 1000), "sold": round(sold / 1000)}
        told = f"Station {station} was delivered {got / 1000:,.0f} kWh and sold {sold / 1000:,.0f} kWh"
        if sold > got * SOLD_TOO_MUCH:
            way = "see its multipliers, indices and which points belong to it"
            yield RunFinding(station, "station_sum", int(Severity.RED), False, f"{told}: {way}.", facts)
        elif got > 0 and (got - sold) / got > LOST_TOO_MUCH:
            lost = f"{(got - sold) / got * 100:.0f} % are lost"
            way = "look for a meter that stands still or is bypassed"
            facts["percent"] = round((got - sold) / got * 100)
            said = f"{told}, {lost}: {way}."
            yield RunFinding(station, "station_loss", int(Severity.AMBER), False, said, facts)


def _delivered(conn: Connection[TupleRow], period: Period) -> dict[str, Decimal]:
    """Wh by station whose head meters hung all the time and were closed at both ends."""
    points = run_totals.station_heads(conn)
    heads = hung(conn, points=points, period=period)
    at = {
        (index.serial, index.rate, index.at): index
        for instant in (period.start, period.end)
        for index in closing.at(conn, instant, points)
        if index.channel is Channel.ACTIVE_IMPORT
    }
    found: dict[str, Decimal] = defaultdict(Decimal)
    unknown: set[str] = set()
    for place in heads:
        opening, closed = (
            at.get((place.serial, Rate.TOTAL, instant)) for instant in (period.start, period.end)
        )
        kind = models.kind(place.model)
        whole = place.since <= period.start and (place.until is None or place.until >= period.end)
        if opening is None or closed is None or kind is None or not whole or kwh(closed) < kwh(opening):
            unknown.add(place.station)
            continue
        multiplier = models.multiplier_of(place, period.start)
        found[place.station] += (kwh(closed) - kwh(opening)) * 1000 * multiplier
    return {station: wh for station, wh in found.items() if station not in unknown}
