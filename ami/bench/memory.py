"""How much memory this program and a database server beside it held at their most."""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

LOOK_S: Final = 0.25
PROC: Final = Path("/proc")


@dataclass(slots=True)
class Held:
    """MB at the most; None where it cannot be had (a server elsewhere, or of another user)."""

    ours_mb: float = 0.0
    server_mb: float | None = None


def peak_rss_mb() -> float:
    """The most memory this program has held; getrusage would count what started it, too."""
    return _status(PROC / "self")["VmHWM"] / 1024


def rss_mb() -> float:
    """The memory this program holds now, without what it has given back and the allocator keeps."""
    with suppress(AttributeError):  # not every C library has it
        ctypes.CDLL(None).malloc_trim(0)
    return _status(PROC / "self")["VmRSS"] / 1024


def forget_peak() -> None:
    """From here on `peak_rss_mb` counts anew, where the kernel lets us."""
    with suppress(OSError):
        (PROC / "self" / "clear_refs").write_text("5")


@contextmanager
def watched(server: int | None) -> Iterator[Held]:
    """What is held while the body runs; `server`: the pid of a postmaster, or None."""
    held, over = Held(), threading.Event()
    forget_peak()
    looking = threading.Thread(target=_look, args=(server, held, over), daemon=True)
    looking.start()
    try:
        yield held
    finally:
        over.set()
        looking.join()
        held.ours_mb = peak_rss_mb()


def _look(server: int | None, held: Held, over: threading.Event) -> None:
    while server is not None and (now := server_mb(server)) is not None:
        held.server_mb = max(held.server_mb or 0.0, now)
        if over.wait(LOOK_S):
            return


def server_mb(postmaster: int) -> float | None:
    """A PostgreSQL server now: each process's own memory, and once what they share (as the one that touched
    most of it sees it)."""
    own = shared = 0
    for folder in PROC.iterdir():
        if not folder.name.isdecimal():
            continue
        with suppress(OSError):
            status = _status(folder)
            if postmaster in (int(folder.name), status["PPid"]):
                own += status.get("RssAnon", 0)
                shared = max(shared, status.get("RssShmem", 0))
    return (own + shared) / 1024 if own else None


def _status(process: Path) -> dict[str, int]:
    """The figures of a process's status, in kB where they are memory."""
    found = {}
    for line in (process / "status").read_text(encoding="utf-8", errors="replace").splitlines():
        name, _, rest = line.partition(":")
        first = rest.split(maxsplit=1)[:1]
        if first and first[0].isdecimal():
            found[name] = int(first[0])
    return found
