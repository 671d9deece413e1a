"""The schema's way from nothing to today: numbered SQL files, applied once, in order, each whole.

The queue's tables come from Procrastinate itself, as the step `0006_queue`. Its text is pinned like the
rest: a newer Procrastinate with another schema wants a step of its own, and says so.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from importlib import resources
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final, LiteralString

import psycopg
from psycopg import Connection
from psycopg.rows import TupleRow

from storage.errors import MigrationEdited, MigrationFailed, SchemaTooNew
from storage.pool import connect

_QUEUE: Final = "0006_queue"
_LOCK: Final = 0x4D1E4EE  # any number of ours: one program migrates at a time

_TABLE: Final = """
    CREATE TABLE IF NOT EXISTS schema_migration (
        name       text PRIMARY KEY,
        sha256     text NOT NULL,
        applied_at timestamptz NOT NULL DEFAULT now()
    )"""
_HAS_TABLE: Final = "SELECT to_regclass('public.schema_migration') IS NOT NULL"
_APPLIED: Final = "SELECT name, sha256 FROM schema_migration ORDER BY name"
_RECORD: Final = "INSERT INTO schema_migration (name, sha256) VALUES (%s, %s)"
_TAKE_LOCK: Final = "SELECT pg_advisory_lock(%s)"
_DROP_LOCK: Final = "SELECT pg_advisory_unlock(%s)"


@dataclass(frozen=True, slots=True)
class Migration:
    """One step: its name (`0001_grid`) and its SQL."""

    name: str
    sql: LiteralString

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.sql.encode()).hexdigest()


def _queue() -> LiteralString:
    """Procrastinate's own SQL, found without importing it: every command looks at the migrations."""
    found = find_spec("procrastinate")
    if found is None or found.origin is None:
        raise ModuleNotFoundError("procrastinate is not installed")
    return Path(found.origin).with_name("sql").joinpath("schema.sql").read_text(encoding="utf-8")


def migrations() -> tuple[Migration, ...]:
    """Every step, in order."""
    files = [
        Migration(file.name.removesuffix(".sql"), file.read_text(encoding="utf-8"))
        for file in resources.files(__name__).iterdir()
        if file.name.endswith(".sql")
    ]
    return tuple(sorted([*files, Migration(_QUEUE, _queue())], key=lambda step: step.name))


def migrate(dsn: str) -> list[str]:
    """Apply what is pending and return its names; several programs may call this at once.

    Raises MigrationEdited, SchemaTooNew, MigrationFailed (nothing of that step was kept) or Unreachable.
    """
    with connect(dsn, autocommit=True) as conn:
        conn.execute(_TAKE_LOCK, [_LOCK])
        try:
            conn.execute(_TABLE)
            steps = _pending(conn)
            for step in steps:
                _apply(conn, step)
        finally:
            if not conn.closed:
                conn.execute(_DROP_LOCK, [_LOCK])
    return [step.name for step in steps]


def pending(dsn: str) -> list[str]:
    """The names of the steps that `migrate` would apply. Raises like it."""
    with connect(dsn, autocommit=True) as conn:
        return [step.name for step in _pending(conn)]


def _pending(conn: Connection[TupleRow]) -> list[Migration]:
    has_table = conn.execute(_HAS_TABLE).fetchone()
    applied: dict[str, Any] = dict(conn.execute(_APPLIED).fetchall()) if has_table and has_table[0] else {}
    steps = migrations()
    unknown = tuple(sorted(applied.keys() - {step.name for step in steps}))
    if unknown:
        raise SchemaTooNew(unknown)
    for step in steps:
        if applied.get(step.name, step.sha256) != step.sha256:
            raise MigrationEdited(step.name)
    return [step for step in steps if step.name not in applied]


def _apply(conn: Connection[TupleRow], step: Migration) -> None:
    try:
        with conn.transaction():
            conn.execute(step.sql)
            conn.execute(_RECORD, [step.name, step.sha256])
    except psycopg.Error as error:
        raise MigrationFailed(step.name, error.diag.message_primary or str(error).strip()) from error
