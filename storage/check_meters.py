"""Check meters: second meters on the supply of a point, that estimates go by before anything else."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from psycopg import Connection
from psycopg.rows import TupleRow, class_row

from model.period import Period, require_aware

_OF: Final = """
    SELECT * FROM (
        SELECT i.meter_id, c.meter_id AS check_id, greatest(i.since, c.since, %(start)s) AS since,
            least(coalesce(i.until, 'infinity'), coalesce(c.until, 'infinity'), %(end)s) AS until
        FROM installation i JOIN point p ON p.code = i.point
        JOIN point k ON k.code = p.checked_by AND k.role = 'check' JOIN installation c ON c.point = k.code
        WHERE i.meter_id = ANY (%(meters)s)) AS both_hang
    WHERE since < until ORDER BY meter_id, since"""
# Days of the meters they check on which something is estimated or missing, where the check meter's is new.
_DUE: Final = """
    INSERT INTO validation_due (meter_id, day, since)
    SELECT DISTINCT i.meter_id, d.day, clock_timestamp()
    FROM unnest(%(meters)s::integer[]) AS m (id)
    JOIN installation c ON c.meter_id = m.id JOIN point k ON k.code = c.point AND k.role = 'check'
    JOIN point p ON p.checked_by = k.code JOIN installation i ON i.point = p.code
    JOIN profile_day t ON t.meter_id = m.id AND t.channel = 1 AND t.computed_at = %(at)s
        AND t.day >= %(first)s AND t.day <= %(last)s
    JOIN profile_day d ON d.meter_id = i.meter_id AND d.channel = 1 AND d.day = t.day
        AND d.day >= %(first)s AND d.day <= %(last)s
    WHERE slots_of(d.quality, '167') < length(d.quality)
    ORDER BY 1, 2 ON CONFLICT (meter_id, day) DO UPDATE SET since = excluded.since"""


@dataclass(frozen=True, slots=True)
class Checked:
    """A meter and its check meter, while both hang."""

    meter_id: int
    check_id: int
    since: datetime
    until: datetime


def of(conn: Connection[TupleRow], meter_ids: Collection[int], period: Period) -> list[Checked]:
    """The check meters of these meters within the period, by meter."""
    asked = {"meters": list(meter_ids), "start": period.start, "end": period.end}
    with conn.cursor(row_factory=class_row(Checked)) as cursor:
        return cursor.execute(_OF, asked).fetchall()


def told(
    conn: Connection[TupleRow], meter_ids: Collection[int], days: tuple[date, date], at: datetime
) -> int:
    """Have days be validated again for which a check meter among these has said something new; how many.

    `days`: the first and the last that were validated, at the instant `at`.
    """
    first, last = days
    asked = {"meters": list(meter_ids), "first": first, "last": last, "at": require_aware(at)}
    return conn.execute(_DUE, asked).rowcount
