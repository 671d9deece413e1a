"""The schema in words, in one order, whatever the way it came to be: for comparing what the migrations make
with `schema_snapshot.sql`, the file where a reader finds every table.

The queue's tables are Procrastinate's own and are left out; so is what an extension brought.
"""

from __future__ import annotations

from importlib import resources
from typing import Final

from psycopg import Connection
from psycopg.rows import TupleRow

_EXTENSIONS: Final = """
    SELECT format('CREATE EXTENSION %I', extname) FROM pg_extension
    WHERE extname <> 'plpgsql' ORDER BY extname"""
_TABLES: Final = """
    SELECT c.oid, c.relname FROM pg_class c
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')
      AND c.relname NOT LIKE 'procrastinate%' AND NOT EXISTS (
        SELECT FROM pg_depend d
        WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
    ORDER BY c.relname"""
_COLUMNS: Final = """
    SELECT concat_ws(' ', quote_ident(a.attname), format_type(a.atttypid, a.atttypmod),
        CASE a.attcompression WHEN 'l' THEN 'COMPRESSION lz4' END,
        CASE WHEN a.attidentity = 'a' THEN 'GENERATED ALWAYS AS IDENTITY'
             WHEN a.attgenerated = 's' THEN format('GENERATED ALWAYS AS (%%s) STORED', pg_get_expr(d.adbin,
             d.adrelid)) WHEN d.oid IS NOT NULL THEN 'DEFAULT ' || pg_get_expr(d.adbin, d.adrelid) END, CASE
             WHEN a.attnotnull THEN 'NOT NULL' END) FROM pg_attribute a LEFT JOIN pg_attrdef d ON d.adrelid
             = a.attrelid AND d.adnum = a.attnum WHERE a.attrelid = %s AND a.attnum > 0 AND NOT
             a.attisdropped ORDER BY a.attnum"""
_CONSTRAINTS: Final = """
    SELECT format('CONSTRAINT %%I %%s', conname, pg_get_constraintdef(oid)) FROM pg_constraint
    WHERE conrelid = %s AND contype <> 'n' ORDER BY contype DESC, conname"""
_INDEXES: Final = """
    SELECT pg_get_indexdef(i.indexrelid) FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
    WHERE i.indrelid = %s AND NOT EXISTS (SELECT FROM pg_constraint k WHERE k.conindid = i.indexrelid)
    ORDER BY c.relname"""
_HYPERTABLE: Final = """
    SELECT format('-- hypertable by %%I, chunks of %%s', column_name, time_interval)
    FROM timescaledb_information.dimensions WHERE hypertable_schema = 'public' AND hypertable_name = %s"""
_VIEWS: Final = """
    SELECT format('CREATE VIEW %I AS%s%s', c.relname, E'\\n', pg_get_viewdef(c.oid)) FROM pg_class c
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'v' AND NOT EXISTS (
        SELECT FROM pg_depend d
        WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
    ORDER BY c.relname"""
_FUNCTIONS: Final = """
    SELECT pg_get_functiondef(p.oid) FROM pg_proc p
    WHERE p.pronamespace = 'public'::regnamespace AND p.proname NOT LIKE 'procrastinate%' AND NOT EXISTS (
        SELECT FROM pg_depend d WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e')
    ORDER BY p.proname, p.oid::regprocedure::text"""


def describe(conn: Connection[TupleRow]) -> str:
    """The schema `public` of a database, as SQL for people to read."""
    parts = [f"{line};" for (line,) in conn.execute(_EXTENSIONS)]
    parts += [f"{body.rstrip()};" for (body,) in conn.execute(_FUNCTIONS)]
    parts += [_table(conn, oid, name) for oid, name in conn.execute(_TABLES).fetchall()]
    parts += [body for (body,) in conn.execute(_VIEWS)]
    return "\n\n".join(parts) + "\n"


def _table(conn: Connection[TupleRow], oid: int, name: str) -> str:
    inside = [line for (line,) in conn.execute(_COLUMNS, [oid])]
    inside += [line for (line,) in conn.execute(_CONSTRAINTS, [oid])]
    after = [f"{line};" for (line,) in conn.execute(_INDEXES, [oid])]
    after += [line for (line,) in conn.execute(_HYPERTABLE, [name])]
    return "\n".join([f"CREATE TABLE {name} (", ",\n".join(f"    {line}" for line in inside), ");", *after])


def snapshot() -> str:
    """What `schema_snapshot.sql` says."""
    return resources.files("storage").joinpath("schema_snapshot.sql").read_text(encoding="utf-8")
