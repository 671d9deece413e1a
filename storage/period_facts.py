"""What somebody said of single periods of points: why they are so long, a bulk meter's figures."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, datetime
from typing import Final

import psycopg
from psycopg import Connection
from psycopg.rows import TupleRow

from model.grid import PeriodFacts
from model.period import Period, local_day, require_aware
from storage.errors import Unknown

_SAY: Final = """
    INSERT INTO point_period (point, first_day, end_day, reason, households_with_use, retail_other_kwh,
        said_by, said_at)
    VALUES (%s, %s, %s, %s, %s, %s, %s, %s)"""
# The last word counts; of a bill that was issued, the last one before.
_SAID: Final = """
    SELECT DISTINCT ON (point, first_day, end_day) point, first_day, end_day, reason, households_with_use,
        retail_other_kwh
    FROM point_period
    WHERE point = ANY (%s) AND first_day < %s AND end_day > %s
      AND said_at <= coalesce(%s::timestamptz, 'infinity')
    ORDER BY point, first_day, end_day, said_at DESC"""

Said = dict[tuple[str, date, date], PeriodFacts]


def say(conn: Connection[TupleRow], facts: PeriodFacts, by: str, at: datetime) -> None:
    """Keep what `by` says of a period; what was said before stays, and counts no more. Raises Unknown for a
    point nobody knows."""
    values = [facts.reason, facts.households_with_use, facts.retail_other_kwh, by, require_aware(at)]
    try:
        conn.execute(_SAY, [facts.point, facts.start, facts.end, *values])
    except psycopg.errors.ForeignKeyViolation:
        raise Unknown("point", facts.point) from None


def said(
    conn: Connection[TupleRow], points: Collection[str], period: Period, *, until: datetime | None = None
) -> Said:
    """By point, first day and end: what counts of periods that have a day in common with this one; `until`:
    as it was said at that instant."""
    asked = [list(points), local_day(period.end), local_day(period.start), until]
    return {(row[0], row[1], row[2]): PeriodFacts(*row) for row in conn.execute(_SAID, asked)}
