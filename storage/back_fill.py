"""How far a fleet has been read back, in two counts."""

from __future__ import annotations

from typing import Final

from psycopg import Connection
from psycopg.rows import TupleRow

_LINES: Final = """
    SELECT count(*) FROM modem d
    WHERE (d.link = 'dial_out' AND EXISTS (SELECT FROM shard_lease l WHERE l.shard = d.shard))
        OR EXISTS (SELECT FROM modem_session s WHERE s.modem = d.code AND s.ended IS NULL)"""
_VALUES: Final = "SELECT coalesce(sum(array_length(raw, 1)), 0) FROM profile_block"


def lines_held(conn: Connection[TupleRow]) -> int:
    """Modems whose line some head-end holds: to be called, under a lease; or connected."""
    row = conn.execute(_LINES).fetchone()
    return int(row[0]) if row else 0


def profile_values(conn: Connection[TupleRow]) -> int:
    """Values of load profiles in the store, each channel for itself."""
    row = conn.execute(_VALUES).fetchone()
    return int(row[0]) if row else 0
