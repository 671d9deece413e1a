"""What a billing run comes to, by plan, station and book, beside the bills of the period before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Final, LiteralString

from psycopg import Connection
from psycopg.rows import TupleRow, class_row

from storage.station_heads import HEADS

_SUMS: Final = """
    SELECT count(*) FILTER (WHERE outcome = 'bill')::integer AS bills,
        count(*) FILTER (WHERE outcome = 'held')::integer AS held,
        count(*) FILTER (WHERE outcome = 'stands')::integer AS standing,
        count(*) FILTER (WHERE outcome = 'conflict')::integer AS conflicts,
        coalesce(sum(kwh) FILTER (WHERE outcome = 'bill'), 0)::bigint AS kwh,
        coalesce(sum(wh) FILTER (WHERE outcome = 'bill'), 0) AS wh,
        coalesce(sum(subtotal) FILTER (WHERE outcome = 'bill'), 0)::bigint AS subtotal,
        coalesce(sum(vat) FILTER (WHERE outcome = 'bill'), 0)::bigint AS vat,
        coalesce(sum(total) FILTER (WHERE outcome = 'bill'), 0)::bigint AS total,
        coalesce(sum(reactive) FILTER (WHERE outcome = 'bill'), 0)::bigint AS reactive,
        coalesce(sum(wh) FILTER (WHERE outcome = 'stands'), 0) AS standing_wh,
        coalesce(sum(total) FILTER (WHERE outcome = 'stands'), 0)::bigint AS standing_total
    FROM billing_run_item WHERE run_id = %s"""

# The bills of the points of a run, and those of the same customers' points that ended where it begins.
_BY: Final = """
    WITH here AS (
        SELECT {key} AS key, count(*) AS bills, sum(t.kwh) AS kwh, sum(t.total) AS total
        FROM billing_run_item t JOIN point p ON p.code = t.point JOIN customer c ON c.code = t.customer
        WHERE t.run_id = %(run)s AND t.outcome IN ('bill', 'stands') GROUP BY 1),
    before AS (
        SELECT {before} AS key, count(*) FILTER (WHERE b.correction IS DISTINCT FROM 'adjusts') AS bills,
            sum(b.kwh) AS kwh, sum(b.total) AS total
        FROM billing_run r JOIN standing_bill b ON b.to_at = r.from_at
        JOIN point p ON p.code = b.point JOIN customer c ON c.code = b.customer
        WHERE r.id = %(run)s AND (r.book IS NULL OR c.book = r.book)
        GROUP BY 1)
    SELECT coalesce(here.key, before.key) AS key, coalesce(here.bills, 0)::integer AS bills,
        coalesce(here.kwh, 0)::bigint AS kwh, coalesce(here.total, 0)::bigint AS total,
        coalesce(before.bills, 0)::integer AS bills_before, coalesce(before.kwh, 0)::bigint AS kwh_before,
        coalesce(before.total, 0)::bigint AS total_before
    FROM here FULL JOIN before USING (key) ORDER BY 1"""


class By(StrEnum):
    """What totals are broken down by."""

    PLAN = "plan"
    STATION = "station"
    BOOK = "book"


_KEYS: Final[dict[By, tuple[LiteralString, LiteralString]]] = {
    By.PLAN: ("t.plan", "b.plan"),
    By.STATION: ("p.station", "p.station"),
    By.BOOK: ("c.book", "c.book"),
}


@dataclass(frozen=True, slots=True)
class Sums:
    """Counts of outcomes; kWh, Wh and đồng of the bills that go out, and of those that stand; `reactive` is
    what surcharges come to beside them, with VAT."""

    bills: int
    held: int
    standing: int
    conflicts: int
    kwh: int
    wh: Decimal
    subtotal: int
    vat: int
    total: int
    reactive: int
    standing_wh: Decimal
    standing_total: int


@dataclass(frozen=True, slots=True)
class Total:
    """Of one plan, station or book: bills (those that stand included), kWh and đồng with VAT; and before."""

    key: str
    bills: int
    kwh: int
    total: int
    bills_before: int
    kwh_before: int
    total_before: int


def sums(conn: Connection[TupleRow], number: int) -> Sums:
    with conn.cursor(row_factory=class_row(Sums)) as cursor:
        found = cursor.execute(_SUMS, [number]).fetchone()
    assert found is not None
    return found


def totals(conn: Connection[TupleRow], number: int, by: By) -> list[Total]:
    """By key, beside the bills whose period ends where this run's begins."""
    here, before = _KEYS[by]
    statement = _BY.replace("{key}", here).replace("{before}", before)
    with conn.cursor(row_factory=class_row(Total)) as cursor:
        return cursor.execute(statement.encode(), {"run": number}).fetchall()


