"""What plain bills are counted from, read in one pass: a row a register, with the point it bills.

Plain is a point with one meter all the period, one multiplier and one supply with nothing special about it
(tenants, reactive energy …), and both indices of every register that bills it, with that of the instant
between at which prices change, where there is one; of any other point there is one row that says `odd`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from psycopg import Connection
from psycopg.rows import TupleRow

from model.bill import COUNTED_BY
from model.period import Period, local_day
from storage.billing_runs import UNDRAFTED, UNISSUED, Run

FETCHED: Final = 20_000  # rows at a time
FEW: Final = 200  # points that are looked up one by one

_DRAFTED: Final = (
    """
    SELECT p.code AS point, p.customer, NULL::text AS plan, 0::bigint AS kwh, 0::numeric AS wh,
        0::bigint AS subtotal, 0::bigint AS vat, 0::bigint AS total"""
    + UNDRAFTED
)
_APPROVED: Final = (
    """
    SELECT t.point, p.customer, CASE WHEN p.customer = t.customer THEN t.plan END AS plan, t.kwh, t.wh,
        t.subtotal, t.vat, t.total
    FROM billing_run_item t JOIN point p ON p.code = t.point"""
    + UNISSUED
)
_DETERMINANTS: Final = """,
    hanging AS (
        SELECT i.point, min(i.meter_id) AS meter_id FROM installation i
        WHERE i.since < %(end)s AND coalesce(i.until, 'infinity') > %(start)s
        GROUP BY i.point HAVING count(*) = 1 AND min(i.since) <= %(start)s
            AND min(coalesce(i.until, 'infinity')) >= %(end)s),
    supply AS (
        SELECT DISTINCT ON (point) point, plan, households, voltage_kv, one_rate,
            tenants IS NOT NULL OR undeclared OR three_rate_refused OR coalesce(
                buys_reactive, contract_kw IS NOT NULL OR transformer_kva IS NOT NULL) AS special
        FROM point_supply
        WHERE valid_from <= %(first)s ORDER BY point DESC, valid_from DESC),
    resupplied AS (
        SELECT DISTINCT point FROM point_supply WHERE valid_from > %(first)s AND valid_from <= %(last)s),
    multiplier AS (
        SELECT DISTINCT ON (point) point, value FROM point_multiplier
        WHERE valid_from <= %(start)s ORDER BY point DESC, valid_from DESC),
    remultiplied AS (
        SELECT DISTINCT point FROM point_multiplier WHERE valid_from > %(start)s AND valid_from < %(end)s),
    left_over AS (
        SELECT b.point, u.rate, sum(u.wh + u.carried_wh - u.kwh * 1000) AS wh
        FROM standing_bill b JOIN bill_use u ON u.bill_id = b.id
        WHERE b.to_at = %(start)s
        GROUP BY b.point, u.rate),
    told AS (SELECT DISTINCT point FROM point_period WHERE first_day <= %(last)s AND end_day > %(first)s),
    issued AS (SELECT DISTINCT point FROM bill WHERE from_at < %(end)s AND to_at > %(start)s)
    SELECT w.point, w.customer, w.plan, w.kwh, w.wh, w.subtotal, w.vat, w.total,
        h.meter_id, m.serial, m.model, m.digits, s.plan, s.households, s.voltage_kv, s.one_rate,
        coalesce(x.value, 1), n.rate, o.raw, b.raw, c.raw, c.scaler,
        coalesce(l.wh, 0),
        coalesce(h.point IS NULL OR s.point IS NULL OR s.special OR told.point IS NOT NULL
            OR rs.point IS NOT NULL OR rx.point IS NOT NULL
            OR done.point IS NOT NULL OR o.raw IS NULL OR c.raw IS NULL OR o.scaler <> c.scaler
            OR o.point <> w.point OR c.point <> w.point
            OR c.raw < o.raw OR c.status <> '' OR c.method = ANY (%(counted)s)
            OR b.raw < o.raw OR b.raw > c.raw OR b.scaler <> o.scaler OR b.point <> w.point OR b.status <> ''
            OR b.method = ANY (%(counted)s), FALSE) AS odd
    FROM wanted w
    LEFT JOIN hanging h ON h.point = w.point
    LEFT JOIN meter m ON m.id = h.meter_id
    LEFT JOIN supply s ON s.point = w.point
    LEFT JOIN resupplied rs ON rs.point = w.point
    LEFT JOIN multiplier x ON x.point = w.point
    LEFT JOIN remultiplied rx ON rx.point = w.point
    LEFT JOIN told ON told.point = w.point
    LEFT JOIN issued done ON done.point = w.point
    CROSS JOIN LATERAL unnest(
        CASE WHEN s.one_rate IS FALSE THEN '{1,2,3}'::smallint[] ELSE '{0}'::smallint[] END) AS n (rate)
    LEFT JOIN closing_index o ON o.meter_id = h.meter_id AND o.channel = 1 AND o.rate = n.rate
        AND o.at = %(start)s
    LEFT JOIN closing_index c ON c.meter_id = h.meter_id AND c.channel = 1 AND c.rate = n.rate
        AND c.at = %(end)s
    LEFT JOIN closing_index b ON b.meter_id = h.meter_id AND b.channel = 1 AND b.rate = n.rate
        AND b.at = %(between)s
    LEFT JOIN left_over l ON l.point = w.point AND l.rate = n.rate
    ORDER BY w.point, n.rate"""


@dataclass(frozen=True, slots=True)
class Columns:
    """Rows of registers as columns; those of a point lie together, by rate."""

    point: tuple[str, ...]
    customer: tuple[str, ...]
    approved: tuple[tuple[Any, ...], ...]  # plan, kwh, wh, subtotal, vat, total of the run's item
    meter_id: tuple[int | None, ...]
    serial: tuple[str | None, ...]
    model: tuple[str | None, ...]
    digits: tuple[int | None, ...]
    plan: tuple[str | None, ...]
    households: tuple[Any, ...]
    voltage_kv: tuple[Any, ...]
    one_rate: tuple[bool | None, ...]
    multiplier: tuple[Any, ...]
    rate: tuple[int, ...]
    opening: tuple[int | None, ...]
    middle: tuple[int | None, ...]  # when the price changes
    closing: tuple[int | None, ...]
    scaler: tuple[int | None, ...]
    carried_wh: tuple[Any, ...]
    odd: tuple[bool, ...]


def read(
    conn: Connection[TupleRow],
    run: Run,
    shard: tuple[int, int],
    many: int,
    *,
    approved: bool,
    between: datetime | None = None,
) -> Iterator[Columns]:
    """The registers of the points of a shard that are to be drafted, or that are `approved` and to be issued.

    `between`: when prices change within the period. `many` points are about to be read. What is read is
    settled at the first commit: the caller commits between portions as it likes.
    """
    period: Period = run.period
    asked: dict[str, datetime | Any] = {
        "run": run.id,
        "book": run.book,
        "shard": shard[0],
        "of": shard[1],
        "start": period.start,
        "end": period.end,
        "first": local_day(period.start),
        "between": between,
        "counted": list(COUNTED_BY),
        "last": period.last_day,
    }
    wanted = _APPROVED if approved else _DRAFTED
    statement = "WITH wanted AS MATERIALIZED (" + wanted + ")" + _DETERMINANTS
    conn.execute("CLOSE ALL")  # one that was broken off on this connection
    conn.execute("SET LOCAL statement_timeout = 0")
    conn.execute("SET LOCAL work_mem = '64MB'")
    if (
        many > FEW
    ):  # the planner cannot know how many points a shard has, and would look each up in every table
        conn.execute("SET LOCAL enable_nestloop = off")
    with conn.cursor(name="determinants", withhold=True) as cursor:
        cursor.execute(statement, asked)
        conn.commit()  # here the server works it out; what follows are small steps
        rest: list[TupleRow] = []
        while rows := cursor.fetchmany(FETCHED):
            rows = rest + rows
            cut = len(rows)  # the registers of the last point may go on in the next portion
            while cut and rows[cut - 1][0] == rows[-1][0]:
                cut -= 1
            rest = rows[cut:]
            if cut:
                yield _columns(rows[:cut])
        if rest:
            yield _columns(rest)


def _columns(rows: list[TupleRow]) -> Columns:
    point, customer, plan, kwh, wh, subtotal, vat, total, *others = zip(*rows, strict=True)
    return Columns(point, customer, tuple(zip(plan, kwh, wh, subtotal, vat, total, strict=True)), *others)
