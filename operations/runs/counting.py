"""What becomes of a point in a period: its bill, or why there is none; nothing is written here."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from decimal import Decimal

from psycopg import Connection
from psycopg.rows import TupleRow

from analytics.billing import Rated, Reason, RegisterPart, Request, rate, use_register
from analytics.errors import AnalyticsError
from analytics.tariffs import PLANS, Pricing
from model.bill import Bill, BillLine, ClosingIndex, Hold
from model.grid import PeriodFacts
from model.period import Period, local_day
from model.series import Channel, Rate
from operations import models, peak, reactive, sums, supplied
from operations.pairing import Held, Indices, Paired, index_instants, pair, wished_instants
from storage import bills, closing, fleet, period_facts
from storage.bills import Standing
from storage.carry import carried
from storage.days import DayMatrix
from storage.period_facts import Said
from storage.register import Hung, hung, never_metered

POINTS = 500  # a transaction
OF_INDICES = ("negative", "too_many_digits", "too_much")  # refusals that a mistyped index may be behind


@dataclass(frozen=True, slots=True)
class Beside:
    """What a bill is counted from besides its energy registers: those of reactive import, what somebody said
    of the period (by point, first day and end), validated half-hours."""

    reactive: Indices = field(default_factory=dict)
    said: Said = field(default_factory=dict)
    half_hours: DayMatrix | None = None


NOTHING = Beside()


@dataclass(frozen=True, slots=True)
class Counted:
    """A point's bill or hold as counted now, and the bills of the period that stand already.

    `confirmed`: all half-hours are there and add up to what the registers went on by.
    """

    point: str
    customer: str
    serial: str
    made: Bill | Hold
    standing: tuple[Standing, ...] = ()
    confirmed: bool = False


def make(
    point: Sequence[Hung],
    paired: Paired,
    invoice_date: date,
    what_if: str = "",
    *,
    bought: Sequence[RegisterPart] = (),
    said: PeriodFacts | None = None,
    pmax_kw: Decimal | None = None,
) -> Bill:
    """The bill of a point from its register parts, `bought` those of reactive energy where it buys any; with
    `what_if`, as if that decision held, for looking at alone. Raises `AnalyticsError` where it cannot be
    rated."""
    supply = paired.supply
    start, end = local_day(paired.period.start), local_day(paired.period.end)
    bulk = said if said is not None and said.households_with_use is not None else None
    rated = rate(
        Request(
            plan=supply.plan,
            start=start,
            end=end,
            invoice_date=invoice_date,
            registers=(*paired.parts, *bought),
            reason=paired.reason,
            readings_at_change=None if what_if else _before_the_change(paired),
            buys_reactive=bool(bought),
            households_with_use=None if bulk is None else bulk.households_with_use,
            retail_other_kwh=0 if bulk is None else bulk.retail_other_kwh or 0,
            pmax_kw=pmax_kw,
            what_if=what_if,
            **supplied.shares(supply),
        ),
        binding=not what_if,
    )
    made = billed(rated, point[0].point, point[0].customer, supply.plan, paired.period, invoice_date)
    return replace(made, reactive=reactive.surcharge(rated, bought), pmax_kw=pmax_kw)


def billed(rated: Rated, point: str, customer: str, plan: str, period: Period, invoice_date: date) -> Bill:
    """The bill that a rating comes to: its lines without why they are so."""
    return Bill(
        point=point,
        customer=customer,
        period=period,
        invoice_date=invoice_date,
        plan=plan,
        decisions=rated.decisions,
        uses=rated.uses,
        lines=tuple(BillLine(line.label, line.kwh, line.price, line.amount) for line in rated.lines),
        kwh=rated.kwh,
        wh=rated.wh,
        subtotal=rated.subtotal,
        vat_percent=rated.vat_percent,
        vat=rated.vat,
        total=rated.total,
    )


def _before_the_change(paired: Paired) -> dict[str, int] | None:
    """kWh by register up to the change of price; None where none was read for it."""
    if paired.before is None:
        return None
    found = {part.register: 0 for part in paired.parts}
    for part in paired.parts[: paired.before]:
        found[part.register] += use_register(part, Decimal(1)).kwh
    return found


def bill_or_hold(
    point: Sequence[Hung],
    period: Period,
    invoice_date: date,
    indices: Mapping[tuple[str, Rate, datetime], ClosingIndex],
    left: Mapping[Rate, Decimal],
    what_if: str = "",
    beside: Beside = NOTHING,
) -> Bill | Hold:
    """What becomes of a point: its bill, or why there is none, in one sentence that names the meter."""
    try:
        kinds = _kinds(point)
        paired = pair(point, period, indices, left, kinds)
        supply, billed = paired.supply, paired.period
        said = beside.said.get((point[0].point, local_day(billed.start), local_day(billed.end)))
        if said is not None and said.reason:
            paired = replace(paired, reason=Reason(said.reason))
        _refuse_unsaid(point, paired, said)
        bought: Sequence[RegisterPart] = ()
        if supplied.buys_reactive(supply):
            bought = reactive.parts(point, billed, beside.reactive, kinds)
        pmax = None
        if beside.half_hours is not None and peak.is_told(supply.plan):
            pmax = peak.of_point(point, billed, beside.half_hours)
        return make(point, paired, invoice_date, what_if, bought=bought, said=said, pmax_kw=pmax)
    except Held as held:
        return hold_of(point[0].point, point[0].customer, period, held)
    except AnalyticsError as error:
        named_in = (place.serial for place in point if f"meter {place.serial} " in error.sentence)
        serial = next(named_in, point[-1].serial)
        named = error.sentence if serial in error.sentence else f"meter {serial}: {error.sentence}"
        if error.kind in OF_INDICES:
            named += (
                f"; an index closed wrongly is put right by `ami meter index {serial} KT=… --at … --correct`"
            )
        return hold_of(point[0].point, point[0].customer, period, Held(error.kind, serial, named))


def _refuse_unsaid(point: Sequence[Hung], paired: Paired, said: PeriodFacts | None) -> None:
    """A cooperative's bulk meter is billed by what somebody says of its period, or not at all."""
    known = PLANS.get(paired.supply.plan)
    if known is None or known.pricing is not Pricing.WHOLESALE:
        return
    if said is not None and said.households_with_use is not None:
        return
    first, end = local_day(paired.period.start), local_day(paired.period.end)
    serial = point[-1].serial
    raise Held(
        "no_bulk_figures",
        serial,
        f"nobody has said how many households behind bulk meter {serial} used something from "
        f"{first:%d/%m/%Y} until {end:%d/%m/%Y}, and what was retailed to others: say it (`ami bill period "
        f"{point[0].point} --from {first} --to {end} --households … --retail-kwh …`), then bill again",
    )


