"""A table with a row for every interval: what most would build, the measure of the day vectors.

Nothing of the product is kept here; `ami bench store` makes the table in a database of its own.
"""

from __future__ import annotations

from datetime import date
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from psycopg import Connection
from psycopg.rows import TupleRow

from model.period import midnight
from storage import copying

MAKE: Final = """
    CREATE TABLE IF NOT EXISTS bench_interval (
        meter_id integer NOT NULL, channel smallint NOT NULL, at timestamptz NOT NULL,
        wh integer NOT NULL, quality smallint NOT NULL)"""
MAKE_HYPERTABLE: Final = """
    SELECT create_hypertable('bench_interval', 'at', chunk_time_interval => INTERVAL '60 days',
        create_default_indexes => false, if_not_exists => true)"""
MAKE_INDEX: Final = """
    CREATE UNIQUE INDEX IF NOT EXISTS bench_interval_once ON bench_interval (meter_id, channel, at)"""
INCOMING: Final = "CREATE TEMPORARY TABLE incoming_row (LIKE bench_interval) ON COMMIT DROP"
COPY_IN: Final = "COPY incoming_row (meter_id, channel, at, wh, quality) FROM STDIN (FORMAT binary)"
TAKE_IN: Final = """
    INSERT INTO bench_interval AS old SELECT * FROM incoming_row
    ON CONFLICT (meter_id, channel, at) DO UPDATE SET wh = excluded.wh, quality = excluded.quality
    WHERE (old.wh, old.quality) IS DISTINCT FROM (excluded.wh, excluded.quality)"""
READ: Final = """
    COPY (SELECT meter_id, at, wh, quality FROM bench_interval
        WHERE channel = 1 AND meter_id BETWEEN {first} AND {last} ORDER BY meter_id, at)
    TO STDOUT (FORMAT binary)"""
_MODEM: Final = "INSERT INTO modem (code, link) VALUES ('bench', 'dial_out') ON CONFLICT DO NOTHING"
_METER: Final = """
    INSERT INTO meter (id, serial, model, modem) OVERRIDING SYSTEM VALUE VALUES (%s, %s, 'dk-1p', 'bench')"""

_HALF_HOUR_US: Final = 1_800_000_000
_IN: Final = (("meter_id", ">i4"), ("channel", ">i2"), ("at", ">i8"), ("wh", ">i4"), ("quality", ">i2"))
_OUT: Final = (("meter_id", ">i4"), ("at", ">i8"), ("wh", ">i4"), ("quality", ">i2"))


def make(conn: Connection[TupleRow]) -> None:
    """Make the table, its hypertable and its index."""
    for statement in (MAKE, MAKE_HYPERTABLE, MAKE_INDEX):
        conn.execute(statement)


def save(
    conn: Connection[TupleRow],
    meter_id: NDArray[np.int32],
    first: date,
    energy: NDArray[np.int32],
    quality: NDArray[np.uint8],
) -> None:
    """Save `energy` (m, d, 48) in Wh with its quality; what is there already is replaced where it differs."""
    meters, days, slots = energy.shape
    rows = _records(_IN, meters * days * slots)
    began = copying.micros(midnight(first)) + np.arange(days * slots) * _HALF_HOUR_US
    rows["meter_id"] = np.repeat(meter_id, days * slots)
    rows["channel"] = 1
    rows["at"] = np.tile(began, meters)
    rows["wh"] = energy.ravel()
    rows["quality"] = quality.ravel()
    conn.execute(INCOMING)
    with conn.cursor() as cursor, cursor.copy(COPY_IN) as copy:
        copy.write(b"".join((copying.HEADER, rows.tobytes(), copying.TRAILER)))
    conn.execute(TAKE_IN)


def read(
    conn: Connection[TupleRow], first_id: int, last_id: int, shape: tuple[int, int, int]
) -> tuple[NDArray[np.int32], NDArray[np.uint8]]:
    """The energies and qualities of the meters from `first_id` to `last_id`, all of them of this shape."""
    statement: Any = READ.format(first=int(first_id), last=int(last_id))
    with conn.cursor() as cursor, cursor.copy(statement) as copy:
        raw = b"".join(bytes(chunk) for chunk in copy)
    body = raw[len(copying.HEADER) : -len(copying.TRAILER)]
    rows = np.frombuffer(body, _layout(_OUT))
    return rows["wh"].astype(np.int32).reshape(shape), rows["quality"].astype(np.uint8).reshape(shape)


def _layout(columns: tuple[tuple[str, str], ...]) -> np.dtype[Any]:
    parts = [("fields", ">i2")]
    for name, kind in columns:
        parts += [(f"{name}_length", ">i4"), (name, kind)]
    return np.dtype(parts)


def _records(columns: tuple[tuple[str, str], ...], count: int) -> NDArray[Any]:
    rows = np.zeros(count, _layout(columns))
    rows["fields"] = len(columns)
    for name, kind in columns:
        rows[f"{name}_length"] = np.dtype(kind).itemsize
    return rows


def register(conn: Connection[TupleRow], meter_id: int, serial: str) -> None:
    """Have a meter of this number, whose days the product keeps beside the rows."""
    conn.execute(_MODEM)
    conn.execute(_METER, [meter_id, serial])
