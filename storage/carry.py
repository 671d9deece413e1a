"""What the rounding of the last bill left over, for the next to take up."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from decimal import Decimal
from typing import Final

from psycopg import Connection
from psycopg.rows import TupleRow

from model.series import Rate

_CARRIED: Final = """
    SELECT b.point, u.rate, sum(u.wh + u.carried_wh - u.kwh * 1000)
    FROM standing_bill b JOIN bill_use u ON u.bill_id = b.id
    WHERE b.to_at = %s AND b.point = ANY (%s)
    GROUP BY b.point, u.rate"""


def carried(
    conn: Connection[TupleRow], points: Collection[str], at: datetime
) -> dict[tuple[str, Rate], Decimal]:
    """Wh by point and register that the bills ending at `at` left over: negative where they rounded up."""
    return {
        (point, Rate(rate)): left for point, rate, left in conn.execute(_CARRIED, [at, list(points)]) if left
    }
