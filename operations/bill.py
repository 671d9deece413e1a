"""Billing a closed period: a bill for every customer's point, or a hold with its reason.

A bill once issued is never rewritten: run twice, the second run finds the same figures and leaves them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal

from psycopg import Connection
from psycopg.rows import TupleRow

from analytics.billing import Request, rate, use_register
from analytics.errors import AnalyticsError
from model.bill import Bill, BillLine, ClosingIndex, Hold
from model.grid import Role
from model.money import Dong
from model.period import LOCAL, Period, local_day
from model.series import Channel, Rate
from operations import models, sums
from operations.errors import InputError
from operations.pairing import Held, Paired, index_instants, pair
from storage import bills, closing, fleet
from storage.bills import Standing
from storage.carry import carried
from storage.days import DayMatrix
from storage.errors import BillConflict
from storage.pool import Pool
from storage.register import Hung, hung, never_metered

POINTS = 500  # a transaction
INVOICED_WITHIN = timedelta(days=366)  # of today: a day beyond it is a slip of the pen

Indices = dict[tuple[str, Rate, datetime], ClosingIndex]


@dataclass(frozen=True, slots=True)
class BillReport:
    """Bills issued now and before, those held, and bills that stand although the figures say otherwise now.

    `wh_billed` (exact, before rounding to kWh) and `amount` (đồng) are of all bills of the period that stand.
    """

    issued: int = 0
    unchanged: int = 0
    held: tuple[Hold, ...] = ()
    conflicts: tuple[str, ...] = ()
    wh_billed: Decimal = Decimal(0)
    amount: Dong = 0

    def __add__(self, other: BillReport) -> BillReport:
        return BillReport(
            self.issued + other.issued,
            self.unchanged + other.unchanged,
            self.held + other.held,
            self.conflicts + other.conflicts,
            self.wh_billed + other.wh_billed,
            self.amount + other.amount,
        )

    def __bool__(self) -> bool:
        return self != BillReport()


def make(point: Sequence[Hung], paired: Paired, invoice_date: date) -> Bill:
    """The bill of a point from its register parts. Raises `AnalyticsError` where it cannot be rated."""
    supply = paired.supply
    start, end = local_day(paired.period.start), local_day(paired.period.end)
    rated = rate(
        Request(
            plan=supply.plan,
            start=start,
            end=end,
            invoice_date=invoice_date,
            registers=paired.parts,
            households=supply.households,
            voltage_kv=supply.voltage_kv,
            one_rate=supply.one_rate,
            reason=paired.reason,
            readings_at_change=_before_the_change(paired),
        ),
        binding=True,
    )
    return Bill(
        point=point[0].point,
        customer=point[0].customer,
        period=paired.period,
        invoice_date=invoice_date,
        plan=supply.plan,
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
) -> Bill | Hold:
    """What becomes of a point: its bill, or why there is none, in one sentence that names the meter."""
    try:
        kinds = _kinds(point)
        return make(point, pair(point, period, indices, left, kinds), invoice_date)
    except Held as held:
        return _hold(point[0].point, point[0].customer, period, held)
    except AnalyticsError as error:
        serial = point[-1].serial
        named = error.sentence if serial in error.sentence else f"meter {serial}: {error.sentence}"
        return _hold(point[0].point, point[0].customer, period, Held(error.kind, serial, named))


def _hold(point: str, customer: str, period: Period, held: Held) -> Hold:
    sentence = held.sentence[:1].upper() + held.sentence[1:].rstrip(".") + "."
    return Hold(point, customer, held.serial, period, held.kind, sentence)


def _checked(made: Bill, point: Sequence[Hung], period: Period, validated: DayMatrix) -> Bill | Hold:
    try:
        sums.check(made, point, _kinds(point), validated)
    except Held as held:
        return _hold(made.point, made.customer, period, held)
    return made


def _never_metered(conn: Connection[TupleRow], period: Period, now: datetime) -> BillReport:
    """A hold for every customer's point that is supplied and has no meter."""
    held = []
    for point, customer in never_metered(conn, period):
        said = f"no meter hangs at point {point}: hang one (`ami meter add`), then bill again"
        held.append(_hold(point, customer, period, Held("no_meter", "", said)))
    bills.drop_holds(conn, period, "no_meter", but=[hold.point for hold in held])
    bills.save_holds(conn, held, now)
    return BillReport(held=tuple(held))


def _kinds(point: Sequence[Hung]) -> dict[str, models.MeterKind]:
    found = {}
    for place in point:
        kind = models.kind(place.model)
        if kind is None:
            said = f"meter {place.serial} is of model {place.model}, which no file describes: correct it"
            raise Held("unknown_model", place.serial, said)
        found[place.model] = kind
    return found


def _indices(conn: Connection[TupleRow], batch: Sequence[Sequence[Hung]], period: Period) -> Indices:
    points = [point[0].point for point in batch]
    found = [*closing.at(conn, period.start, points), *closing.at(conn, period.end, points)]
    for point in batch:
        instants = {at for place in point for at in index_instants(place, period, secondary=True)}
        if instants - {period.start, period.end}:
            found += closing.history(conn, point[0].point)
    return {
        (index.serial, index.rate, index.at): index
        for index in found
        if index.channel is Channel.ACTIVE_IMPORT
    }


