"""What was billed at a point, register by register, before a day: what use without a count goes by."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final

from psycopg import Connection
from psycopg.rows import TupleRow

from model.period import require_aware
from model.series import Rate

# What a correcting bill adds or takes belongs to the period it corrects; what was replaced does not count.
_BEFORE: Final = """
    SELECT b.from_at, b.to_at, u.rate, sum(u.kwh)::bigint
    FROM standing_bill b JOIN bill_use u ON u.bill_id = b.id
    WHERE b.point = %(point)s AND b.customer = %(customer)s AND b.to_at <= %(at)s
    GROUP BY b.from_at, b.to_at, u.rate ORDER BY b.to_at DESC, u.rate"""

_MEAN_PRICE: Final = """
    SELECT b.total / b.kwh::numeric FROM standing_bill b
    WHERE b.point = %s AND b.kwh > 0 AND b.total > 0 AND b.corrects IS NULL
    ORDER BY b.to_at DESC LIMIT 1"""


@dataclass(frozen=True, slots=True)
class Billed:
    """Whole kWh of one register in a billing period."""

    start: datetime
    end: datetime
    rate: Rate
    kwh: int


def before(conn: Connection[TupleRow], point: str, customer: str, at: datetime) -> list[Billed]:
    """The periods of the customer at the point that ended by the instant, the latest first."""
    asked = {"point": point, "customer": customer, "at": require_aware(at)}
    return [Billed(start, end, Rate(rate), kwh) for start, end, rate, kwh in conn.execute(_BEFORE, asked)]


def mean_price(conn: Connection[TupleRow], point: str) -> Decimal | None:
    """Đồng a kWh, VAT included, over the last bill of the point; None where nothing was billed."""
    row = conn.execute(_MEAN_PRICE, [point]).fetchone()
    return None if row is None else Decimal(row[0])
