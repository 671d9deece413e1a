"""The embedded server of one home: start, stop, status, address."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final, Literal

import psycopg
from psycopg import sql

from storage.embedded import locks, ports, postmaster, programs, sandbox
from storage.embedded.dsn import Dsn
from storage.errors import DiskFull, OtherMajor, ServerFailed, StorageError

USER: Final = "ami"
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

_LOG_BYTES: Final = 16 * 2**20
_START_S: Final = 300.0
_STOP_S: Final = 120.0
_LEFTOVERS_S: Final = 5.0
_SIGNALS: Final = {"fast": signal.SIGINT, "immediate": signal.SIGQUIT}

_SELECT_DATABASE: Final = "SELECT 1 FROM pg_database WHERE datname = %s"
_CREATE_DATABASE: Final = sql.SQL("CREATE DATABASE {}")

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class EmbeddedStatus:
    """What there is of the embedded server of a home."""

    running: bool
    pid: int | None
    port: int | None
    data: Path
    version: str | None
    """PostgreSQL's and TimescaleDB's, when their programs have been fetched."""
    programs: Path | None


class Embedded:
    """The private server of one home; several programs may hold one and see the same server.

    `home` is $AMI_HOME, `cache` where the programs are kept (default ${XDG_CACHE_HOME:-~/.cache}/dienke), `settings`
    server parameters beside SETTINGS.
    """

    def __init__(self, home: Path, cache: Path | None = None, settings: Mapping[str, str] | None = None) -> None:
        self._db = home.absolute() / "db"
        self._cache = cache if cache is not None else programs.default_cache()
        self._settings = dict(SETTINGS) | dict(settings or {})
        self._data = self._db / "data" / "pg"
        self._alive = self._db / "alive.lock"
        self._password = self._db / "password"
        self._port = self._db / "port"
        self.log = self._db / "postgres.log"

    def start(self, progress: Progress | None = None) -> Dsn:
        """Bring the server up, making what is missing, and return the address of the database `ami`.

        A server that is up already is left as it is. Raises OtherMajor, DiskFull, DatabaseMissing or ServerFailed.
        """
        say = progress if progress is not None else _silent
        try:
            self._db.mkdir(parents=True, exist_ok=True, mode=0o700)
            with self._alone(say):
                self._refuse_other_major()
                tree = programs.ensure(self._cache, say).root
                if postmaster.running(self._data, self._alive) is None:
                    self._clear_up(say)
                    if not self._data.exists():
                        self._make_cluster(tree, say)
                    self._launch(tree, say)
                else:
                    self._wait(say)
                self._make_database()
        except OSError as error:
            raise _explained(error, self._db) from error
        return self.dsn()

    def stop(self, mode: Literal["fast", "immediate"] = "fast") -> bool:
        """Take the server down; False when it was not up. `immediate` leaves the recovery to the next start."""
        if not self._db.is_dir():
            return False
        with self._alone(_silent):
            found = postmaster.running(self._data, self._alive)
            if found is None:
                return False
            os.kill(found.pid, _SIGNALS[mode])
            deadline = time.monotonic() + _STOP_S
            while locks.held(self._alive):
                if time.monotonic() > deadline:
                    raise ServerFailed(
                        f"The database did not stop within {_STOP_S:.0f} s: look at the end of {self.log}.",
                        log=self.log,
                    )
                time.sleep(0.02)
        return True

    def status(self) -> EmbeddedStatus:
        """What is there now, without changing it."""
        found = postmaster.running(self._data, self._alive)
        tree = programs.built(self._cache)
        return EmbeddedStatus(
            running=found is not None,
            pid=found.pid if found else None,
            port=found.port if found else self._remembered_port(),
            data=self._data,
            version=f"PostgreSQL {tree.versions['postgresql']}, TimescaleDB {tree.versions['timescaledb']}"
            if tree
            else None,
            programs=tree.root if tree else None,
        )

    def dsn(self, database: str = DATABASE) -> Dsn:
        """The address of `database`. Raises StorageError while there has been no start."""
        found = postmaster.running(self._data, self._alive)
        port = found.port if found else self._remembered_port()
        try:
            password = self._password.read_text().strip()
        except FileNotFoundError:
            password = ""
        if port is None or not password:
            raise StorageError(f"There is no database in {self._db} yet: start it with ami db start.")
        return Dsn(f"postgresql://{USER}:{password}@127.0.0.1:{port}/{database}")

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

        Standard input and output are the caller's unless given. The program sees no file of the machine.
        """
        tree = programs.ensure(self._cache, progress if progress is not None else _silent).root
        target = psycopg.conninfo.conninfo_to_dict(dsn if dsn is not None else self.dsn())
        known = {"host": "PGHOST", "port": "PGPORT", "user": "PGUSER", "password": "PGPASSWORD", "dbname": "PGDATABASE"}
        extra = {variable: str(target[key]) for key, variable in known.items() if target.get(key) is not None}
        return subprocess.run(
            sandbox.command(tree, argv),
            env=sandbox.environment(extra),
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
            check=False,
        ).returncode

    # -- the parts of a start

    def _alone(self, say: Progress):  # type: ignore[no-untyped-def]
        return locks.exclusive(
            self._db / "starting.lock",
            timeout_s=_START_S + _STOP_S,
            busy=f"Another program has been starting or stopping the database in {self._db} for minutes:"
            " look at what it does, then try again.",
            waiting=lambda: say("Waiting for another program that starts or stops the database"),
        )

    def _refuse_other_major(self) -> None:
        try:
            found = (self._data / "PG_VERSION").read_text().strip()
        except FileNotFoundError:
            return
        if found != programs.POSTGRES_MAJOR:
            raise OtherMajor(self._data, found, programs.POSTGRES_MAJOR)

    def _clear_up(self, say: Progress) -> None:
        """After a SIGKILL: wait for what is left of the server, end it, and drop the pid file that lies."""
        lock = locks.take(self._alive, timeout_s=_LEFTOVERS_S, waiting=lambda: say("Waiting for the old server to end"))
        if lock is None:
            for folder in (self._data, self._db / "data" / "initdb"):
                postmaster.end_leftovers(folder)
            lock = locks.take(self._alive, timeout_s=_LEFTOVERS_S * 6)
        if lock is None:
            raise ServerFailed(
                f"Something still has the database in {self._db} open: end it, then start again.", log=self.log
            )
        (self._data / "postmaster.pid").unlink(missing_ok=True)
        os.close(lock)

    def _make_cluster(self, tree: Path, say: Progress) -> None:
        say("Making the database")
        data = self._data.parent
        data.mkdir(exist_ok=True, mode=0o700)
        shutil.rmtree(data / "initdb", ignore_errors=True)
        if not self._password.exists():
            _write_secret(self._password, secrets.token_urlsafe(24))
        handed = data / "password"
        _write_secret(handed, self._password.read_text())
        line = ["initdb", "-D", "/data/initdb", "-U", USER, "--auth=scram-sha-256", "--pwfile=/data/password"]
        line += ["--data-checksums", "-E", "UTF8", "--locale-provider=builtin", "--locale=C.UTF-8", "--no-instructions"]
        lock = locks.take(self._alive, timeout_s=_LEFTOVERS_S)
        try:
            ran = subprocess.run(
                sandbox.command(tree, line, data=data),
                env=sandbox.environment(),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                pass_fds=() if lock is None else (lock,),
                check=False,
            )
        finally:
            handed.unlink()
            if lock is not None:
                os.close(lock)
        if ran.returncode != 0:
            shutil.rmtree(data / "initdb", ignore_errors=True)
            raise self._failed("could not be made", ran.stdout + ran.stderr)
        (data / "initdb").rename(self._data)

    def _launch(self, tree: Path, say: Progress) -> None:
        say("Starting the database")
        if self.log.exists() and self.log.stat().st_size > _LOG_BYTES:
            self.log.replace(self.log.with_suffix(".log.1"))
        port = self._remembered_port()
        for _attempt in range(5):
            if port is None or not ports.is_free(port):
                port = ports.choose()
            self._port.write_text(f"{port}\n")
            said_before = self.log.stat().st_size if self.log.exists() else 0
            self._spawn(tree, port)
            try:
                self._wait(say, said_before)
            except ServerFailed as failure:
                if "could not bind" not in failure.said:
                    raise
                port = None
                continue
            return
        raise ServerFailed("The database found no free port on 127.0.0.1 five times: try again.", log=self.log)

    def _spawn(self, tree: Path, port: int) -> None:
        """Start postgres in a session of its own, holding the lock `alive`, with nobody as its parent."""
        line = ["postgres", "-D", "/data/pg", "-c", f"port={port}"]
        line += _options(self._settings.items())
        lock = locks.take(self._alive, timeout_s=_LEFTOVERS_S)
        if lock is None:
            raise ServerFailed(f"Something has the database in {self._db} open: try again.", log=self.log)
        try:
            with self.log.open("ab") as log:
                self.log.chmod(0o600)
                subprocess.run(
                    ["setsid", "--fork", *sandbox.command(tree, line, data=self._data.parent)],
                    env=sandbox.environment(),
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    pass_fds=(lock,),
                    check=True,
                )
        finally:
            os.close(lock)

    def _wait(self, say: Progress, said_before: int | None = None) -> None:
        """Until the server takes connections. Raises ServerFailed or DiskFull with what it said when it ended."""
        deadline = time.monotonic() + _START_S
        told = time.monotonic() + 5
        while True:
            found = postmaster.running(self._data, self._alive)
            if found is not None:
                try:
                    psycopg.connect(self.dsn("postgres"), connect_timeout=5).close()
                except psycopg.OperationalError as error:
                    if "password authentication failed" in str(error):
                        raise ServerFailed(
                            f"The database does not take the password in {self._password}:"
                            " put the right one back, it was made with this database.",
                            log=self.log,
                            said=str(error),
                        ) from error
                else:
                    return
            elif not locks.held(self._alive):
                raise self._failed("did not start", self._said(said_before))
            if time.monotonic() > deadline:
                raise self._failed(f"was not ready within {_START_S:.0f} s", self._said(said_before))
            if time.monotonic() > told:
                told = time.monotonic() + 5
                say("The database is still getting ready (after a crash it reads its journal again)")
            time.sleep(0.05)

    def _make_database(self) -> None:
        with psycopg.connect(self.dsn("postgres"), autocommit=True) as connection:
            if connection.execute(_SELECT_DATABASE, [DATABASE]).fetchone() is None:
                connection.execute(_CREATE_DATABASE.format(sql.Identifier(DATABASE)))

    # -- small things

    def _remembered_port(self) -> int | None:
        try:
            return int(self._port.read_text())
        except (FileNotFoundError, ValueError):
            return None

    def _said(self, since: int | None) -> str:
        if since is None or not self.log.exists():
            return ""
        with self.log.open("rb") as log:
            log.seek(since)
            return log.read(2**20).decode(errors="replace")

    def _failed(self, what: str, said: str) -> StorageError:
        if "No space left on device" in said:
            return DiskFull(self._db, said)
        lines = [line for line in said.splitlines() if "FATAL" in line or "PANIC" in line or "error" in line.lower()]
        reason = lines[-1].split("] ", 1)[-1] if lines else "it did not say why"
        return ServerFailed(f"The database in {self._db} {what} ({reason}): see {self.log}.", log=self.log, said=said)


def _silent(_line: str) -> None:
    return None


def _options(settings: Iterable[tuple[str, str]]) -> list[str]:
    return [word for name, value in settings for word in ("-c", f"{name}={value}")]


def _write_secret(file: Path, text: str) -> None:
    """Written with its final mode, never readable for others in between."""
    file.unlink(missing_ok=True)
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as out:
        out.write(text)


def _explained(error: OSError, place: Path) -> StorageError:
    if error.errno == 28:  # ENOSPC
        return DiskFull(place, str(error))
    where = error.filename or place
    return StorageError(f"The database could not write {where} ({error.strerror}): make it writable, or choose another home.")
