"""Which station feeds a point."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from psycopg import Connection
from psycopg.rows import TupleRow

_NAMES: Final = """
    SELECT p.code, s.name FROM point p JOIN station s ON s.code = p.station WHERE p.code = ANY (%s)"""


def names(conn: Connection[TupleRow], points: Sequence[str]) -> dict[str, str]:
    """The stations' names by point."""
    return dict(conn.execute(_NAMES, [list(points)]).fetchall())
