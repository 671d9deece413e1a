"""When meters were first called."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Final

from psycopg import Connection
from psycopg.rows import TupleRow

_FIRST: Final = """
    SELECT m.id, p.started FROM unnest(%s::integer[]) AS m (id)
    CROSS JOIN LATERAL (SELECT started FROM poll WHERE meter_id = m.id ORDER BY started LIMIT 1) p"""


def first_tries(conn: Connection[TupleRow], meter_ids: Collection[int]) -> dict[int, datetime]:
    """The beginning of the first conversation tried with each of the meters, answered or not."""
    return dict(conn.execute(_FIRST, [list(meter_ids)]).fetchall())
