"""Invocation counters of this installation, on the disk: a number once handed out never comes again.

`counters` holds, for every key in the hands of one system title, the first number nobody has been given yet
and the highest heard from that title. Numbers are reserved in ranges: the new end of a range is on the disk
(fsync, rename, fsync of the directory) before the first number of it is used, so that a killed process only
loses numbers. Several processes of one home may hand out numbers: each reserves under the lock, and one whose
range another has passed begins anew above it, for a meter wants them rising.

A damaged or lost file is an error and never a new beginning: a number used twice gives the keys away.
"""

from __future__ import annotations

import fcntl
import os
import threading
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from collector.errors import CountersUnusable
from protocols.dlms.security.counters import FIRST, HIGHEST, spent

RANGE: Final = 256
LOCK_SECONDS: Final = 10.0
_HEAD: Final = "invocation counters 1"
_IN_USE: Final = b"counters are kept here\n"
_WHAT_TO_DO: Final = (
    "restore it from a backup, or read what each meter has heard (0-0:43.1.x) and write new counters above "
    "that; until then nothing is ciphered"
)


@dataclass(slots=True)
class _Counter:
    """`free`: the first number never handed out by anybody; `heard`: the highest accepted, −1 for none."""

    free: int = FIRST
    heard: int = -1


@dataclass(slots=True)
class _Range:
    """Numbers of this process: from `next` to `end`, exclusive."""

    next: int
    end: int


