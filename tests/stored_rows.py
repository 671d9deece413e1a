"""Everything a database holds, row for row, but what one run may honestly say otherwise than the next.

A table or a column that comes later is compared without being named here: what is left out stands below,
with its reason.
"""

from __future__ import annotations

from collections import Counter
from typing import Any, Final

import psycopg
from psycopg import sql

Rows = dict[str, list[str]]

# Who asked how often, sign-ins, the queue: how a run went, and nothing of what meters said.
_ASIDE: Final = (
    "poll",
    "node",
    "shard_lease",
    "modem_session",
    "lease_move",
    "rejected_frame",
    "app_user",
    "app_session",
    "sign_in_attempt",
    "audit",
    "schema_migration",
    "meter_secret",  # wrapped by the key of each home
    "meter_title",  # how a meter calls itself is learned again at its next conversation
    "watch_due",  # a mark for every time something came, however often the same came
)
# Receipt times, ids of polls, the order in which answers came and doubts were told, times of computing.
_COLUMNS: Final = ("received_at", "poll_id", "since", "computed_at", "closed_at", "issued_at", "held_at")
_DRAWN: Final = (
    "answer.id",
    "alert.id",
    "validation_case.id",
    "case_day.case_id",
    "case_step.case_id",
    "case_step.id",
)
_KEPT: Final = ("installation.since", "alert.since")  # a `since` that is said of the world, not of a run

_TABLES: Final = """
    SELECT c.relname, array_agg(a.attname::text ORDER BY a.attnum)
    FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')
      AND c.relname NOT LIKE 'procrastinate%'
      AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = c.oid AND d.deptype = 'e')
    GROUP BY c.relname"""


def stored_rows(dsn: str) -> Rows:
    """Table by table, sorted, every row as PostgreSQL writes it."""
    with psycopg.connect(dsn) as conn:
        conn.execute("SET timezone = 'UTC'")
        found = conn.execute(_TABLES).fetchall()
        return {table: _rows(conn, table, columns) for table, columns in found if table not in _ASIDE}


def _rows(conn: psycopg.Connection[Any], table: str, columns: list[str]) -> list[str]:
    said = [
        column
        for column in columns
        if f"{table}.{column}" in _KEPT or not (column in _COLUMNS or f"{table}.{column}" in _DRAWN)
    ]
    query = sql.SQL("SELECT ROW({})::text FROM {}").format(
        sql.SQL(", ").join(map(sql.Identifier, said)), sql.Identifier(table)
    )
    return sorted(row for (row,) in conn.execute(query))


def assert_same_rows(found: Rows, expected: Rows, *, but: tuple[str, ...] = ()) -> None:
    """Table by table the same rows, as often; says of the first rows that differ which they are."""
    assert found.keys() == expected.keys()
    for table in sorted(found.keys() - set(but)):
        have, want = found[table], expected[table]
        if have == want:
            continue
        lost = [row[:300] for row in _minus(want, have)]
        added = [row[:300] for row in _minus(have, want)]
        raise AssertionError(
            f"{table}: {len(have)} rows, {len(want)} in the undisturbed run; "
            f"{len(lost)} lost: {lost[:3]}; {len(added)} too many: {added[:3]}"
        )


def _minus(rows: list[str], others: list[str]) -> list[str]:
    return list((Counter(rows) - Counter(others)).elements())