def hold_of(point: str, customer: str, period: Period, held: Held) -> Hold:
    sentence = held.sentence[:1].upper() + held.sentence[1:].rstrip(".") + "."
    return Hold(point, customer, held.serial, period, held.kind, sentence)


def _kinds(point: Sequence[Hung]) -> dict[str, models.MeterKind]:
    found = {}
    for place in point:
        kind = models.kind(place.model)
        if kind is None:
            said = f"meter {place.serial} is of model {place.model}, which no file describes: correct it"
            raise Held("unknown_model", place.serial, said)
        found[place.model] = kind
    return found


def _indices(
    conn: Connection[TupleRow], batch: Sequence[Sequence[Hung]], period: Period
) -> tuple[Indices, Indices]:
    """Closed indices of active import, and of reactive import."""
    points = [point[0].point for point in batch]
    found = [*closing.at(conn, period.start, points), *closing.at(conn, period.end, points)]
    for point in batch:
        instants = {at for place in point for at in index_instants(place, period, secondary=True)}
        instants.update(at for place in point for at in wished_instants(place, period))
        if instants - {period.start, period.end}:
            found += closing.history(conn, point[0].point)
    by_channel: dict[Channel, dict[tuple[str, Rate, datetime], ClosingIndex]] = defaultdict(dict)
    for index in found:
        by_channel[index.channel][index.serial, index.rate, index.at] = index
    return by_channel[Channel.ACTIVE_IMPORT], by_channel[Channel.REACTIVE_IMPORT]


def _never_read(conn: Connection[TupleRow], places: Sequence[Hung], hold: Hold) -> Hold:
    """Where an index is missing because its meter, which keeps the past, was not read at all yet: that."""
    if hold.kind not in ("no_opening_index", "no_closing_index", "no_reactive_index"):
        return hold
    kinds = [models.kind(place.model) for place in places if place.serial == hold.serial]
    if not all(kind is not None and kind.remembers for kind in kinds):
        return hold
    if not fleet.never_read(conn, [hold.serial]):
        return hold
    said = f"meter {hold.serial} was never read: read it (`ami collect --once`), then close and bill again"
    return hold_of(hold.point, hold.customer, hold.period, Held("never_read", hold.serial, said))


def count(
    conn: Connection[TupleRow],
    points: Sequence[str],
    period: Period,
    invoice_date: date,
    what_if: str = "",
    left: Mapping[str, Mapping[Rate, Decimal]] | None = None,
) -> Iterator[Counted]:
    """What becomes of each of these points, in their order. A bill that stands is counted by the VAT of its
    own day, and not checked against half-hours that came later.

    `left` by point: what the bills before leave over, where that is not as stored.
    """
    places: dict[str, list[Hung]] = defaultdict(list)
    for place in hung(conn, points=points, period=period):
        places[place.point].append(place)
    batch = [places[point] for point in points if point in places]
    indices, varh = _indices(conn, batch, period)
    over: dict[str, dict[Rate, Decimal]] = defaultdict(dict)
    for (point, rate_), wh in carried(conn, points, period.start).items():
        over[point][rate_] = wh
    over.update({point: dict(rates_) for point, rates_ in (left or {}).items()})
    issued: dict[str, list[Standing]] = defaultdict(list)
    for one in bills.standing(conn, points, period):
        issued[one.point].append(one)
    validated = sums.days_of(conn, batch, period)
    beside = Beside(varh, period_facts.said(conn, points, period), validated)
    for hanging in batch:
        point = hanging[0].point
        before = issued[point]
        on = before[0].invoice_date if before else invoice_date
        made = bill_or_hold(hanging, period, on, indices, over[point], what_if, beside)
        confirmed = False
        if isinstance(made, Bill) and not before:
            try:
                confirmed = sums.check(made, hanging, _kinds(hanging), validated)
            except Held as held:
                made = hold_of(made.point, made.customer, period, held)
        if isinstance(made, Hold) and not before:
            made = _never_read(conn, hanging, made)
        yield Counted(point, hanging[0].customer, hanging[-1].serial, made, tuple(before), confirmed)


def never_metered_holds(conn: Connection[TupleRow], period: Period, book: str | None) -> list[Hold]:
    """A hold for every customer's point that is supplied and has no meter."""
    held = []
    for point, customer in never_metered(conn, period, book):
        said = f"no meter hangs at point {point}: hang one (`ami meter add`), then bill again"
        held.append(hold_of(point, customer, period, Held("no_meter", "", said)))
    return held
