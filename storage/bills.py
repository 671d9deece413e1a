"""Bills, issued once and never rewritten."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final, Literal

from psycopg import Connection
from psycopg.rows import TupleRow

from model.bill import Bill, BillLine, RegisterUse
from model.grid import Customer, PeriodFacts
from model.period import Period, local_day, require_aware
from model.series import Rate
from model.viewer import Viewer
from storage import bill_holds, bill_reactive, period_facts
from storage.errors import BillConflict, Unknown
from storage.viewing import scope

_ISSUE: Final = """
    INSERT INTO bill (point, customer, from_at, to_at, invoice_date, plan, decisions, kwh, wh, subtotal,
        vat_percent, vat, total, issued_at, run_id, pmax_kw)
    VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
    ON CONFLICT (point, from_at, to_at) WHERE corrects IS NULL DO NOTHING RETURNING id"""
_CORRECT: Final = """
    INSERT INTO bill (point, customer, from_at, to_at, invoice_date, plan, decisions, kwh, wh, subtotal,
        vat_percent, vat, total, issued_at, run_id, pmax_kw, corrects, correction, correction_reason,
        rated_on)
    SELECT %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, NULL, %s, id, %s, %s,
        coalesce(rated_on, invoice_date)
    FROM bill WHERE id = %s RETURNING id"""
_LINE: Final = """
    INSERT INTO bill_line (bill_id, number, label, kwh, price, amount) VALUES (%s, %s, %s, %s, %s, %s)"""
_USE: Final = """
    INSERT INTO bill_use (bill_id, number, serial, rate, previous, current, multiplier, wh, kwh, status,
        removed, carried_wh)
    VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)"""
_STANDING: Final = """
    SELECT id FROM standing_bill WHERE point = %s AND from_at = %s AND to_at = %s
    ORDER BY (correction IS NOT DISTINCT FROM 'adjusts'), id"""
_REPLACED_BY: Final = "SELECT id FROM bill WHERE corrects = %s AND correction = 'replaces'"
_CORRECTED_BY: Final = "SELECT id FROM bill WHERE corrects = %s ORDER BY id"
_RUN_PERIOD: Final = """
    SELECT r.from_at, r.to_at FROM bill b JOIN billing_run r ON r.id = b.run_id WHERE b.id = %s"""
_OVERLAPPING: Final = """
    SELECT point, from_at, to_at, coalesce(rated_on, invoice_date), plan, kwh, wh, total,
        (SELECT x.total FROM bill_reactive x WHERE x.bill_id = b.id) FROM standing_bill b
    WHERE point = ANY (%s::text[]) AND from_at < %s AND to_at > %s
    ORDER BY point, from_at, (correction IS NOT DISTINCT FROM 'adjusts'), id"""
_BILL: Final = """
    SELECT b.point, b.customer, b.from_at, b.to_at, b.invoice_date, b.plan, b.decisions, b.kwh, b.wh,
        b.subtotal, b.vat_percent, b.vat, b.total, b.issued_at, coalesce(b.rated_on, b.invoice_date),
        b.correction, b.corrects, o.invoice_date, b.correction_reason, b.pmax_kw
    FROM bill b LEFT JOIN bill o ON o.id = b.corrects
    WHERE b.id = %(id)s AND (%(scope)s::text IS NULL OR b.customer = %(scope)s)"""
_LINES: Final = "SELECT label, kwh, price, amount FROM bill_line WHERE bill_id = %s ORDER BY number"
_USES: Final = """
    SELECT serial, rate, previous, current, multiplier, wh, kwh, status, removed, carried_wh
    FROM bill_use WHERE bill_id = %s ORDER BY number"""
# The supply the bill was counted by: in force when its period begins, and under the bill's own plan.
_HOUSEHOLDS: Final = """
    SELECT households, tenants FROM point_supply
    WHERE point = %s AND valid_from <= %s AND plan = %s ORDER BY valid_from DESC LIMIT 1"""
_CUSTOMER: Final = "SELECT code, name, address, book, phone, email, tax_code FROM customer WHERE code = %s"
_BILLS: Final = """
    SELECT b.id, b.point, b.customer, b.from_at, b.to_at, c.name, b.invoice_date, b.plan, b.kwh, b.wh,
        b.subtotal, b.vat, b.total, b.issued_at,
        b.corrects, coalesce(b.correction, ''), (SELECT r.id FROM bill r WHERE r.corrects = b.id
            AND r.correction = 'replaces'),
        ARRAY(SELECT DISTINCT serial FROM bill_use u WHERE u.bill_id = b.id ORDER BY serial)
    FROM bill b JOIN customer c ON c.code = b.customer
    WHERE (%(scope)s::text IS NULL OR b.customer = %(scope)s)
      AND (%(customer)s::text IS NULL OR b.customer = %(customer)s)
      AND (%(point)s::text IS NULL OR b.point = %(point)s)
      AND (%(from)s::timestamptz IS NULL OR b.to_at > %(from)s)
      AND (%(to)s::timestamptz IS NULL OR b.to_at <= %(to)s)
    ORDER BY b.to_at DESC, b.point, b.from_at DESC, b.id DESC LIMIT %(limit)s OFFSET %(offset)s"""
# What was issued and holds: a replaced bill counts no more, an adjustment adds to the bill it is of.
_SUMS: Final = """
    SELECT count(*) FILTER (WHERE b.correction IS DISTINCT FROM 'adjusts')::integer,
        coalesce(sum(b.kwh), 0)::bigint, coalesce(sum(b.total), 0)::bigint
    FROM standing_bill b WHERE (%(scope)s::text IS NULL OR b.customer = %(scope)s)
      AND (%(from)s::timestamptz IS NULL OR b.to_at > %(from)s)
      AND (%(to)s::timestamptz IS NULL OR b.to_at <= %(to)s)"""
_NO_FIGURES: Final = ("invoice_date", "pmax_kw")  # half-hours that come later may name another peak
# A bill belongs to the month whose last instant, or an earlier one, ends its period.
_MONTHS: Final = """
    SELECT DISTINCT date_trunc('month', (to_at - INTERVAL '1 microsecond')
        AT TIME ZONE 'Asia/Ho_Chi_Minh')::date AS month
    FROM (SELECT customer, to_at FROM bill
        UNION ALL SELECT customer, to_at FROM bill_hold WHERE %(holds)s) known
    WHERE %(scope)s::text IS NULL OR customer = %(scope)s
    ORDER BY month DESC LIMIT %(limit)s"""


@dataclass(frozen=True, slots=True)
class BillRow:
    """A bill in a list. `wh` exact, `kwh` as billed; đồng. `corrects` another, which it `adjusts` or
    `replaces` (`correction`); `replaced_by` the one that holds instead of it."""

    id: int
    point: str
    customer: str
    period: Period
    serials: tuple[str, ...]
    customer_name: str
    invoice_date: date
    plan: str
    kwh: int
    wh: Decimal
    subtotal: int
    vat: int
    total: int
    issued_at: datetime
    corrects: int | None = None
    correction: str = ""
    replaced_by: int | None = None


@dataclass(frozen=True, slots=True)
class Corrects:
    """The bill that another one is instead of (`replaces`), or whose amount it changes."""

    replaces: bool
    number: int
    invoice_date: date
    reason: str


@dataclass(frozen=True, slots=True)
class BillSheet:
    """A bill with all that is printed on it. `households` share the meter, and so each tier's quota;
    `rated_on` is the day whose VAT holds; `corrected_by` are the bills that adjust or replace it."""

    id: int
    bill: Bill
    customer: Customer
    issued_at: datetime
    households: Decimal = Decimal(1)
    rated_on: date = date.min
    corrects: Corrects | None = None
    corrected_by: tuple[int, ...] = ()
    tenants: int | None = None
    said: PeriodFacts | None = None


@dataclass(frozen=True, slots=True)
class Standing:
    """A bill that was issued and stands, or an adjustment of it. kWh as billed, `wh` exact; `total` in đồng;
    the invoice date is the one whose VAT holds."""

    point: str
    period: Period
    invoice_date: date
    plan: str
    kwh: int
    wh: Decimal
    total: int
    reactive: int | None = None  # of the surcharge, in đồng; None: there is none


def standing(conn: Connection[TupleRow], points: Sequence[str], period: Period) -> list[Standing]:
    """The bills of these points whose periods have an instant in common with this one."""
    rows = conn.execute(_OVERLAPPING, [list(points), period.end, period.start])
    return [Standing(point, Period(start, end), *rest) for point, start, end, *rest in rows]


def save(
    conn: Connection[TupleRow], bill: Bill, issued_at: datetime, *, run: int | None = None
) -> Literal["issued", "unchanged"]:
    """Issue a bill; what held it is over. The same bill again is left as it is, the date of its invoice as
    well. `run` is the billing run it goes out with.

    Raises BillConflict when one was issued for the point and period with other figures.
    """
    key = [bill.point, bill.period.start, bill.period.end]
    figures = [bill.kwh, bill.wh, bill.subtotal, bill.vat_percent, bill.vat, bill.total]
    head = [bill.point, bill.customer, *key[1:], bill.invoice_date, bill.plan, list(bill.decisions), *figures]
    issued = None
    if conn.execute(_STANDING, key).fetchone() is None:  # else the insert would use up a bill's number
        issued = conn.execute(_ISSUE, [*head, require_aware(issued_at), run, bill.pmax_kw]).fetchone()
    if issued is None:
        _compare(conn, bill, key)
    else:
        _write_parts(conn, issued[0], bill)
    bill_holds.drop(conn, bill.point, bill.period)
    return "unchanged" if issued is None else "issued"


def _write_parts(conn: Connection[TupleRow], bill_id: int, bill: Bill) -> None:
    if bill.reactive is not None:
        bill_reactive.save(conn, bill_id, bill.reactive)
    with conn.cursor() as cursor:
        cursor.executemany(
            _LINE,
            [
                (bill_id, number, line.label, line.kwh, line.price, line.amount)
                for number, line in enumerate(bill.lines, 1)
            ],
        )
        cursor.executemany(
            _USE,
            [
                (
                    bill_id,
                    number,
                    use.serial,
                    int(use.rate),
                    use.previous,
                    use.current,
                    use.multiplier,
                    use.wh,
                    use.kwh,
                    use.status,
                    use.removed,
                    use.carried_wh,
                )
                for number, use in enumerate(bill.uses, 1)
            ],
        )


def save_correction(
    conn: Connection[TupleRow], bill: Bill, issued_at: datetime, *, corrects: int, kind: str, reason: str
) -> int:
    """Issue a bill that adjusts or replaces (`kind`) another, for a reason; its number."""
    figures = [bill.kwh, bill.wh, bill.subtotal, bill.vat_percent, bill.vat, bill.total]
    head = [bill.point, bill.customer, bill.period.start, bill.period.end, bill.invoice_date, bill.plan]
    named = [bill.pmax_kw, kind, reason, corrects]
    values = [*head, list(bill.decisions), *figures, require_aware(issued_at), *named]
    row = conn.execute(_CORRECT, values).fetchone()
    if row is None:
        raise Unknown("bill", str(corrects))
    _write_parts(conn, row[0], bill)
    return int(row[0])


def standing_bills(conn: Connection[TupleRow], point: str, period: Period) -> list[Bill]:
    """The bill of a point and period that holds, then its adjustments."""
    numbers = [number for (number,) in conn.execute(_STANDING, [point, period.start, period.end])]
    sheets = [_read(conn, number, None) for number in numbers]
    return [sheet.bill for sheet in sheets if sheet is not None]


def replaced_by(conn: Connection[TupleRow], number: int) -> int | None:
    """The bill that holds instead of this one, if any does."""
    row = conn.execute(_REPLACED_BY, [number]).fetchone()
    return None if row is None else int(row[0])


def run_period(conn: Connection[TupleRow], number: int) -> Period | None:
    """The period of the run a bill went out with, of which its own may be a part."""
    row = conn.execute(_RUN_PERIOD, [number]).fetchone()
    return None if row is None else Period(*row)


def contradiction(conn: Connection[TupleRow], bill: Bill) -> str:
    """In what the bill that was issued for the same point and period differs from this; empty: in nothing."""
    try:
        _compare(conn, bill, [bill.point, bill.period.start, bill.period.end])
    except BillConflict as conflict:
        return str(conflict)
    return ""


def _compare(conn: Connection[TupleRow], bill: Bill, key: list[object]) -> None:
    found = conn.execute(_STANDING, key).fetchone()
    standing = None if found is None else _read(conn, found[0], None)
    if standing is None:
        raise Unknown("bill of point", bill.point)
    differing = tuple(
        field.name
        for field in fields(Bill)
        if field.name not in _NO_FIGURES and getattr(standing.bill, field.name) != getattr(bill, field.name)
    )
    if differing:
        raise BillConflict(bill.point, bill.period.shown, differing)


def bill(conn: Connection[TupleRow], viewer: Viewer, bill_id: int) -> BillSheet | None:
    """One bill; None where it is not theirs or not there."""
    return _read(conn, bill_id, scope(viewer))


def _read(conn: Connection[TupleRow], bill_id: int, customer_scope: str | None) -> BillSheet | None:
    head = conn.execute(_BILL, {"id": bill_id, "scope": customer_scope}).fetchone()
    if head is None:
        return None
    point, customer, start, end, invoice_date, plan, decisions, *figures = head
    kwh, wh, subtotal, vat_percent, vat, total, issued_at, rated_on, *others, pmax_kw = figures
    kind, original, dated, reason = others
    known = conn.execute(_CUSTOMER, [customer]).fetchone()
    assert known is not None  # a foreign key
    shared = conn.execute(_HOUSEHOLDS, [point, local_day(start), plan]).fetchone()
    lines = tuple(BillLine(*row) for row in conn.execute(_LINES, [bill_id]))
    uses = tuple(
        RegisterUse(serial, Rate(rate), *rest) for serial, rate, *rest in conn.execute(_USES, [bill_id])
    )
    return BillSheet(
        bill_id,
        Bill(
            point,
            customer,
            Period(start, end),
            invoice_date,
            plan,
            tuple(decisions),
            uses,
            lines,
            kwh,
            wh,
            subtotal,
            vat_percent,
            vat,
            total,
            bill_reactive.of(conn, bill_id),
            pmax_kw,
        ),
        Customer(*known),
        issued_at,
        Decimal(1) if shared is None else shared[0],
        rated_on,
        None if kind is None else Corrects(kind == "replaces", original, dated, reason),
        tuple(number for (number,) in conn.execute(_CORRECTED_BY, [bill_id])),
        tenants=None if shared is None else shared[1],
        said=_said(conn, point, Period(start, end), issued_at),
    )


def _said(conn: Connection[TupleRow], point: str, period: Period, at: datetime) -> PeriodFacts | None:
    """What counted of the period when the bill was issued."""
    key = (point, local_day(period.start), local_day(period.end))
    return period_facts.said(conn, [point], period, until=at).get(key)


def bills(
    conn: Connection[TupleRow],
    viewer: Viewer,
    *,
    customer: str | None = None,
    point: str | None = None,
    month: date | None = None,
    limit: int = 200,
    offset: int = 0,
) -> list[BillRow]:
    """Bills the viewer may see, the latest first: of a customer, of a point, or whose period ends in or
    with the month of the day given."""
    asked = {"scope": scope(viewer), "customer": customer, "point": point, "limit": limit, "offset": offset}
    return [_row(*row) for row in conn.execute(_BILLS, asked | bill_holds.ends_in(month))]


def sums(conn: Connection[TupleRow], viewer: Viewer, month: date | None = None) -> tuple[int, int, int]:
    """(bills, kWh, đồng with VAT) of all that `bills` tells of the month, however many: each point's once."""
    row = conn.execute(_SUMS, {"scope": scope(viewer)} | bill_holds.ends_in(month)).fetchone()
    assert row is not None
    return row[0], row[1], row[2]


def _row(bill_id: int, point: str, customer: str, start: datetime, end: datetime, *rest: Any) -> BillRow:
    *others, serials = rest
    return BillRow(bill_id, point, customer, Period(start, end), tuple(serials), *others)


def months(
    conn: Connection[TupleRow], viewer: Viewer, *, with_holds: bool = False, limit: int = 12
) -> list[date]:
    """The first days of the months that have bills, or held ones too, of those the viewer may see; the
    latest first."""
    asked = {"scope": scope(viewer), "holds": with_holds, "limit": limit}
    return [month for (month,) in conn.execute(_MONTHS, asked)]
