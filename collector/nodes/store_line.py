"""A node's own connection to the store: one, in turn, made anew when it broke, patient for seconds only."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import psycopg
from psycopg import AsyncConnection
from psycopg.rows import TupleRow

from collector.errors import StoreAway
from storage.leases import APPLICATION
from storage.pool import session

PATIENCE_S = 6.0
AWAY = (
    psycopg.OperationalError, psycopg.InterfaceError, psycopg.InternalError, ConnectionError, TimeoutError
)  # fmt: skip
"""What a database that is not there, goes in the middle, or takes nothing for now raises: one that is
read-only, or that has ended a transaction which stood idle, raises InternalError."""


class StoreLine:
    """`async with line.turn() as conn:` is a transaction; StoreAway when the store cannot be asked."""

    def __init__(self, dsn: str, node: str) -> None:
        self._dsn = dsn
        self._session = session(PATIENCE_S * 0.8) | {
            "application_name": APPLICATION.format(node),
            "connect_timeout": round(PATIENCE_S * 0.5),
        }
        self._turn = asyncio.Lock()
        self._connection: AsyncConnection[TupleRow] | None = None

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[AsyncConnection[TupleRow]]:
        async with self._turn:
            try:
                async with asyncio.timeout(PATIENCE_S):
                    if self._connection is None:
                        self._connection = await AsyncConnection.connect(self._dsn, **self._session)
                    async with self._connection.transaction():
                        yield self._connection
            except AWAY as error:
                await self.close()
                # A line of libpq that begins with a tab only guesses.
                said = [line for line in str(error).strip().splitlines() if not line.startswith("\t")]
                last = said[-1].strip() if said else type(error).__name__
                raise StoreAway(f"the database cannot be asked: {last}") from error
            except BaseException:
                # Nobody knows in what state a turn that was broken off has left it.
                await self.close()
                raise

    async def close(self) -> None:
        """Hang up; the next turn connects again."""
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close()
