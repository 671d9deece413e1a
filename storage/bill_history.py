"""What was billed of the months before a bill, at the same point and to the same customer."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from psycopg import Connection
from psycopg.rows import TupleRow

from model.viewer import Viewer
from storage.viewing import scope

MONTHS = 13

# A bill belongs to the month whose last instant, or an earlier one, ends its period.
_HISTORY: Final = """
    SELECT told.id, told.month::date, sum(told.kwh)::bigint FROM (
        SELECT b.id, h.kwh, date_trunc('month', (b.to_at - INTERVAL '1 microsecond')
                AT TIME ZONE 'Asia/Ho_Chi_Minh') AS last,
            date_trunc('month', (h.to_at - INTERVAL '1 microsecond')
                AT TIME ZONE 'Asia/Ho_Chi_Minh') AS month
        FROM bill b
        JOIN standing_bill h ON h.point = b.point AND h.customer = b.customer AND h.to_at <= b.to_at
        WHERE b.id = ANY (%(ids)s) AND (%(scope)s::text IS NULL OR b.customer = %(scope)s)
    ) AS told
    WHERE told.month > told.last - make_interval(months => %(months)s)
    GROUP BY told.id, told.month ORDER BY told.id, told.month"""


@dataclass(frozen=True, slots=True)
class MonthUse:
    """What was billed of a month; `month` is its first day."""

    month: date
    kwh: int


def before(
    conn: Connection[TupleRow], viewer: Viewer, bill_ids: Sequence[int]
) -> dict[int, tuple[MonthUse, ...]]:
    """By bill, the months with bills of the thirteen that end with its own, earliest first.

    Of another customer who was at the point before nothing is told.
    """
    found: dict[int, list[MonthUse]] = defaultdict(list)
    asked = {"ids": list(bill_ids), "scope": scope(viewer), "months": MONTHS}
    for bill_id, month, kwh in conn.execute(_HISTORY, asked):
        found[bill_id].append(MonthUse(month, kwh))
    return {bill_id: tuple(uses) for bill_id, uses in found.items()}