# -- what the checks look at

# A bill's use a day beside that of the period before, and of the same one a year before.
_COMPARED: Final = """
    SELECT t.point, t.customer, t.serial, t.plan, t.kwh, t.confirmed,
        extract(epoch FROM r.to_at - r.from_at) / 86400 AS days,
        before.kwh AS kwh_before, before.days AS days_before, year.kwh AS kwh_year, year.days AS days_year,
        EXISTS (SELECT FROM meter m JOIN register_read g ON g.meter_id = m.id
            WHERE m.serial = t.serial AND g.source IN ('manual', 'import') AND g.channel = 1
              AND g.at > r.to_at AND g.at < r.to_at + INTERVAL '40 days') AS read_again
    FROM billing_run r JOIN billing_run_item t ON t.run_id = r.id AND t.outcome = 'bill'
    LEFT JOIN LATERAL (
        SELECT sum(b.kwh)::bigint AS kwh, extract(epoch FROM max(b.to_at) - min(b.from_at)) / 86400 AS days
        FROM standing_bill b WHERE b.point = t.point AND b.customer = t.customer AND b.to_at = r.from_at
        HAVING count(*) > 0) AS before ON true
    LEFT JOIN LATERAL (
        SELECT sum(b.kwh)::bigint AS kwh, extract(epoch FROM max(b.to_at) - min(b.from_at)) / 86400 AS days
        FROM standing_bill b WHERE b.point = t.point AND b.customer = t.customer
          AND b.from_at = r.from_at - INTERVAL '1 year'
        HAVING count(*) > 0) AS year ON true
    WHERE r.id = %s AND (before.kwh IS NOT NULL OR year.kwh IS NOT NULL) ORDER BY t.point"""
# Bills of single-rate meters where three rates may be mandatory: this month's use and that of the two before.
_ONE_RATE: Final = """
    SELECT t.point, t.customer, t.serial, s.transformer_kva, least(t.kwh, min(b.kwh))::bigint AS least_kwh,
        count(b.id) = 2 AS three_months
    FROM billing_run r JOIN billing_run_item t ON t.run_id = r.id AND t.outcome = 'bill'
        AND t.plan = ANY (%(plans)s)
    CROSS JOIN LATERAL (SELECT one_rate, three_rate_refused, transformer_kva FROM point_supply
        WHERE point = t.point AND valid_from <= (r.from_at AT TIME ZONE 'Asia/Ho_Chi_Minh')::date
        ORDER BY valid_from DESC LIMIT 1) s
    LEFT JOIN bill b ON b.point = t.point AND b.corrects IS NULL
        AND b.to_at IN (r.from_at, r.from_at - INTERVAL '1 month')
    WHERE r.id = %(run)s AND s.one_rate AND NOT s.three_rate_refused
    GROUP BY t.point, t.customer, t.serial, t.kwh, s.transformer_kva ORDER BY t.point"""
_HEADS: Final = HEADS + " ORDER BY p.code"
_ISSUED: Final = """
    SELECT count(*)::bigint, (SELECT count(*) FROM bill_line l JOIN bill b ON b.id = l.bill_id
        WHERE b.run_id = %(run)s)::bigint, coalesce(sum(total), 0)::bigint
    FROM bill WHERE run_id = %(run)s"""