def _batches(conn: Connection[TupleRow], period: Period) -> Iterator[list[list[Hung]]]:
    by_point: dict[str, list[Hung]] = defaultdict(list)
    for place in hung(conn, period=period):
        if place.role is Role.CUSTOMER:
            by_point[place.point].append(place)
    points = list(by_point.values())
    for start in range(0, len(points), POINTS):
        yield points[start : start + POINTS]


def _issue(conn: Connection[TupleRow], bill: Bill, now: datetime) -> BillReport:
    try:
        outcome = bills.save(conn, bill, now)
    except BillConflict as conflict:
        return BillReport(conflicts=(str(conflict),))
    issued = int(outcome == "issued")
    return BillReport(issued=issued, unchanged=1 - issued, wh_billed=bill.wh, amount=bill.total)


def _batch(
    conn: Connection[TupleRow],
    batch: Sequence[Sequence[Hung]],
    period: Period,
    invoice_date: date,
    now: datetime,
) -> BillReport:
    indices = _indices(conn, batch, period)
    left: dict[str, dict[Rate, Decimal]] = defaultdict(dict)
    for (point, rate_), wh in carried(conn, [point[0].point for point in batch], period.start).items():
        left[point][rate_] = wh
    report = BillReport()
    issued: dict[str, list[Standing]] = defaultdict(list)
    for one in bills.standing(conn, [point[0].point for point in batch], period):
        issued[one.point].append(one)
    validated = sums.days_of(conn, batch, period)
    for places in batch:
        point = places[0].point
        before = issued[point]
        # What stands is counted again by the VAT of its own day, not by that of today's run.
        on = before[0].invoice_date if before else invoice_date
        made = bill_or_hold(places, period, on, indices, left[point])
        if isinstance(made, Bill) and not before:
            made = _checked(made, places, period, validated)
        if isinstance(made, Hold) and not before:
            made = _never_read(conn, places, made)
            bills.save_holds(conn, [made], now)
            report += BillReport(held=(made,))
            continue
        bills.drop_hold(conn, point, period)
        if isinstance(made, Bill) and (not before or made.period in [one.period for one in before]):
            report += _issue(conn, made, now)
        else:
            report += _stands(before, made)
    return report


def _never_read(conn: Connection[TupleRow], places: Sequence[Hung], hold: Hold) -> Hold:
    """Where an index is missing because its meter, which keeps the past, was not read at all yet: that."""
    if hold.kind not in ("no_opening_index", "no_closing_index"):
        return hold
    kinds = [models.kind(place.model) for place in places if place.serial == hold.serial]
    if not all(kind is not None and kind.remembers for kind in kinds):
        return hold
    if not fleet.never_read(conn, [hold.serial]):
        return hold
    said = f"meter {hold.serial} was never read: read it (`ami collect --once`), then close and bill again"
    return _hold(hold.point, hold.customer, hold.period, Held("never_read", hold.serial, said))


def _stands(before: Sequence[Standing], made: Bill | Hold) -> BillReport:
    """What was issued before is neither held nor rewritten; a period that differs now is told."""
    if isinstance(made, Bill):
        return BillReport(conflicts=(str(BillConflict(made.point, _days(before[0].period), ("period",))),))
    wh, amount = sum((one.wh for one in before), Decimal(0)), sum(one.total for one in before)
    return BillReport(unchanged=1, wh_billed=wh, amount=amount)


def _days(period: Period) -> str:
    return f"{local_day(period.start):%d/%m/%Y} – {local_day(period.end):%d/%m/%Y}"


def _refuse_invoice_date(invoice_date: date, first: date, today: date) -> None:
    told = f"the invoice date {invoice_date:%d/%m/%Y}"
    if invoice_date < first:
        last = first - timedelta(days=1)
        raise InputError(
            f"{told} is not after the billed period, whose last day is {last:%d/%m/%Y}: "
            f"give {first:%d/%m/%Y} or a later day"
        )
    if invoice_date - today > INVOICED_WITHIN:
        raise InputError(f"{told} is more than a year ahead: correct its year")


def run(pool: Pool, period: Period, invoice_date: date, now: datetime) -> BillReport:
    """Bill every customer's point for a closed period; `invoice_date` decides the VAT.

    Raises `InputError` when the period has not ended, and for an invoice date before its end or more than a
    year ahead.
    """
    if period.end > now:
        raise InputError(
            f"the period ends on {period.end.astimezone(LOCAL):%d/%m/%Y}, which is still to come: "
            f"bill it then"
        )
    _refuse_invoice_date(invoice_date, local_day(period.end), local_day(now))
    report = BillReport()
    with pool.connection() as conn:
        batches = list(_batches(conn, period))
        report += _never_metered(conn, period, now)
    for batch in batches:
        with pool.connection() as conn:
            report += _batch(conn, batch, period, invoice_date, now)
    return report
