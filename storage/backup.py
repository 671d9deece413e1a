"""A copy of the whole database in one file, and back; psql for whoever wants to look."""

from __future__ import annotations

import os
import secrets
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Final

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from storage.embedded import Embedded
from storage.errors import BackupFailed, DiskFull

CREATE_DATABASE: Final = sql.SQL("CREATE DATABASE {name} TEMPLATE template0")
DROP_DATABASE: Final = sql.SQL("DROP DATABASE IF EXISTS {name} WITH (FORCE)")
RENAME_DATABASE: Final = sql.SQL("ALTER DATABASE {name} RENAME TO {to}")
CREATE_EXTENSION: Final = "CREATE EXTENSION timescaledb"
# Without these two a restore corrupts the catalogue of chunks.
PRE_RESTORE: Final = "SELECT timescaledb_pre_restore()"
POST_RESTORE: Final = "SELECT timescaledb_post_restore()"
ANALYZE: Final = "ANALYZE"
COUNT_USERS: Final = (
    "SELECT count(*) FROM pg_stat_activity WHERE datname = %s AND backend_type = 'client backend'"
    " AND pid <> pg_backend_pid()"
)
END_WORKERS: Final = (
    "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
    " WHERE datname = %s AND pid <> pg_backend_pid()"
)


def psql(home: Path, dsn: str, arguments: Sequence[str]) -> int:
    """psql on `dsn` with the caller's terminal; its exit code."""
    return Embedded(home).run_program(["psql", *arguments], dsn=dsn)


def backup(home: Path, dsn: str, file: Path) -> None:
    """Write `dsn` whole into `file` in PostgreSQL's custom format, readable by its owner alone.

    `file` appears when it is whole. Raises BackupFailed or DiskFull.
    """
    part = file.with_name(f".{file.name}.{os.getpid()}.part")
    try:
        with open(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
            _run(home, ["pg_dump", "--format=custom"], dsn, stdout=out, place=file)
            out.flush()
            os.fsync(out.fileno())
        part.rename(file)
    except OSError as error:
        raise BackupFailed(f"The backup could not be written to {file} ({error.strerror}).") from error
    finally:
        part.unlink(missing_ok=True)


def restore(home: Path, dsn: str, file: Path) -> None:
    """Put what `file` holds in the place of the database `dsn`.

    It is read into a database beside it, which takes the name when it is whole; until then nothing changes.
    Raises BackupFailed, among others where somebody else is connected, or DiskFull.
    """
    name = str(conninfo_to_dict(dsn)["dbname"])
    beside = f"{name}_restoring_{secrets.token_hex(4)}"
    with _opened(file) as source, tempfile.TemporaryFile() as listing:
        _run(home, ["pg_restore", "--list"], dsn, stdin=source, stdout=listing, place=file)
    with psycopg.connect(make_conninfo(dsn, dbname="postgres"), autocommit=True) as server:
        _refuse_users(server, name)
        server.execute(CREATE_DATABASE.format(name=sql.Identifier(beside)))
        try:
            _fill(home, make_conninfo(dsn, dbname=beside), file)
            _refuse_users(server, name)
            _swap(server, name, beside)
        finally:
            server.execute(DROP_DATABASE.format(name=sql.Identifier(beside)))


def _fill(home: Path, dsn: str, file: Path) -> None:
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(CREATE_EXTENSION)
        connection.execute(PRE_RESTORE)
    line = ["pg_restore", "--exit-on-error", "--no-owner", "--dbname", str(conninfo_to_dict(dsn)["dbname"])]
    with _opened(file) as source:
        _run(home, line, dsn, stdin=source, place=file)
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(POST_RESTORE)
        connection.execute(ANALYZE)


def _swap(server: psycopg.Connection[tuple[object, ...]], name: str, beside: str) -> None:
    """Give `beside` the name `name`; what had it is dropped. TimescaleDB's workers may connect in between."""
    old = f"{beside}_old"
    for database in (name, beside):
        server.execute(END_WORKERS, [database])
    with server.transaction():
        server.execute(RENAME_DATABASE.format(name=sql.Identifier(name), to=sql.Identifier(old)))
        server.execute(RENAME_DATABASE.format(name=sql.Identifier(beside), to=sql.Identifier(name)))
    server.execute(DROP_DATABASE.format(name=sql.Identifier(old)))


def _refuse_users(server: psycopg.Connection[tuple[object, ...]], name: str) -> None:
    row = server.execute(COUNT_USERS, [name]).fetchone()
    if row is not None and row[0]:
        raise BackupFailed(
            f"Others use the database {name} ({row[0]} open connections): stop what runs on it (ami demo,"
            " ami serve, ami collect, ami worker), then restore again."
        )


def _opened(file: Path) -> IO[bytes]:
    try:
        return file.open("rb")
    except OSError as error:
        raise BackupFailed(f"The backup {file} cannot be read ({error.strerror}).") from error


def _run(
    home: Path,
    argv: Sequence[str],
    dsn: str,
    *,
    place: Path,
    stdin: IO[bytes] | int = subprocess.DEVNULL,
    stdout: IO[bytes] | int = subprocess.DEVNULL,
) -> None:
    """Run a program of PostgreSQL to its end. Raises DiskFull or BackupFailed with its last words."""
    with tempfile.TemporaryFile() as stderr:
        code = Embedded(home).run_program(argv, dsn=dsn, stdin=stdin, stdout=stdout, stderr=stderr)
        stderr.seek(0)
        said = stderr.read().decode(errors="replace").strip()
    if code == 0:
        return
    if "No space left on device" in said:
        raise DiskFull(place, said)
    last = next(
        (line for line in said.splitlines() if "error" in line.lower()), said[-200:] or f"exit code {code}"
    )
    if "does not appear to be a valid archive" in said or "too short" in said or "end of file" in said:
        raise BackupFailed(f"{place} is no whole backup ({last}): take another one.", said=said)
    raise BackupFailed(f"{argv[0]} did not come to its end with {place} ({last}).", said=said)
