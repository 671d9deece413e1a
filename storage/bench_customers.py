"""Customers of a bench by the million, and what a bare COPY of a billing run's input and output costs.

The tables are the product's own. Left out while they are filled are what only a search or an import needs of
the input: text indexes and the exclusion of two meters at one place; the output keeps all it has.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Final, LiteralString

from psycopg import Connection
from psycopg.rows import TupleRow

from model.period import Period

INPUT: Final[tuple[LiteralString, ...]] = (
    "closing_index",
    "installation",
    "meter",
    "point",
    "point_supply",
    "point_multiplier",
    "billing_run_item",
)
OUTPUT: Final[tuple[LiteralString, ...]] = ("bill", "bill_line", "bill_use")

_BARE: Final = """
    DROP INDEX IF EXISTS customer_search; DROP INDEX IF EXISTS meter_search;
    DROP INDEX IF EXISTS meter_place_search;
    ALTER TABLE installation DROP CONSTRAINT IF EXISTS installation_one_place,
        DROP CONSTRAINT IF EXISTS installation_one_meter"""
_EMPTY: Final = """
    TRUNCATE bill, bill_line, bill_use, bill_hold, billing_run, billing_run_item, closing_index, installation,
        point_supply, point_multiplier, point, meter, customer, modem, station, reading_book CASCADE"""
# One in ten is a business or a works behind transformers on three rates, the others are households.
_FILL: Final[tuple[LiteralString, ...]] = (
    "INSERT INTO reading_book (code, name) SELECT 'S' || n, 'Sổ ' || n FROM generate_series(0, 99) n",
    "INSERT INTO station (code, name) SELECT 'T' || n, 'Trạm ' || n FROM generate_series(0, 999) n",
    "INSERT INTO modem (code, link) VALUES ('M', 'dial_out')",
    """INSERT INTO customer (code, name, book) SELECT 'KH' || lpad(n::text, 8, '0'), 'Khách hàng ' || n,
           'S' || mod(n, 100) FROM generate_series(1, %(many)s) n""",
    """INSERT INTO meter (serial, model, modem) SELECT 'C' || lpad(n::text, 8, '0'),
           CASE WHEN mod(n, 10) = 0 THEN 'dk-3p-ct' ELSE 'dk-1p' END, 'M'
       FROM generate_series(1, %(many)s) n""",
    """INSERT INTO point (code, role, station, customer) SELECT 'P' || lpad(n::text, 8, '0'), 'customer',
           'T' || mod(n / 100, 1000), 'KH' || lpad(n::text, 8, '0') FROM generate_series(1, %(many)s) n""",
    """INSERT INTO point_multiplier SELECT 'P' || lpad(n::text, 8, '0'), '2025-01-01',
           CASE WHEN mod(n, 10) = 0 THEN 40 ELSE 1 END FROM generate_series(1, %(many)s) n""",
    """INSERT INTO point_supply (point, valid_from, plan, households, voltage_kv, one_rate, tou_schedule)
       SELECT 'P' || lpad(n::text, 8, '0'), '2025-01-01',
           CASE WHEN mod(n, 20) = 0 THEN 'vn-business' WHEN mod(n, 10) = 0 THEN 'vn-production'
               ELSE 'vn-household' END,
           1 + (mod(n, 50) = 1)::integer, CASE WHEN mod(n, 40) = 0 THEN 22 ELSE 0.4 END, mod(n, 10) <> 0,
           'TT16-2014'
       FROM generate_series(1, %(many)s) n""",
    """INSERT INTO installation (point, meter_id, since)
       SELECT 'P' || substr(serial, 2), id, '2025-01-01' FROM meter""",
    """INSERT INTO closing_index (point, meter_id, channel, rate, at, raw, scaler, status, method, closed_at)
       SELECT 'P' || substr(m.serial, 2), m.id, 1, r.rate, e.at,
           1000000 + mod(abs(hashint4(m.id)), 500000)
               + e.later * mod(abs(hashint4(m.id * 7 + r.rate)), 400000), 0, '', 'billing_profile', %(at)s
       FROM meter m
       CROSS JOIN LATERAL unnest(CASE WHEN m.model = 'dk-1p' THEN '{0}'::smallint[]
           ELSE '{1,2,3}'::smallint[] END) AS r (rate)
       CROSS JOIN (VALUES (%(start)s::timestamptz, 0), (%(end)s::timestamptz, 1)) AS e (at, later)""",
    "ANALYZE",
)
_SIZES: Final = """
    SELECT sum(pg_total_relation_size(name::regclass))::bigint FROM unnest(%s::text[]) AS name"""


def fill(conn: Connection[TupleRow], many: int, period: Period, at: datetime) -> None:
    """So many customers with a meter each and the closing indices of a period, instead of what was there."""
    conn.execute(_BARE)
    conn.execute(_EMPTY)
    asked = {"many": many, "start": period.start, "end": period.end, "at": at}
    for statement in _FILL:
        conn.execute(statement, asked)


def copied_out(conn: Connection[TupleRow], table: LiteralString) -> Iterator[bytes]:
    """A table's rows as a bare COPY gives them."""
    with conn.cursor() as cursor, cursor.copy("COPY " + table + " TO STDOUT (FORMAT binary)") as copy:
        for part in copy:
            yield bytes(part)


def save(conn: Connection[TupleRow], folder: Path) -> None:
    """What was issued, as files."""
    for table in OUTPUT:
        with (folder / table).open("wb") as file:
            file.writelines(copied_out(conn, table))


def empty_output(conn: Connection[TupleRow]) -> None:
    """As if nothing had been issued."""
    conn.execute("TRUNCATE bill, bill_line, bill_use CASCADE")


def copy_in(conn: Connection[TupleRow], folder: Path) -> None:
    """The saved files by a bare COPY into the same tables, with their indexes and constraints."""
    for table in OUTPUT:
        with (
            (folder / table).open("rb") as file,
            conn.cursor() as cursor,
            cursor.copy("COPY " + table + " FROM STDIN (FORMAT binary)") as copy,
        ):
            while part := file.read(1 << 18):
                copy.write(part)


def bytes_of(conn: Connection[TupleRow], tables: tuple[LiteralString, ...]) -> int:
    """What the tables and their indexes take on the disk."""
    row = conn.execute(_SIZES, [list(tables)]).fetchone()
    return int(row[0]) if row else 0
