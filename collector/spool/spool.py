"""Between meter and database: a bounded SQLite journal. What `append` has returned for is on the disk.

WAL with synchronous=FULL. A record that comes alone is committed at once; where several come at a time they
are gathered for `GATHER_S`, or until there are `ENOUGH`, and go into one commit (group commit). A record is
deleted only after the database has committed it.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TypeVar

from collector.errors import SpoolError, SpoolFull
from collector.spool import file as spool_file
from collector.spool.file import spool_error, transaction
from collector.spool.record import decode, encode, spelled
from model.light import light
from model.readout import Readout

T = TypeVar("T")

GROUP = 200  # records in one commit
GATHER_S = 0.05  # between two commits, unless there is enough for one
ENOUGH = 100
TOGETHER = (50, 10, 1)  # records inserted by one statement
LIMIT = 1 << 30
WARNINGS = (0.5, 0.8)
TRIAL_BYTES = 256 << 10  # what is written on trial: more than any one conversation brings

log = logging.getLogger("ami.spool")

INSERT = """
INSERT INTO spooled (meter_id, modem, received_at, readout, epoch, taken) VALUES (?, ?, ?, ?, ?, ?)
"""
COLUMNS = "id, meter_id, modem, received_at, readout, epoch, taken"
OLDEST = f"SELECT {COLUMNS} FROM spooled WHERE id > ? ORDER BY id LIMIT ?"
OF_METERS = f"""
SELECT {COLUMNS} FROM spooled WHERE meter_id IN (SELECT value FROM json_each(?)) AND id > ?
ORDER BY id LIMIT ?
"""
DELETE = "DELETE FROM spooled WHERE id = ?"
SET_ASIDE = """
INSERT INTO aside (id, meter_id, modem, received_at, readout, reason)
SELECT id, meter_id, modem, received_at, readout, ? FROM spooled WHERE id = ?
"""
WHOLE = f"SELECT {COLUMNS} FROM spooled ORDER BY id LIMIT ?"
WHOLE_ASIDE = "SELECT id, meter_id, modem, received_at, readout, reason FROM aside ORDER BY id LIMIT ?"
# Below zero: the others keep the number under which they waited.
INSERT_ASIDE = """
INSERT INTO aside (id, meter_id, modem, received_at, readout, reason)
VALUES ((SELECT min(0, coalesce(min(id), 0)) - 1 FROM aside), ?, ?, ?, ?, ?)
"""
TRIAL = (
    "CREATE TABLE IF NOT EXISTS trial (id INTEGER PRIMARY KEY, room BLOB NOT NULL)",
    f"INSERT OR REPLACE INTO trial (id, room) VALUES (1, randomblob({TRIAL_BYTES}))",
)
END_TRIAL = "DELETE FROM trial"
HELD = "SELECT count(*), coalesce(sum(length(readout)), 0) FROM spooled"
HELD_ASIDE = "SELECT count(*), coalesce(sum(length(readout)), 0) FROM aside"


@light
class Spooled:
    """One conversation's yield on its way to the store; `id` orders records, 0 before it is spooled.

    `epoch` is of the lease under which the modem was asked (0: of none), `taken` when, by the store's clock,
    in seconds since 1970: the spool's `stamp` puts them on.
    """

    meter_id: int
    modem: str
    received_at: datetime
    readout: Readout
    id: int = 0
    epoch: int = 0
    taken: float = 0.0


Row = tuple[int, str, str, bytes, int, float]


def _gathered(waiting: asyncio.Future[None]) -> None:
    if not waiting.done():
        waiting.set_result(None)


def unstamped(record: Spooled) -> Spooled:
    """No lease, no epoch."""
    return record


@dataclass(slots=True)
class _Pending:
    rows: list[Row]
    done: asyncio.Future[None]


class Spool:
    """Opened by one head-end at a time; all methods but `close` belong to one event loop.

    `identity` names the file; `stamp` is put on every record that comes in, whoever brings it. `wrong` is
    why the last one could not be kept, None since one could.
    """

    def __init__(self, path: Path, limit_bytes: int = LIMIT) -> None:
        self.path, self.limit_bytes = path, limit_bytes
        self.stamp: Callable[[Spooled], Spooled] = unstamped
        self.wrong: SpoolError | None = None
        self.rows = self.bytes = self.set_aside = self._warned = 0
        self._pending: list[_Pending] = []
        self._writer: asyncio.Task[None] | None = None
        self._committed_at = 0.0  # loop time at which the last commit began
        self._crowd = False  # several came at a time
        self._gathering: asyncio.Future[None] | None = None
        self._thread = ThreadPoolExecutor(1, "spool")
        self._reserve = spool_file.Reserve(path)
        self.filled = asyncio.Event()
        self._lock = spool_file.lock(path)
        try:
            self._database = self._open()
        except BaseException:
            os.close(self._lock)
            raise

    def _open(self) -> sqlite3.Connection:
        database = spool_file.open_file(self.path)
        try:
            self.identity = spool_file.identity(database)
            self.rows, self.bytes = database.execute(HELD).fetchone()
            self.set_aside, aside_bytes = database.execute(HELD_ASIDE).fetchone()
            self.bytes += aside_bytes
        except sqlite3.Error as error:
            raise spool_error(self.path, error) from error
        if self.rows:
            self.filled.set()
        self._reserve.keep()
        return database

    async def _run(self, work: Callable[[], T]) -> T:
        """In the spool's own thread; on a full disk once more, when the journal could be given up for it."""
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(self._thread, work)
        except sqlite3.Error as error:
            wrong = spool_error(self.path, error)
            if not isinstance(wrong, SpoolFull):
                raise wrong from error
        await loop.run_in_executor(self._thread, partial(spool_file.shorten, self._database))
        try:
            return await loop.run_in_executor(self._thread, work)
        except sqlite3.Error as error:
            raise spool_error(self.path, error) from error

    async def append(self, records: Sequence[Spooled]) -> None:
        """Return once the records are on the disk; `SpoolFull` when there is no room (none is kept)."""
        rows = [
            (r.meter_id, r.modem, spelled(r.received_at), encode(r.readout), r.epoch, r.taken)
            for r in map(self.stamp, records)
        ]
        if self.bytes + sum(len(row[3]) for row in rows) > self.limit_bytes:
            self.wrong = SpoolFull(
                f"the spool {self.path} is full ({self.limit_bytes >> 20} MiB, {self.rows} readouts wait "
                "until the database takes them): check the database",
                "spool",
            )
            raise self.wrong
        done = asyncio.get_running_loop().create_future()
        self._pending.append(_Pending(rows, done))
        if self._writer is None or self._writer.done():
            self._writer = asyncio.create_task(self._write_all())
        elif self._gathering is not None and len(self._pending) >= ENOUGH:
            _gathered(self._gathering)
        # The commit goes on when whoever waits for it is cancelled: it may already be on the disk.
        await done

    async def _gather(self) -> None:
        """Wait until enough has come for a commit, or the time for one."""
        loop = asyncio.get_running_loop()
        due = self._committed_at + GATHER_S
        crowd = self._crowd or len(self._pending) > 1
        if crowd and len(self._pending) < ENOUGH and loop.time() < due:
            self._gathering = loop.create_future()
            timer = loop.call_at(due, _gathered, self._gathering)
            await self._gathering
            timer.cancel()
            self._gathering = None
        self._crowd = len(self._pending) > 1
        self._committed_at = loop.time()

    async def _write_all(self) -> None:
        while self._pending:
            await self._gather()
            size = taken = 0
            while taken < len(self._pending) and size < GROUP:
                size += len(self._pending[taken].rows)
                taken += 1
            group, self._pending = self._pending[:taken], self._pending[taken:]
            rows = [row for pending in group for row in pending.rows]
            try:
                await self._run(partial(self._insert, rows))
            except SpoolError as error:
                self.wrong = error
                for pending in group:
                    if not pending.done.done():
                        pending.done.set_exception(error)
                        pending.done.exception()  # heard here, should nobody wait for it any more
                continue
            self.wrong = None
            self.rows += len(rows)
            self.bytes += sum(len(row[3]) for row in rows)
            self._warn()
            self.filled.set()
            for pending in group:
                if not pending.done.done():
                    pending.done.set_result(None)

    def _warn(self) -> None:
        """One line in the log each time the spool gets half and four fifths full."""
        level = sum(self.fullness >= share for share in WARNINGS)
        if level > self._warned:
            log.warning(
                "the spool %s is %.0f %% full: %d readouts wait", self.path, self.fullness * 100, self.rows
            )
        self._warned = level

    def _insert(self, rows: list[Row]) -> None:
        """Many rows by one statement: between two of them the event loop's thread would have its turn."""
        at = 0
        with transaction(self._database):
            for together in TOGETHER:
                insert = INSERT.rstrip() + ", (?, ?, ?, ?, ?, ?)" * (together - 1)
                while len(rows) - at >= together:
                    values = [value for row in rows[at : at + together] for value in row]
                    self._database.execute(insert, values)
                    at += together

    async def trial(self) -> None:
        """Write as much as a conversation may bring, and forget it; SpoolError where that cannot be."""

        def attempt() -> None:
            with transaction(self._database):
                for statement in TRIAL:
                    self._database.execute(statement)
            with transaction(self._database):
                self._database.execute(END_TRIAL)

        try:
            await self._run(attempt)
        except SpoolError as error:
            self.wrong = error
            raise
        self.wrong = None

    async def oldest(self, limit: int = GROUP, after: int = 0) -> list[Spooled]:
        """Up to `limit` records after the one called `after`, oldest first; they stay until `delete`."""
        return await self._read(OLDEST, (after, limit))

    async def of_meters(self, meter_ids: Iterable[int]) -> AsyncIterator[Spooled]:
        """What waits of these meters, oldest first."""
        chosen, after = json.dumps(list(meter_ids)), 0
        while self.rows and (batch := await self._read(OF_METERS, (chosen, after, GROUP))):
            after = batch[-1].id
            for record in batch:
                yield record

    async def _read(self, query: str, arguments: tuple[object, ...]) -> list[Spooled]:
        def read() -> tuple[list[Spooled], int]:
            found, unreadable = [], 0
            for id_, meter_id, modem, at, body, *lease in self._database.execute(query, arguments).fetchall():
                try:
                    received_at = datetime.fromisoformat(at)
                    found.append(Spooled(meter_id, modem, received_at, decode(body), id_, *lease))
                except (ValueError, KeyError, TypeError) as error:
                    # Written by another version, or damaged: kept, but out of the way of the others.
                    self._put_aside(id_, f"cannot be read: {error}")
                    unreadable += 1
            return found, unreadable

        while True:
            found, unreadable = await self._run(read)
            if unreadable:
                self._count(await self._run(self._held))
                self.set_aside += unreadable
                log.error(
                    "%d readouts in the spool %s cannot be read: kept aside there", unreadable, self.path
                )
            if found or not unreadable:
                return found

    async def delete(self, ids: Sequence[int]) -> None:
        """Forget records that the database has committed.

        On a full disk even forgetting needs room: then the reserve is given up for it.
        """

        def forget() -> tuple[int, int]:
            with transaction(self._database):
                self._database.executemany(DELETE, [(id_,) for id_ in ids])
            self._reserve.keep()
            return self._held()

        try:
            held = await self._run(forget)
        except SpoolFull:
            if not self._reserve.give_up():
                raise
            held = await self._run(forget)
        self._count(held)

    async def put_aside(self, id_: int, reason: str) -> None:
        """Take a record the database will never accept out of the way, kept with its reason."""

        await self._run(partial(self._put_aside, id_, reason))
        self._count(await self._run(self._held))
        self.set_aside += 1

    def _put_aside(self, id_: int, reason: str) -> None:
        with transaction(self._database):
            self._database.execute(SET_ASIDE, (reason, id_))
            self._database.execute(DELETE, (id_,))

    def _held(self) -> tuple[int, int]:
        rows, size = self._database.execute(HELD).fetchone()
        _, aside = self._database.execute(HELD_ASIDE).fetchone()
        return rows, size + aside

    def _count(self, held: tuple[int, int]) -> None:
        self.rows, self.bytes = held
        self._warn()
        if not self.rows:
            self.filled.clear()

    @property
    def fullness(self) -> float:
        """Share of the room in use, 0 to 1."""
        return self.bytes / self.limit_bytes

    def adopt(self, other: Path) -> int:
        """Take over what waits in another spool, unless somebody has it open; how many readouts that were.

        Before anything else is done with this one. Copied first and deleted there after: what a kill in
        between leaves twice is stored once.
        """
        try:
            held = spool_file.lock(other)
        except SpoolError:
            return 0
        try:
            theirs = spool_file.open_file(other)
            try:
                taken = self._move(theirs, "spooled", WHOLE, INSERT)
                self.set_aside += self._move(theirs, "aside", WHOLE_ASIDE, INSERT_ASIDE)
            finally:
                theirs.close()
        except sqlite3.Error as error:
            raise spool_error(other, error) from error
        finally:
            os.close(held)
        self._count(self._held())
        if self.rows:
            self.filled.set()
        return taken

    def _move(self, theirs: sqlite3.Connection, table: str, whole: str, insert: str) -> int:
        moved = 0
        while rows := theirs.execute(whole, (GROUP,)).fetchall():
            with transaction(self._database):
                self._database.executemany(insert, [row[1:] for row in rows])
            with transaction(theirs):
                theirs.executemany(f"DELETE FROM {table} WHERE id = ?", [row[:1] for row in rows])
            moved += len(rows)
        return moved

    def close(self) -> None:
        """Finish the commit under way and let go of the file."""
        self._thread.shutdown(wait=True)
        self._database.close()
        os.close(self._lock)
