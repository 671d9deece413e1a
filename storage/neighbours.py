"""What is known of registers before and after an instant: the readings an index may be counted from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from psycopg import Connection
from psycopg.rows import TupleRow

from model.period import require_aware
from model.series import Channel, Rate

# A closed index counts as a reading; the nearest of each side, and the one a day or more before the last.
_AROUND: Final = """
    WITH known AS (
        SELECT meter_id, channel, rate, at, raw, scaler FROM register_read
        WHERE meter_id = ANY (%(meters)s)
          AND at BETWEEN %(at)s - %(within)s::interval AND %(at)s + %(within)s::interval
        UNION ALL
        SELECT meter_id, channel, rate, at, raw, scaler FROM closing_index
        WHERE meter_id = ANY (%(meters)s) AND quality = 1
          AND at BETWEEN %(at)s - %(within)s::interval AND %(at)s + %(within)s::interval),
    registers AS (SELECT DISTINCT meter_id, channel, rate FROM known)
    SELECT p.meter_id, p.channel, p.rate,
        b.at, b.raw, b.scaler, a.at, a.raw, a.scaler, e.at, e.raw, e.scaler
    FROM registers p
    CROSS JOIN LATERAL (SELECT * FROM known k
        WHERE (k.meter_id, k.channel, k.rate) = (p.meter_id, p.channel, p.rate)
        AND k.at <= %(at)s ORDER BY k.at DESC LIMIT 1) b
    LEFT JOIN LATERAL (SELECT * FROM known k
        WHERE (k.meter_id, k.channel, k.rate) = (p.meter_id, p.channel, p.rate)
        AND k.at > %(at)s ORDER BY k.at LIMIT 1) a ON true
    LEFT JOIN LATERAL (SELECT * FROM known k
        WHERE (k.meter_id, k.channel, k.rate) = (p.meter_id, p.channel, p.rate)
        AND k.at <= b.at - INTERVAL '1 day' ORDER BY k.at DESC LIMIT 1) e ON true"""


@dataclass(frozen=True, slots=True)
class Reading:
    """A register at an instant: raw × 10^scaler Wh or varh, on the meter's side."""

    at: datetime
    raw: int
    scaler: int


@dataclass(frozen=True, slots=True)
class Neighbours:
    """The last reading up to an instant, the first after it, and one a day or more before the last."""

    before: Reading
    after: Reading | None
    earlier: Reading | None


def around(
    conn: Connection[TupleRow], meter_ids: Sequence[int], at: datetime, within: timedelta
) -> dict[tuple[int, Channel, Rate], Neighbours]:
    """By meter and register; one without a reading up to the instant is left out."""
    asked = {"meters": list(meter_ids), "at": require_aware(at), "within": within}
    return {
        (meter_id, Channel(channel), Rate(rate)): Neighbours(
            Reading(*row[:3]),
            None if row[3] is None else Reading(*row[3:6]),
            None if row[6] is None else Reading(*row[6:]),
        )
        for meter_id, channel, rate, *row in conn.execute(_AROUND, asked)
    }
