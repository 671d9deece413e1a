"""Where the embedded server of a home keeps what."""

from __future__ import annotations

import errno
import os
from dataclasses import dataclass
from pathlib import Path

from storage.embedded.dsn import Dsn
from storage.errors import DiskFull, ServerFailed, StorageError

USER = "ami"


@dataclass(frozen=True, slots=True)
class Places:
    """The files below `db`, a folder of the home that only its user may enter."""

    db: Path

    @property
    def mounted(self) -> Path:
        """What the server sees as /data."""
        return self.db / "data"

    @property
    def data(self) -> Path:
        """PostgreSQL's own data directory."""
        return self.mounted / "pg"

    @property
    def unfinished(self) -> Path:
        """The same while it is being made."""
        return self.mounted / "initdb"

    @property
    def alive(self) -> Path:
        """A lock that every process of the server inherits: held means that one of them still lives."""
        return self.db / "alive.lock"

    @property
    def starting(self) -> Path:
        """The lock of whoever starts or stops the server."""
        return self.db / "starting.lock"

    @property
    def password(self) -> Path:
        """The password of the user `ami`, mode 0600."""
        return self.db / "password"

    @property
    def log(self) -> Path:
        """What the server says."""
        return self.db / "postgres.log"

    @property
    def _port(self) -> Path:
        return self.db / "port"

    def port(self) -> int | None:
        """The port of the last start; None where the file says none that can be."""
        try:
            port = int(self._port.read_bytes())
        except (FileNotFoundError, NotADirectoryError, ValueError):
            return None
        return port if 0 < port < 65536 else None

    def remember_port(self, port: int) -> None:
        """Keep `port` for this server's next starts."""
        self._port.write_text(f"{port}\n")

    def dsn(self, database: str, port: int | None) -> Dsn:
        """The address of `database`. Raises StorageError while there is no server to speak of."""
        try:
            password = self.password.read_text().strip()
        except FileNotFoundError:
            password = ""
        if port is None or not password:
            raise StorageError(f"There is no database in {self.db} yet: start it with ami db start.")
        return Dsn(f"postgresql://{USER}:{password}@127.0.0.1:{port}/{database}")

    def said_since(self, size: int) -> str:
        """The server's log from byte `size` on, a mebibyte at most."""
        try:
            with self.log.open("rb") as log:
                log.seek(size)
                return log.read(2**20).decode(errors="replace")
        except FileNotFoundError:
            return ""

    def failed(self, what: str, said: str) -> StorageError:
        """The error that fits what a program `said` before it ended; `what` completes "The database …"."""
        if "No space left on device" in said:
            return DiskFull(self.db, said)
        telling = [
            line
            for line in said.splitlines()
            if "FATAL" in line or "PANIC" in line or "error" in line.lower()
        ]
        reason = telling[-1].split("] ", 1)[-1] if telling else "it did not say why"
        return ServerFailed(
            f"The database in {self.db} {what} ({reason}): see {self.log}.", log=self.log, said=said
        )

    def unwritable(self, error: OSError) -> StorageError:
        """The error that a person meets when a file of the home could not be written."""
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            return DiskFull(self.db, str(error))
        return StorageError(
            f"The database could not write {error.filename or self.db} ({error.strerror}):"
            " make it writable, or choose another home."
        )


def write_secret(file: Path, text: str) -> None:
    """Write `file` with its final mode 0600, never readable for others in between."""
    file.unlink(missing_ok=True)
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as out:
        out.write(text)
