"""Which customers' use is to be looked at, and what that needs: homes around, last bills."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

from psycopg import Connection
from psycopg.rows import TupleRow

from model.period import Period, local_day, require_aware

FRESH: Final = timedelta(days=3)  # of days older than these nobody is warned
HOMES: Final = 100  # of a station; beyond that a median hardly moves

Due = tuple[int, datetime]
"""Meter, and the mark that `clear` recognises it by."""

# A day that goes on changes every half-hour: it is of interest to those alone who set a limit.
_MARK: Final = """
    INSERT INTO warning_due (meter_id, since, after)
    SELECT DISTINCT ON (d.meter_id) d.meter_id, clock_timestamp(), %(now)s::timestamptz
    FROM unnest(%(meters)s::integer[], %(days)s::date[]) AS d (meter_id, day)
    JOIN installation i ON i.meter_id = d.meter_id AND i.until IS NULL
    JOIN point p ON p.code = i.point AND p.customer IS NOT NULL
    WHERE d.day >= %(first)s AND (d.day < %(today)s OR EXISTS (
        SELECT FROM usage_limit l WHERE l.point = p.code AND l.customer = p.customer AND l.value IS NOT NULL))
    ORDER BY d.meter_id
    ON CONFLICT (meter_id) DO UPDATE SET since = excluded.since, after = excluded.after"""
# Homes of one station go together: each is compared with the others. hashtext may be negative.
_TAKE: Final = """
    SELECT w.meter_id, w.since FROM warning_due w
    LEFT JOIN installation i ON i.meter_id = w.meter_id AND i.until IS NULL
    LEFT JOIN point p ON p.code = i.point
    WHERE w.after <= %(now)s
      AND (%(of)s::integer IS NULL
           OR (hashtext(coalesce(p.station, ''))::bigint + 2147483648) %% %(of)s = %(number)s)
    ORDER BY p.station, w.meter_id LIMIT %(limit)s"""
_CLEAR: Final = """
    DELETE FROM warning_due w USING unnest(%s::integer[], %s::timestamptz[]) AS d (meter_id, since)
    WHERE w.meter_id = d.meter_id AND w.since = d.since"""
_LATER: Final = """
    UPDATE warning_due w SET after = %s
    FROM unnest(%s::integer[], %s::timestamptz[]) AS d (meter_id, since)
    WHERE w.meter_id = d.meter_id AND w.since = d.since"""
_AROUND: Final = """
    SELECT code FROM (
        SELECT p.code, row_number() OVER (PARTITION BY p.station ORDER BY hashtext(p.code), p.code) AS place
        FROM point p WHERE p.customer IS NOT NULL AND p.station IN (
            SELECT station FROM point WHERE code = ANY (%(points)s))) near
    WHERE place <= %(most)s"""
_LAST: Final = """
    SELECT l.point, l.customer, l.from_at, l.to_at, sum(b.kwh)::bigint, sum(b.total)::bigint
    FROM (SELECT DISTINCT ON (point) point, customer, from_at, to_at FROM bill
        WHERE point = ANY (%s) ORDER BY point, to_at DESC) l
    JOIN standing_bill b USING (point, from_at, to_at)
    GROUP BY l.point, l.customer, l.from_at, l.to_at"""

_OTHERS: Final = """
    SELECT b.point, max(b.to_at) FROM unnest(%s::text[], %s::text[]) AS o (point, customer)
    JOIN bill b ON b.point = o.point AND b.customer <> o.customer GROUP BY b.point"""


@dataclass(frozen=True, slots=True)
class Billed:
    """The last bill of a point, with what was adjusted of it since; đồng."""

    customer: str
    period: Period
    kwh: int
    total: int

    @property
    def first(self) -> date:
        return local_day(self.period.start)

    @property
    def end(self) -> date:
        return local_day(self.period.end)


def mark(conn: Connection[TupleRow], days: Collection[tuple[int, date]], now: datetime) -> int:
    """These meter-days were validated: their customers' use is to be looked at. How many meters."""
    today = local_day(now)
    fresh = sorted((meter, day) for meter, day in days if day >= today - FRESH)
    if not fresh:
        return 0
    asked = {
        "now": require_aware(now),
        "today": today,
        "first": today - FRESH,
        "meters": [meter for meter, _ in fresh],
        "days": [day for _, day in fresh],
    }
    return conn.execute(_MARK, asked).rowcount


def take(
    conn: Connection[TupleRow], limit: int, now: datetime, shard: tuple[int, int] | None = None
) -> list[Due]:
    """Up to `limit` due meters, by station; of the shard (number, of how many) of stations, or all."""
    number, of = shard if shard is not None else (None, None)
    asked = {"now": require_aware(now), "of": of, "number": number, "limit": limit}
    return [(meter_id, since) for meter_id, since in conn.execute(_TAKE, asked)]


def clear(conn: Connection[TupleRow], due: Sequence[Due]) -> int:
    """These were looked at. One that became due again meanwhile stays so."""
    return conn.execute(_CLEAR, [[m for m, _ in due], [at for _, at in due]]).rowcount if due else 0


def put_off(conn: Connection[TupleRow], due: Sequence[Due], until: datetime) -> None:
    """These are looked at later: the homes around them are not all known yet."""
    if due:
        conn.execute(_LATER, [require_aware(until), [m for m, _ in due], [at for _, at in due]])


def points_around(conn: Connection[TupleRow], points: Collection[str]) -> list[str]:
    """Points of customers at the same stations, some hundred of each, always the same ones."""
    return [code for (code,) in conn.execute(_AROUND, {"points": list(points), "most": HOMES})]


def last_bills(conn: Connection[TupleRow], points: Collection[str]) -> dict[str, Billed]:
    """By point, the last bill that stands."""
    rows = conn.execute(_LAST, [list(points)])
    return {
        point: Billed(customer, Period(start, end), kwh, total)
        for point, customer, start, end, kwh, total in rows
    }


def since_others(conn: Connection[TupleRow], owners: dict[str, str]) -> dict[str, datetime]:
    """By point, when the last bill of another customer than its present one ends: what was used before is not
    theirs."""
    return dict(conn.execute(_OTHERS, [list(owners), list(owners.values())]).fetchall())
