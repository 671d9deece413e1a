"""The embedded server of one home: start, stop, status, address."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final, Literal

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from storage.embedded import launch, locks, postmaster, programs, sandbox
from storage.embedded.dsn import Dsn
from storage.embedded.places import Places
from storage.errors import OtherMajor, ServerFailed

DATABASE: Final = "ami"

SETTINGS: Final[Mapping[str, str]] = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "shared_preload_libraries": "timescaledb",
    "timescaledb.telemetry_level": "off",
    "timescaledb.max_background_workers": "16",
    "max_worker_processes": "32",
    "max_connections": "100",
    "max_locks_per_transaction": "256",
    "shared_buffers": "256MB",
    "max_wal_size": "1GB",
    "wal_level": "replica",
    "synchronous_commit": "on",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] ",
    "log_checkpoints": "off",
}
"""Modest: the machine does other things too."""

_STOP_S: Final = 120.0
_SIGNALS: Final = {"fast": signal.SIGINT, "immediate": signal.SIGQUIT}

_SELECT_DATABASE: Final = "SELECT 1 FROM pg_database WHERE datname = %s"
_CREATE_DATABASE: Final = sql.SQL("CREATE DATABASE {}").format(sql.Identifier(DATABASE))

_VARIABLES: Final = {
    "host": "PGHOST",
    "port": "PGPORT",
    "user": "PGUSER",
    "password": "PGPASSWORD",
    "dbname": "PGDATABASE",
    "sslmode": "PGSSLMODE",
}

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class EmbeddedStatus:
    """What there is of the embedded server of a home."""

    running: bool
    pid: int | None
    port: int | None
    """Where it listens, or listened the last time."""
    data: Path
    version: str | None
    """PostgreSQL's and TimescaleDB's, when their programs have been fetched."""
    programs: Path | None


class Embedded:
    """The private server of one home; several programs may hold one and see the same server.

    `home` is $AMI_HOME; `cache` keeps the programs (default: ${XDG_CACHE_HOME:-~/.cache}/dienke);
    `settings` are server parameters beside SETTINGS.
    """

    def __init__(
        self, home: Path, cache: Path | None = None, settings: Mapping[str, str] | None = None
    ) -> None:
        self._places = Places(home.absolute() / "db")
        self._cache = cache if cache is not None else programs.default_cache()
        self._settings = {**SETTINGS, **(settings or {})}

    @property
    def log(self) -> Path:
        """What the server says."""
        return self._places.log

    def start(self, progress: Progress | None = None) -> Dsn:
        """Bring the server up, making what is missing, and return the address of the database `ami`.

        A server that is up is left as it is. Raises OtherMajor, DiskFull, DatabaseMissing or ServerFailed.
        """
        say = progress if progress is not None else _silent
        places = self._places
        try:
            places.db.mkdir(parents=True, exist_ok=True, mode=0o700)
            with self._alone(say):
                self._refuse_other_major()
                tree = programs.ensure(self._cache, say).root
                if self._running() is None:
                    launch.clear_up(places, say)
                    if not places.data.exists():
                        launch.make_cluster(places, tree, say)
                    launch.run_server(places, tree, self._settings, say)
                else:
                    launch.until_ready(places, say)
                self._make_database()
        except OSError as error:
            raise places.unwritable(error) from error
        return self.dsn()

    def stop(self, mode: Literal["fast", "immediate"] = "fast") -> bool:
        """Take the server down; False when it was not up. `immediate` leaves recovery to the next start."""
        places = self._places
        if not places.db.is_dir():
            return False
        with self._alone(_silent):
            found = self._running()
            if found is None:
                return False
            os.kill(found.pid, _SIGNALS[mode])
            deadline = time.monotonic() + _STOP_S
            while locks.held(places.alive):
                if time.monotonic() > deadline:
                    raise ServerFailed(
                        f"The database did not stop within {_STOP_S:.0f} s: look at the end of {places.log}.",
                        log=places.log,
                    )
                time.sleep(0.02)
        return True

    def status(self) -> EmbeddedStatus:
        """What is there now; nothing is changed."""
        found = self._running()
        tree = programs.built(self._cache)
        version = None
        if tree is not None:
            version = f"PostgreSQL {tree.versions['postgresql']}, TimescaleDB {tree.versions['timescaledb']}"
        return EmbeddedStatus(
            running=found is not None,
            pid=found.pid if found else None,
            port=found.port if found else self._places.port(),
            data=self._places.data,
            version=version,
            programs=tree.root if tree else None,
        )

    def dsn(self, database: str = DATABASE) -> Dsn:
        """The address of `database`. Raises StorageError while there has been no start."""
        found = self._running()
        return self._places.dsn(database, found.port if found else self._places.port())

    def run_program(
        self,
        argv: Sequence[str],
        *,
        dsn: str | None = None,
        stdin: IO[bytes] | int | None = None,
        stdout: IO[bytes] | int | None = None,
        stderr: IO[bytes] | int | None = None,
        progress: Progress | None = None,
    ) -> int:
        """Run psql, pg_dump or pg_restore against `dsn` (default: this server) and return its exit code.

        Standard input, output and error are the caller's unless given. It sees no file of the machine.
        """
        tree = programs.ensure(self._cache, progress if progress is not None else _silent).root
        target = conninfo_to_dict(dsn if dsn is not None else self.dsn())
        asked = {variable: str(target[key]) for key, variable in _VARIABLES.items() if target.get(key)}
        return subprocess.run(
            sandbox.command(tree, argv),
            env=sandbox.environment(asked),
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
            check=False,
        ).returncode

    def _running(self) -> postmaster.Postmaster | None:
        return postmaster.running(self._places.data, self._places.alive)

    def _alone(self, say: Progress) -> AbstractContextManager[int]:
        return locks.exclusive(
            self._places.starting,
            timeout_s=launch.START_S + _STOP_S,
            busy=f"Another program has been starting or stopping the database in {self._places.db}"
            " for minutes: look at what it does, then try again.",
            waiting=lambda: say("Waiting for another program that starts or stops the database"),
        )

    def _refuse_other_major(self) -> None:
        try:
            found = (self._places.data / "PG_VERSION").read_text(errors="replace").strip()
        except FileNotFoundError:
            return
        if found != programs.POSTGRES_MAJOR:
            raise OtherMajor(self._places.data, found, programs.POSTGRES_MAJOR)

    def _make_database(self) -> None:
        with psycopg.connect(self.dsn("postgres"), autocommit=True) as connection:
            if connection.execute(_SELECT_DATABASE, [DATABASE]).fetchone() is None:
                connection.execute(_CREATE_DATABASE)


def _silent(_line: str) -> None:
    return None
