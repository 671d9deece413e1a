"""The spool's file: its tables, its lock, and what SQLite says when something is wrong with it."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import logging
import os
import sqlite3
import uuid
from pathlib import Path
from typing import Final

from collector.errors import SpoolError, SpoolFull

# `epoch`: under which lease it was asked (0: under none); `taken`: when, in seconds since 1970 of the store.
_TABLES = (
    """
    CREATE TABLE IF NOT EXISTS spooled (
        id          INTEGER PRIMARY KEY AUTOINCREMENT,
        meter_id    INTEGER NOT NULL,
        modem       TEXT NOT NULL,
        received_at TEXT NOT NULL,
        readout     BLOB NOT NULL,
        epoch       INTEGER NOT NULL DEFAULT 0,
        taken       REAL NOT NULL DEFAULT 0
    )""",
    """
    CREATE TABLE IF NOT EXISTS aside (
        id          INTEGER PRIMARY KEY,
        meter_id    INTEGER NOT NULL,
        modem       TEXT NOT NULL,
        received_at TEXT NOT NULL,
        readout     BLOB NOT NULL,
        reason      TEXT NOT NULL
    )""",
    "CREATE TABLE IF NOT EXISTS identity (id TEXT NOT NULL)",
)
# What a file of before this column has not got.
_LATER = (
    "ALTER TABLE spooled ADD COLUMN epoch INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE spooled ADD COLUMN taken REAL NOT NULL DEFAULT 0",
)
_INDEX = "CREATE INDEX IF NOT EXISTS spooled_meter ON spooled (meter_id)"
_PRAGMAS = ("journal_mode=WAL", "synchronous=FULL", "journal_size_limit=67108864", "secure_delete=OFF")


_PAGE: Final = 16_384
"""Bytes: a readout of a day in a page with others, and not in a page and pieces of further ones."""
_SMALL: Final = 4_096
_JOURNAL: Final = 4 << 20
_ROOMY: Final = 256 << 20  # bytes free: on less, small pages; whatever is written takes a page at least
_RESERVE: Final = 4 << 20  # a commit that forgets records writes to the journal first
_SMALLEST_RESERVE: Final = 128 << 10

log = logging.getLogger("ami.spool")


def lock(path: Path) -> int:
    """The descriptor of the lock beside a spool; SpoolError where the folder is no use or another has it."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        held = os.open(path.with_name(path.name + ".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise SpoolError(f"the spool {path} cannot be opened: {error.strerror}; check the folder") from error
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(held)
        raise SpoolError(f"the spool {path} is in use by another head-end: stop that one first") from None
    return held


def open_file(path: Path) -> sqlite3.Connection:
    """The database of a spool whose lock is held, its tables as they are today. Raises SpoolError."""
    try:
        database = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        room = _room(path)
        database.execute(f"PRAGMA page_size={_PAGE if room > _ROOMY else _SMALL}")  # of a new file
        for pragma in _PRAGMAS:
            database.execute(f"PRAGMA {pragma}")
        (page,) = database.execute("PRAGMA page_size").fetchone()
        database.execute(f"PRAGMA wal_autocheckpoint={_journal_pages(room, page)}")
        with transaction(database):  # one: a disk that is nearly full has room for few pages
            for table in _TABLES:
                database.execute(table)
            columns = {row[1] for row in database.execute("PRAGMA table_info(spooled)")}
            for statement, column in zip(_LATER, ("epoch", "taken"), strict=True):
                if column not in columns:
                    database.execute(statement)
            database.execute(_INDEX)
            if database.execute("SELECT id FROM identity").fetchone() is None:
                database.execute("INSERT INTO identity (id) VALUES (?)", (str(uuid.uuid4()),))
    except sqlite3.Error as error:
        raise spool_error(path, error) from error
    return database


def _room(path: Path) -> int:
    """Bytes free where the spool lies."""
    found = os.statvfs(path.parent)
    return int(found.f_bavail * found.f_frsize)


def _journal_pages(room: int, page: int) -> int:
    """After so many pages the journal goes into the file: on a small disk it may not take all there is."""
    return max(16, min(_JOURNAL, room // 8) // page)


def shorten(database: sqlite3.Connection) -> None:
    """Bring the journal into the file and give its room back, as far as that goes."""
    with contextlib.suppress(sqlite3.Error):
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()


def identity(database: sqlite3.Connection) -> uuid.UUID:
    """What this file is called for as long as it exists."""
    (name,) = database.execute("SELECT id FROM identity").fetchone()
    return uuid.UUID(name)


class Reserve:
    """Room held back on the disk beside a spool, for when forgetting needs some on a full one."""

    def __init__(self, spool: Path) -> None:
        self._spool, self._file = spool, spool.with_name(spool.name + ".reserve")

    def keep(self) -> None:
        """Hold some room back, a quarter of what is free at most."""
        if self._file.exists():
            return
        try:
            size = min(_RESERVE, _room(self._spool) // 4)
            if size < _SMALLEST_RESERVE:
                return
            with self._file.open("wb") as held:
                os.posix_fallocate(held.fileno(), 0, size)
        except OSError as error:
            log.warning("no reserve beside the spool %s: %s", self._spool, error.strerror)
            self._file.unlink(missing_ok=True)

    def give_up(self) -> bool:
        """Let the room go; False where none is held."""
        if not self._file.exists():
            return False
        self._file.unlink()
        log.warning("the disk that holds the spool %s is full: its reserve is used to empty it", self._spool)
        return True


class transaction:
    """BEGIN IMMEDIATE … COMMIT, or ROLLBACK; sqlite3's own context manager opens none in autocommit."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database

    def __enter__(self) -> None:
        self._database.execute("BEGIN IMMEDIATE")

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        if error is None:
            try:
                self._database.execute("COMMIT")
                return
            except sqlite3.Error:
                self._roll_back()
                raise
        self._roll_back()

    def _roll_back(self) -> None:
        if self._database.in_transaction:  # a full disk has rolled back already
            self._database.execute("ROLLBACK")


def spool_error(path: Path, error: sqlite3.Error) -> SpoolError:
    """What SQLite said, as a sentence with what to do."""
    code = getattr(error, "sqlite_errorname", "")
    if code == "SQLITE_FULL" or (code.startswith("SQLITE_IOERR") and _disk_is_full(path)):
        return SpoolFull(f"the disk that holds the spool {path} is full: make room there")
    if code in ("SQLITE_NOTADB", "SQLITE_CORRUPT"):
        return SpoolError(
            f"the spool {path} is damaged ({error}): move it away, the meters will be read again"
        )
    return SpoolError(f"the spool {path} cannot be used ({error}): check the folder and the disk")


def _disk_is_full(path: Path) -> bool:
    try:
        return _room(path) < 1 << 20
    except OSError as error:
        return error.errno == errno.ENOSPC