class FileCounters:
    """The `CounterStore` of one home; safe between threads, processes and forks. Calls may touch the disk.

    reserve: how many numbers a range has; as many are lost per key when the process ends.
    Raises `CountersUnusable` when the file cannot be read, trusted or written, and `LocalError` when a key
    has been used 2³² times.
    """

    def __init__(self, directory: Path, reserve: int = RANGE) -> None:
        self.path = directory / "counters"
        self._lock_path = directory / "counters.lock"
        self._reserved = reserve
        self._guard = threading.Lock()
        self._pid = os.getpid()
        self._known: dict[str, _Counter] = {}
        self._ranges: dict[str, _Range] = {}
        self._unsaved: dict[str, int] = {}
        self._stamp: tuple[int, int, int] | None = None
        try:
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as wrong:
            raise self._unusable(wrong) from wrong
        with self._guard, self._locked():
            self._load()

    def next(self, key_name: str) -> int:
        """A number never handed out before under this name, larger than all of those."""
        with self._guard:
            self._notice_others()
            mine = self._ranges.get(key_name)
            if mine is None or mine.next >= mine.end:
                mine = self._reserve(key_name, FIRST)
            mine.next += 1
            return mine.next - 1

    def raise_to(self, key_name: str, lowest: int) -> None:
        """From now on at least `lowest`. Believe it only where it is authenticated: it uses up the key."""
        with self._guard:
            self._notice_others()
            mine = self._ranges.get(key_name)
            if mine is None or mine.next < lowest:
                self._reserve(key_name, lowest)

    def used(self, key_name: str) -> bool:
        """Whether a number of this name was ever reserved, by whichever process of this home."""
        with self._guard:
            self._notice_others()
            stored = self._known.get(key_name)
            return stored is not None and stored.free > FIRST

    def heard(self, key_name: str) -> int:
        """The highest counter accepted from the other side; −1 when none was."""
        with self._guard:
            self._notice_others()
            stored = self._known.get(key_name)
            return max(stored.heard if stored else -1, self._unsaved.get(key_name, -1))

    def hear(self, key_name: str, counter: int) -> None:
        """`counter` was accepted. It is on the disk after `save`, or with the next range."""
        with self._guard:
            self._unsaved[key_name] = max(self._unsaved.get(key_name, -1), counter)

    def save(self) -> None:
        """What was heard goes to the disk; to be called at the end of an association."""
        with self._guard:
            if self._unsaved:
                with self._locked():
                    self._load()
                    self._store()

    def forget_heard(self, key_name: str) -> None:
        """A meter was reset and counts from the beginning again; somebody who knows says so."""
        with self._guard, self._locked():
            self._load()
            self._unsaved.pop(key_name, None)
            self._known.setdefault(key_name, _Counter()).heard = -1
            self._store()

    def _reserve(self, name: str, lowest: int) -> _Range:
        """A new range of this process for `name`, on the disk before it is returned."""
        with self._locked():
            self._load()
            counter = self._known.setdefault(name, _Counter())
            first = max(counter.free, lowest)
            if first > HIGHEST:
                raise spent(name)
            counter.free = min(first + self._reserved, HIGHEST + 1)
            self._store()
        self._ranges[name] = _Range(first, counter.free)
        return self._ranges[name]

    def _notice_others(self) -> None:
        """After a fork nothing is ours; what another process wrote is read, ranges it passed given up."""
        if self._pid != os.getpid():
            self._pid = os.getpid()
            self._ranges.clear()
        if self._stamp != self._stamp_now():
            self._load()

    def _stamp_now(self) -> tuple[int, int, int] | None:
        try:
            found = self.path.stat()
        except FileNotFoundError:
            return None
        except OSError as wrong:
            raise self._unusable(wrong) from wrong
        return found.st_ino, found.st_mtime_ns, found.st_size

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """The one lock of the home; held for a few milliseconds by whoever has it."""
        try:
            handle = os.open(self._lock_path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as wrong:
            raise self._unusable(wrong) from wrong
        try:
            deadline = time.monotonic() + LOCK_SECONDS
            while True:
                try:
                    fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    if time.monotonic() > deadline:
                        reason = (
                            f"another process has held {self._lock_path} for {LOCK_SECONDS:.0f} s: stop it"
                        )
                        raise CountersUnusable(reason) from None
                    time.sleep(0.001)
            yield
        finally:
            os.close(handle)

    def _load(self) -> None:
        """Read all of it; what is missing although it was there is an error too.

        A file is renamed into place whole, so reading needs no lock; reading before writing does.
        """
        self._stamp = self._stamp_now()
        if self._stamp is None:
            if self._lock_path.stat().st_size:
                raise CountersUnusable(f"the invocation counters {self.path} are gone: {_WHAT_TO_DO}")
            self._known = {}
            return
        try:
            self._known = _read(self.path.read_bytes())
        except ValueError as wrong:
            reason = f"the invocation counters {self.path} are damaged ({wrong}): {_WHAT_TO_DO}"
            raise CountersUnusable(reason) from wrong
        except OSError as wrong:
            raise self._unusable(wrong) from wrong
        for name, mine in list(self._ranges.items()):
            if self._known.get(name, _Counter()).free != mine.end:
                del self._ranges[name]

    def _store(self) -> None:
        """Write all of it, under the lock, so that it is either there whole or not at all."""
        for name, heard in self._unsaved.items():
            counter = self._known.setdefault(name, _Counter())
            counter.heard = max(counter.heard, heard)
        aside = self.path.with_suffix(".new")
        try:
            _write_through(aside, _written(self._known))
            aside.replace(self.path)
            _sync_directory(self.path.parent)
            if not self._lock_path.stat().st_size:
                _write_through(self._lock_path, _IN_USE)
        except OSError as wrong:
            raise self._unusable(wrong) from wrong
        self._unsaved.clear()
        self._stamp = self._stamp_now()

    def _unusable(self, wrong: OSError) -> CountersUnusable:
        why = os.strerror(wrong.errno) if wrong.errno else str(wrong)
        return CountersUnusable(
            f"the invocation counters {self.path} cannot be used ({why}): nothing is ciphered without them; "
            "set AMI_HOME to a directory of yours that can be written"
        )


def _written(counters: dict[str, _Counter]) -> bytes:
    lines = [_HEAD, *(f"{name} {one.free} {one.heard}" for name, one in sorted(counters.items()))]
    body = "\n".join(lines).encode() + b"\n"
    return body + b"%08x\n" % zlib.crc32(body)


def _read(raw: bytes) -> dict[str, _Counter]:
    """The counters in a file; `ValueError` with the reason when it is not as it was written."""
    body, checksum = raw[:-9], raw[-9:]
    if checksum != b"%08x\n" % zlib.crc32(body):
        raise ValueError("its checksum does not fit")
    head, *lines = body.decode().splitlines()
    if head != _HEAD:
        raise ValueError(f"it begins with {head!r}")
    counters = {}
    for line in lines:
        name, free, heard = line.split(" ")
        counters[name] = _Counter(int(free), int(heard))
    return counters


def _write_through(path: Path, contents: bytes) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        written = 0
        while written < len(contents):
            written += os.write(handle, contents[written:])
        os.fsync(handle)
    finally:
        os.close(handle)


def _sync_directory(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
