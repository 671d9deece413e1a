"""What a run of the office's work came to, kept in the audit trail by the number of its job."""

from __future__ import annotations

from datetime import datetime
from typing import Any, LiteralString

from psycopg import Connection
from psycopg.rows import scalar_row
from psycopg.types.json import Jsonb

_SAVE: LiteralString = """
    INSERT INTO audit (at, login, action, object, detail)
    VALUES (%(at)s, 'office', %(action)s, %(object)s, %(detail)s)
"""

_REPORT: LiteralString = """
    SELECT detail FROM audit
    WHERE login = 'office' AND action = %(action)s AND object = %(object)s
    ORDER BY id DESC LIMIT 1
"""


def save(conn: Connection[Any], action: str, job: int, at: datetime, report: Any) -> None:
    """Keep the JSON form of a report under its job."""
    conn.execute(
        _SAVE, {"at": at, "action": f"run.{action}", "object": f"job {job}", "detail": Jsonb(report)}
    )


def report(conn: Connection[Any], action: str, job: int) -> Any | None:
    """The JSON form of the report of a job, or None when it left none."""
    with conn.cursor(row_factory=scalar_row) as cursor:
        return cursor.execute(_REPORT, {"action": f"run.{action}", "object": f"job {job}"}).fetchone()
