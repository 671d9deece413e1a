"""Locks that end with the processes that hold them, however these end."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from storage.errors import StorageError

_PAUSE_S = 0.05


def take(path: Path, *, timeout_s: float, waiting: Callable[[], None] | None = None) -> int | None:
    """An open file descriptor that holds `path` exclusively, or None after `timeout_s`.

    A child that inherits the descriptor keeps the lock; it is free when the last of them has ended.
    """
    deadline = time.monotonic() + timeout_s
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    told = False
    while True:
        with suppress(BlockingIOError):
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return descriptor
        if time.monotonic() >= deadline:
            os.close(descriptor)
            return None
        if waiting is not None and not told:
            told = True
            waiting()
        time.sleep(_PAUSE_S)


def held(path: Path) -> bool:
    """Whether some process holds `path`; askers do not disturb each other."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


@contextmanager
def exclusive(
    path: Path, *, timeout_s: float, busy: str, waiting: Callable[[], None] | None = None
) -> Iterator[int]:
    """Hold `path` for the block. Raises StorageError(`busy`) after `timeout_s`."""
    descriptor = take(path, timeout_s=timeout_s, waiting=waiting)
    if descriptor is None:
        raise StorageError(busy)
    try:
        yield descriptor
    finally:
        os.close(descriptor)
