"""Whether a server has this data open: told by an inherited lock and by where a process stands."""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from storage.embedded import locks


@dataclass(frozen=True, slots=True)
class Postmaster:
    """A running server."""

    pid: int
    port: int


def running(data: Path, alive: Path) -> Postmaster | None:
    """The server that has `data` open, or None. `alive` is the lock that every process of it inherited.

    A killed server leaves a pid file whose pid may be anybody's by now: it is believed only when that process
    stands in `data`, as every postgres does.
    """
    if not locks.held(alive):
        return None
    try:
        lines = (data / "postmaster.pid").read_text().splitlines()
        found = Postmaster(pid=int(lines[0]), port=int(lines[3]))
    except (FileNotFoundError, NotADirectoryError, ValueError, IndexError):
        return None
    return found if _stands_in(found.pid, data) else None


def end_leftovers(data: Path) -> list[int]:
    """SIGKILL what a killed server left behind in `data`, such as a long query; their pids."""
    ended = []
    for entry in Path("/proc").iterdir():
        if (
            entry.name.isdecimal()
            and int(entry.name) != os.getpid()
            and _is_postgres(entry)
            and _stands_in(int(entry.name), data)
        ):
            with suppress(ProcessLookupError):
                os.kill(int(entry.name), signal.SIGKILL)
                ended.append(int(entry.name))
    return ended


def _is_postgres(process: Path) -> bool:
    try:
        return (process / "comm").read_text().strip() in {"postgres", "initdb"}
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return False


def _stands_in(pid: int, folder: Path) -> bool:
    try:
        there, here = os.stat(f"/proc/{pid}/cwd"), folder.stat()
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return False
    return (there.st_dev, there.st_ino) == (here.st_dev, here.st_ino)
