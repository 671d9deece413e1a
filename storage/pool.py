"""Connections to the store: pools for threads and for the loop.

Every session speaks UTC and gives up on a statement after a while, so that no page waits for ever behind a
lock. A connection is tried before it is handed out: after the database was away, the first who asks gets a
new one.
"""

from __future__ import annotations

from typing import Any, Final

import psycopg
from psycopg import AsyncConnection, Connection
from psycopg.conninfo import conninfo_to_dict
from psycopg.rows import TupleRow
from psycopg_pool import AsyncConnectionPool, ConnectionPool

from storage.address import shown, unreadable
from storage.embedded.dsn import Dsn
from storage.errors import Unreachable

Pool = ConnectionPool[Connection[TupleRow]]
AsyncPool = AsyncConnectionPool[AsyncConnection[TupleRow]]

STATEMENT_TIMEOUT_S: Final = 120.0
_WAIT_S: Final = 30.0
_CONNECT_S: Final = 10


def session(statement_timeout_s: float = STATEMENT_TIMEOUT_S) -> dict[str, Any]:
    """The settings every session of ours starts with, as arguments of a psycopg connection."""
    return {
        "connect_timeout": _CONNECT_S,
        "application_name": "dienke",
        "options": f"-c TimeZone=UTC -c statement_timeout={round(statement_timeout_s * 1000)}"
        " -c client_min_messages=warning",
    }


def connect(dsn: str, *, autocommit: bool = False, statement_timeout_s: float = 0) -> Connection[TupleRow]:
    """One connection outside any pool, without a limit on its statements unless given. Raises Unreachable."""
    readable(dsn)
    try:
        return psycopg.connect(dsn, autocommit=autocommit, **session(statement_timeout_s))
    except psycopg.OperationalError as error:
        raise _unreachable(dsn, _said(error)) from error


def readable(dsn: str) -> None:
    """Raise Unreachable for an address that cannot be read; what libpq says of it may quote its password."""
    if reason := unreadable(dsn):
        raise _unreachable(dsn, reason)
    try:
        conninfo_to_dict(dsn)
    except psycopg.ProgrammingError as error:
        said = str(error).strip().replace('"]"', "]").split('"')[0]
        raise _unreachable(dsn, said.removesuffix(" in ").rstrip(": ")) from None


def _unreachable(dsn: str, said: str) -> Unreachable:
    return Unreachable(shown(dsn), said, ours=isinstance(dsn, Dsn))


def _said(error: psycopg.OperationalError) -> str:
    """The line of libpq that says why; a line with a tab before it only guesses."""
    lines = [line for line in str(error).strip().splitlines() if not line.startswith("\t")]
    return lines[-1].strip() if lines else type(error).__name__


def open_pool(dsn: str, size: int = 4, *, statement_timeout_s: float = STATEMENT_TIMEOUT_S) -> Pool:
    """A pool of up to `size` connections, open at once; it connects in the background.

    `with pool.connection() as conn:` commits at its end; psycopg_pool.PoolTimeout after 30 s without one.
    """
    return ConnectionPool(
        dsn,
        kwargs=session(statement_timeout_s),
        min_size=1,
        max_size=size,
        timeout=_WAIT_S,
        check=ConnectionPool.check_connection,
        name="store",
        open=True,
    )


def open_async_pool(
    dsn: str, size: int = 4, *, statement_timeout_s: float = STATEMENT_TIMEOUT_S
) -> AsyncPool:
    """The same for the event loop, not yet open: `async with pool:` or `await pool.open()` in the loop."""
    return AsyncConnectionPool(
        dsn,
        kwargs=session(statement_timeout_s),
        min_size=1,
        max_size=size,
        timeout=_WAIT_S,
        check=AsyncConnectionPool.check_connection,
        name="store-async",
        open=False,
    )