# Indices that nobody read and that bills of the run stand upon, of the registers a bill goes by: three rates
# for a three-rate supply, else the total, where one is known.
_COUNTED: Final = """
    SELECT t.point, t.customer, m.serial, m.id AS meter_id, c.method, c.rate, c.at
    FROM billing_run r JOIN billing_run_item t ON t.run_id = r.id AND t.outcome = 'bill'
    JOIN closing_index c ON c.point = t.point AND c.at BETWEEN r.from_at AND r.to_at AND c.channel = 1
        AND c.method = ANY (%s)
    JOIN meter m ON m.id = c.meter_id
    LEFT JOIN LATERAL (SELECT one_rate FROM point_supply s
        WHERE s.point = t.point AND s.valid_from <= r.from_at AT TIME ZONE 'Asia/Ho_Chi_Minh'
        ORDER BY valid_from DESC LIMIT 1) s ON true
    WHERE r.id = %s AND CASE WHEN c.rate = 0 THEN s.one_rate IS NOT FALSE
        ELSE s.one_rate IS FALSE OR NOT EXISTS (SELECT FROM closing_index o WHERE o.meter_id = c.meter_id
            AND o.channel = 1 AND o.rate = 0 AND o.at = c.at) END
    ORDER BY t.point, m.serial, c.method, c.rate, c.at"""
# Delivered and sold of a station whose points are all counted or stand.
_STATIONS: Final = """
    SELECT p.station, sum(t.wh) AS wh, bool_and(t.outcome IN ('bill', 'stands')) AS whole
    FROM billing_run_item t JOIN point p ON p.code = t.point WHERE t.run_id = %s GROUP BY 1 ORDER BY 1"""


@dataclass(frozen=True, slots=True)
class Compared:
    """A bill of the run, and what was billed before; None where nothing was. `read_again`: somebody read the
    meter after the period."""

    point: str
    customer: str
    serial: str
    plan: str
    kwh: int
    confirmed: bool
    days: Decimal
    kwh_before: int | None
    days_before: Decimal | None
    kwh_year: int | None
    days_year: Decimal | None
    read_again: bool


@dataclass(frozen=True, slots=True)
class CountedIndex:
    """A closing index that nobody read, and the bill that stands upon it."""

    point: str
    customer: str
    serial: str
    meter_id: int
    method: str
    rate: int
    at: datetime


def compared(conn: Connection[TupleRow], number: int) -> list[Compared]:
    """Every bill of the run beside its past, by point."""
    with conn.cursor(row_factory=class_row(Compared)) as cursor:
        return cursor.execute(_COMPARED, [number]).fetchall()


def sold(conn: Connection[TupleRow], number: int) -> list[tuple[str, Decimal, bool]]:
    """(station, Wh sold to the points of the run, whether all of them have a bill)."""
    return [(station, wh, whole) for station, wh, whole in conn.execute(_STATIONS, [number])]


def counted_indices(conn: Connection[TupleRow], number: int, methods: Sequence[str]) -> list[CountedIndex]:
    """The indices by such a method that the bills of the run stand upon, by point, meter and method."""
    with conn.cursor(row_factory=class_row(CountedIndex)) as cursor:
        return cursor.execute(_COUNTED, [list(methods), number]).fetchall()


def issued(conn: Connection[TupleRow], number: int) -> tuple[int, int, int]:
    """(bills, lines, đồng) that went out with the run."""
    row = conn.execute(_ISSUED, {"run": number}).fetchone()
    assert row is not None
    return row[0], row[1], row[2]


def station_heads(conn: Connection[TupleRow]) -> list[str]:
    """The points where stations are measured."""
    return [code for (code,) in conn.execute(_HEADS)]


@dataclass(frozen=True, slots=True)
class OneRate:
    """A bill of a single-rate meter: the least kWh of this month and, where `three_months`, of the two
    before."""

    point: str
    customer: str
    serial: str
    transformer_kva: Decimal | None
    least_kwh: int
    three_months: bool


def one_rate(conn: Connection[TupleRow], number: int, plans: Sequence[str]) -> list[OneRate]:
    """Single-rate meters of these plans that nobody refused to change, among the bills of the run."""
    with conn.cursor(row_factory=class_row(OneRate)) as cursor:
        return cursor.execute(_ONE_RATE, {"run": number, "plans": list(plans)}).fetchall()
