"""What an approval stands upon, as two digests: the closing indices of the run, and what they came to."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from typing import Final, LiteralString

from psycopg import Connection, sql
from psycopg.rows import TupleRow

_INDICES: Final = """
    COPY (SELECT c.point, m.serial, c.rate, c.at, c.raw, c.scaler, c.status
        FROM billing_run r JOIN billing_run_item t ON t.run_id = r.id AND t.outcome = 'bill'
        JOIN closing_index c ON c.point = t.point AND c.at BETWEEN r.from_at AND r.to_at AND c.channel = 1
        JOIN meter m ON m.id = c.meter_id
        WHERE r.id = {} ORDER BY c.point, c.at, m.serial, c.rate) TO STDOUT (FORMAT binary)"""
# Of bills that ask for a surcharge as well: added where there are any.
_REACTIVE: Final = """
    SELECT t.point, t.reactive, m.serial, c.at, c.raw, c.scaler, c.status
    FROM billing_run r JOIN billing_run_item t ON t.run_id = r.id AND t.outcome = 'bill'
        AND t.reactive IS NOT NULL
    LEFT JOIN closing_index c ON c.point = t.point AND c.at BETWEEN r.from_at AND r.to_at AND c.channel = 3
        AND c.rate = 0
    LEFT JOIN meter m ON m.id = c.meter_id
    WHERE r.id = %s ORDER BY t.point, c.at, m.serial"""
_SURCHARGES: Final = """
    SELECT point, reactive FROM billing_run_item
    WHERE run_id = %s AND outcome = 'bill' AND reactive IS NOT NULL ORDER BY point"""
_BILLS: Final = """
    COPY (SELECT point, customer, plan, kwh, wh, subtotal, vat, total FROM billing_run_item
        WHERE run_id = {} AND outcome = 'bill' ORDER BY point) TO STDOUT (FORMAT binary)"""


def indices(conn: Connection[TupleRow], number: int) -> bytes:
    """SHA-256 of every closing index of the run's bills, over their period."""
    return _digest(conn, _INDICES, number, _REACTIVE)


def bills(conn: Connection[TupleRow], number: int) -> bytes:
    """SHA-256 of what every bill of the run comes to."""
    return _digest(conn, _BILLS, number, _SURCHARGES)


def _digest(conn: Connection[TupleRow], statement: str, number: int, beside: LiteralString) -> bytes:
    found = hashlib.sha256()
    with conn.cursor() as cursor, cursor.copy(sql.SQL(statement).format(sql.Literal(number))) as copy:
        for part in copy:
            found.update(part)
    for row in conn.execute(beside, [number]):
        values = (value.astimezone(UTC) if isinstance(value, datetime) else value for value in row)
        found.update("\t".join(map(str, values)).encode())
    return found.digest()
