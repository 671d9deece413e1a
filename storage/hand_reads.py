"""Indices that a person read from a meter's display and entered."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Final

from psycopg import Connection
from psycopg.rows import TupleRow

from model.period import closed_day, local_day, require_aware
from model.readout import RegisterRead
from model.series import Channel, Rate, ReadingSource
from storage.days import mark_due

WRAPPED: Final = 1
"""The status of an index entered as rolled over (the trade's Q): it may be below the one before."""

_SAVE: Final = """
    INSERT INTO register_read AS old (meter_id, channel, rate, at, raw, scaler, unit, status, source,
        received_at)
    VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
    ON CONFLICT (meter_id, channel, rate, at, source, raw, scaler) DO UPDATE
        SET received_at = excluded.received_at, status = excluded.status
        WHERE old.status <> excluded.status OR EXISTS (
            SELECT FROM register_read other
            WHERE other.meter_id = old.meter_id AND other.channel = old.channel AND other.rate = old.rate
              AND other.at = old.at AND other.source = old.source AND other.received_at > old.received_at)
    RETURNING 1"""
# What is known of a register: readings, the later entered first, and what was closed.
_KNOWN: Final = """
    SELECT at, raw * power(10::numeric, scaler) AS wh, source, received_at FROM register_read
    WHERE meter_id = %(meter)s AND channel = %(channel)s AND rate = %(rate)s
    UNION ALL
    SELECT at, raw * power(10::numeric, scaler), 'closed', closed_at FROM closing_index
    WHERE meter_id = %(meter)s AND channel = %(channel)s AND rate = %(rate)s"""
_BEFORE: Final = (
    "SELECT at, wh, source FROM ("
    + _KNOWN
    + ") k WHERE at < %(at)s ORDER BY at DESC, received_at DESC LIMIT 1"
)
_AFTER: Final = (
    "SELECT at, wh, source FROM (" + _KNOWN + ") k WHERE at > %(at)s ORDER BY at, received_at DESC LIMIT 1"
)
_STANDING: Final = (
    "SELECT at, wh, source FROM ("
    + _KNOWN
    + ") k WHERE at = %(at)s AND source IN ('closed', 'billing_profile') ORDER BY source DESC LIMIT 1"
)

Neighbour = tuple[datetime, Decimal, str]
"""When, Wh on the meter's side, and its source (`closed`: a closing index)."""


def around(
    conn: Connection[TupleRow], meter_id: int, channel: Channel, rate: Rate, at: datetime
) -> tuple[Neighbour | None, Neighbour | None, Neighbour | None]:
    """What is known of a register before the instant, what stands at it for good, and what is known after it.

    At the instant stand the closed index and the meter's own snapshot; each the nearest, or None.
    """
    asked = {"meter": meter_id, "channel": int(channel), "rate": int(rate), "at": require_aware(at)}
    before, standing, after = (
        conn.execute(statement, asked).fetchone() for statement in (_BEFORE, _STANDING, _AFTER)
    )
    return _neighbour(before), _neighbour(standing), _neighbour(after)


def _neighbour(row: TupleRow | None) -> Neighbour | None:
    return None if row is None else (row[0], Decimal(row[1]), str(row[2]))


def save(conn: Connection[TupleRow], meter_id: int, reads: Sequence[RegisterRead], now: datetime) -> int:
    """Keep what a person read, and have the days it touches validated again; how many say something new.

    The one entered last for an instant is the one that counts; those before it are kept.
    """
    new = 0
    for read in reads:
        assert read.source is ReadingSource.MANUAL
        values = [
            int(read.channel),
            int(read.rate),
            read.at,
            read.raw,
            read.scaler,
            int(read.unit),
            read.status,
        ]
        row = [meter_id, *values, read.source.value, require_aware(now)]
        if conn.execute(_SAVE, row).fetchone() is not None:
            new += 1
            # An index at midnight closes the day before.
            mark_due(conn, [meter_id], {closed_day(read.at), local_day(read.at)})
    return new
