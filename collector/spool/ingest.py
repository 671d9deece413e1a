"""From the spool into the store: in order, in batches, deleted only once committed.

The store away is no error here: the spool keeps, one sentence goes to the log, and it goes on when the store
is back.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import fields
from datetime import UTC, datetime

import psycopg
from psycopg import AsyncConnection
from psycopg.rows import TupleRow

from collector.errors import SpoolFull
from collector.keys.fleet_keys import OurSide
from collector.nodes.store_line import AWAY
from collector.spool.fence import fenced
from collector.spool.spool import Spool, Spooled
from collector.watch.metrics import FENCED_WRITES, INGEST_COMMIT_SECONDS, INGEST_ROWS
from storage import evidence, leases, pushers
from storage.errors import StorageError
from storage.pool import session

log = logging.getLogger("ami.ingest")

BATCH = 50
BACK_OFF = (0.2, 10.0)
IDLE_S = 10.0  # a program that stands still between two statements must not keep leases from moving
REFUSED = (psycopg.DataError, psycopg.IntegrityError, psycopg.ProgrammingError, StorageError)
"""What the store says of a record that it will not take, however often it is offered."""
_STATEMENT = "42"  # SQLSTATE class: a table, a column or a right is missing, whatever the record


class _Unfit(psycopg.OperationalError):
    """The store takes no record as it is now: it is being rebuilt, or lacks a right."""


def _nobody_asks_again(modems: Collection[str]) -> None:
    """Nobody here holds lines whose readouts may come too late."""


class Ingest:
    """Drains one spool into one store; run `serve` as a task, await `drained` to know the spool empty."""

    def __init__(self, spool: Spool, dsn: str, *, node: str = "", ours: OurSide | None = None) -> None:
        self.spool = spool
        self._dsn, self._ours = dsn, ours
        # The name by which another node ends what we leave open, should we stop in the middle of it.
        self._session = session()
        self._session["options"] += f" -c idle_in_transaction_session_timeout={round(IDLE_S * 1000)}"
        if node:
            self._session["application_name"] = leases.APPLICATION.format(node)
        # One writer, one connection: a pool's own back-off would keep us waiting after the store is back.
        self._connection: AsyncConnection[TupleRow] | None = None
        self.counts: Counter[str] = Counter()
        self.fenced: Callable[[Collection[str]], None] = _nobody_asks_again  # these modems' readouts were
        self.away_since: float | None = None  # monotonic; None while the store answers
        self.reason = self._said = ""
        self._empty = asyncio.Event()

    async def serve(self) -> None:
        """Until cancelled: store what the spool holds, wait for more."""
        try:
            await self._serve()
        finally:
            await self._hang_up()

    async def _serve(self) -> None:
        pause = BACK_OFF[0]
        while True:
            if not self.spool.rows:
                self._empty.set()
            await self.spool.filled.wait()
            self._empty.clear()
            try:
                await self.step()
            except SpoolFull as full:
                # Stored, but not forgotten: it will be stored again, which changes nothing.
                self._say_once(full.sentence)
                await asyncio.sleep(BACK_OFF[1])
            except AWAY as error:
                self._went_away(error)
                await self._hang_up()
                await asyncio.sleep(pause * random.uniform(0.5, 1.0))
                pause = min(pause * 2, BACK_OFF[1])
            else:
                pause, self._said = BACK_OFF[0], ""
                self._came_back()

    async def step(self) -> int:
        """Store and forget one batch; returns how many records it held."""
        batch = await self.spool.oldest(BATCH)
        if not batch:
            return 0
        try:
            late = await self._store(batch)
        except REFUSED:
            # One record the store will not take must not hold up the others: find it.
            for record in batch:
                await self._store_or_put_aside(record)
        else:
            await self._forget(batch, late)
        return len(batch)

    async def _forget(self, batch: Sequence[Spooled], late: Collection[str]) -> None:
        await self.spool.delete([record.id for record in batch])
        if late:
            self.fenced(late)

    async def drained(self) -> None:
        """Wait until everything spooled so far is in the store."""
        while self.spool.rows:
            self._empty.clear()
            await self._empty.wait()

    async def _store(self, batch: Sequence[Spooled]) -> frozenset[str]:
        """Returns the modems of which something was fenced."""
        try:
            return await self._bring(batch)
        except psycopg.ProgrammingError as error:
            if (error.sqlstate or "").startswith(_STATEMENT):
                raise _Unfit(str(error)) from error
            raise

    async def _bring(self, batch: Sequence[Spooled]) -> frozenset[str]:
        if self._connection is None:
            self._connection = await AsyncConnection.connect(self._dsn, **self._session)
        began = time.perf_counter()
        async with self._connection.transaction():
            may = await leases.judge(
                self._connection, [(one.modem, one.epoch, _instant(one.taken)) for one in batch]
            )
            rows = [
                (one.meter_id, one.modem, one.received_at, one.readout if ok else fenced(one))
                for one, ok in zip(batch, may, strict=True)
            ]
            counts = await evidence.store(self._connection, rows)
            titles = {} if self._ours is None else self._ours.new_titles
            await pushers.keep_titles(self._connection, titles)
        if self._ours is not None:
            self._ours.stored(titles)
        INGEST_COMMIT_SECONDS.observe(time.perf_counter() - began)
        # Counted after the commit: what was rolled back is not counted.
        for field in fields(counts):
            self.counts[field.name] += getattr(counts, field.name)
            INGEST_ROWS.labels(field.name).inc(getattr(counts, field.name))
        if not all(may):
            self.counts["fenced"] += may.count(False)
            FENCED_WRITES.inc(may.count(False))
            log.warning(
                "%d readouts came after another node had taken their modems over: kept as evidence alone",
                may.count(False),
            )
        return frozenset([one.modem for one, ok in zip(batch, may, strict=True) if not ok])

    async def _hang_up(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close()

    async def _store_or_put_aside(self, record: Spooled) -> None:
        try:
            late = await self._store([record])
        except REFUSED as error:
            reason = _refusal(record, error)
            await self.spool.put_aside(record.id, reason)
            self.counts["set_aside"] += 1
            log.error(
                "the store refused a readout of meter %s (%s): it is kept aside in %s",
                record.readout.serial,
                reason,
                self.spool.path,
                extra={
                    "meter": record.readout.serial,
                    "modem": record.modem,
                    "poll": record.readout.poll,
                    "epoch": record.epoch,
                },
            )
        else:
            await self._forget([record], late)

    def _say_once(self, sentence: str) -> None:
        if sentence != self._said:
            self._said = sentence
            log.error("%s", sentence)

    def _went_away(self, error: Exception) -> None:
        if self.away_since is None:
            self.away_since = asyncio.get_running_loop().time()
            self.reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
            if isinstance(error, psycopg.errors.DiskFull):
                self.reason = f"its disk is full, make room there: {self.reason}"
            log.warning("the database is away (%s): readouts wait in %s", self.reason, self.spool.path)

    def _came_back(self) -> None:
        if self.away_since is not None:
            seconds = asyncio.get_running_loop().time() - self.away_since
            self.away_since = None
            log.warning("the database is back after %.0f s: %d readouts wait", seconds, self.spool.rows)


def _instant(taken: float) -> datetime:
    return datetime.fromtimestamp(taken, UTC)


def _refusal(record: Spooled, error: Exception) -> str:
    said = str(error).strip().splitlines()[0]
    if isinstance(error, psycopg.errors.ForeignKeyViolation):
        serial = record.readout.serial
        return f"meter {serial} is no longer in the register: hang it again, it is read anew ({said})"
    return said
