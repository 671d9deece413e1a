"""The home of an installation: its directory, its locks, its database."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ami.console import say
from ami.failure import Failure, UsageFailure
from ami.settings import Settings
from storage.embedded import Embedded
from storage.migrations import migrate, pending
from storage.pool import readable
from storage.secrets import KeyFile


def prepare(settings: Settings) -> Path:
    """Make the home, readable by its owner alone; raises `Failure` where it cannot be written."""
    try:
        settings.home.mkdir(parents=True, exist_ok=True, mode=0o700)
        if not os.access(settings.home, os.W_OK):
            raise PermissionError(13, "Permission denied")
    except OSError as error:
        raise Failure(
            f"{settings.home} cannot be written ({error.strerror}): set AMI_HOME to a directory of yours."
        ) from error
    return settings.home


@contextmanager
def only_one(settings: Settings, what: str, lock_name: str = "", otherwise: str = "") -> Iterator[None]:
    """Hold the home's lock `lock_name` (default: `what`); raises `Failure` when another process has it,
    which says what else helps: `otherwise`."""
    path = prepare(settings) / f"{lock_name or what}.lock"
    with path.open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            holder = lock.read().strip() or "unknown"
            raise Failure(
                f"`ami {what}` is already running on {settings.home} (process {holder}): "
                f"stop it first, or set AMI_HOME to another directory{otherwise}."
            ) from None
        lock.seek(0)
        lock.truncate()
        lock.write(f"{os.getpid()}\n")
        lock.flush()
        yield


def require(settings: Settings) -> None:
    """Raise `UsageFailure` where nothing was set up: a verb that looks must not make what it looks for."""
    if settings.database_url is None and not Embedded(settings.home).status().data.exists():
        raise UsageFailure(
            f"There is no installation in {settings.home}: set AMI_HOME to where it is, "
            "or make one with `ami init`."
        )


@contextmanager
def database(settings: Settings, *, migrated: bool = True, make: bool = False) -> Iterator[str]:
    """The database's address, the embedded server being started where none is named.

    With `make` it is made where there is none. Whoever leaves last stops a server that was started this way;
    one started by `ami db start` stays. Where it is started for a command, that is said: a database at rest
    is no sign of work.
    """
    if settings.database_url is not None:
        readable(settings.database_url)
        if migrated:
            _migrate(settings.database_url)
        yield settings.database_url
        return
    if not make:
        require(settings)
    prepare(settings)
    server = Embedded(settings.home)
    users = settings.home / "database.users"
    borrowed = settings.home / "database.borrowed"
    with users.open("a+") as lock:
        fcntl.flock(lock, fcntl.LOCK_SH)
        if not server.status().running:
            borrowed.touch()
            if not make:
                said = "it is started for this command alone (`ami db start` keeps it running)"
                say(f"The database does not run: {said}.")
            server.start(progress=say)
        dsn = server.dsn()
        try:
            if migrated:
                _migrate(dsn)
            yield dsn
        finally:
            _leave(server, lock.fileno(), borrowed)


def at_rest(settings: Settings) -> bool:
    """Whether the embedded server does not run and no command waits to have it back: nothing is at work."""
    if settings.database_url is not None or Embedded(settings.home).status().running:
        return False
    with (prepare(settings) / "database.users").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
    return True


def _leave(server: Embedded, lock: int, borrowed: Path) -> None:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return  # others are still at it; the last one stops the server
    if borrowed.exists():
        server.stop()
        borrowed.unlink(missing_ok=True)


def key_file(settings: Settings, dsn: str) -> KeyFile:
    """The key of this home, for what the database of `dsn` keeps wrapped."""
    return KeyFile(settings.wrapping_key_path, dsn)


def start_to_stay(settings: Settings, server: Embedded) -> None:
    """Start the embedded server for good; whoever is about to stop it is waited for."""
    with (prepare(settings) / "database.users").open("a+") as lock:
        fcntl.flock(lock, fcntl.LOCK_SH)
        server.start(progress=say)
        keep_running(settings)


def keep_running(settings: Settings) -> None:
    """From now on the embedded server stays up when its users leave."""
    (settings.home / "database.borrowed").unlink(missing_ok=True)


def _migrate(dsn: str) -> None:
    if pending(dsn):
        migrate(dsn)
