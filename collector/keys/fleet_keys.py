"""This head-end towards meters that want keys: its system title, and the counters of every key under it.

A nonce is a system title and a counter: two head-ends never share a title, so whatever becomes of a meter's
shard, no nonce comes twice. The title is drawn once for a home; the head-ends of one home share it and, under
a lock, the counters. A home must not be copied; one that lost its counters begins anew under another title.

The counters lie in many small files, for each is written whole when a range of numbers is taken out of it.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from collector.errors import CountersUnusable
from collector.keys.counters import FileCounters
from protocols.dlms.security import CounterStore, key_name
from protocols.dlms.security.suites import SYSTEM_TITLE_BYTES
from protocols.errors import LocalError
from storage.meter_keys import KeyPair, StoredKeys

MAKER: Final = b"DKE"
RANGE: Final = 1024  # numbers taken at once: a meter's day of half-hours, and more
BUCKETS: Final = 256


class FleetCounters:
    """A `CounterStore` for very many keys; raises `LocalError` where its files cannot be used."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._files: dict[str, FileCounters] = {}

    def next(self, key_name: str) -> int:
        """See `CounterStore`."""
        try:
            return self._of(key_name).next(key_name)
        except CountersUnusable as error:
            raise self._unusable(error) from error

    def raise_to(self, key_name: str, lowest: int) -> None:
        """See `CounterStore`."""
        try:
            self._of(key_name).raise_to(key_name, lowest)
        except CountersUnusable as error:
            raise self._unusable(error) from error

    def used(self, key_name: str) -> bool:
        """See `CounterStore`."""
        try:
            return self._of(key_name).used(key_name)
        except CountersUnusable as error:
            raise self._unusable(error) from error

    def heard(self, key_name: str) -> int:
        """See `CounterStore`. It is on the disk with the next range only: every association proves by a
        challenge of its own that the meter speaks now."""
        try:
            return self._of(key_name).heard(key_name)
        except CountersUnusable as error:
            raise self._unusable(error) from error

    def hear(self, key_name: str, counter: int) -> None:
        """See `CounterStore`."""
        try:
            self._of(key_name).hear(key_name, counter)
        except CountersUnusable as error:
            raise self._unusable(error) from error

    def _of(self, name: str) -> FileCounters:
        bucket = f"{int(name[-4:], 16) % BUCKETS:02x}"
        found = self._files.get(bucket)
        if found is None:
            found = self._files[bucket] = FileCounters(self._directory / bucket, RANGE)
        return found

    def _unusable(self, error: CountersUnusable) -> LocalError:
        return LocalError(
            f"{error.sentence} (or move {self._directory} away: another system title begins its own)"
        )


class OurSide:
    """Title and counters, and which key opened each meter last.

    A key is counted for as long as nobody else can have spoken to its meter: until its line is taken anew, or
    the meter no longer believes us.
    """

    def __init__(self, title: bytes, counters: CounterStore, home: Path | None = None) -> None:
        if len(title) != SYSTEM_TITLE_BYTES:
            raise LocalError(f"a system title has {SYSTEM_TITLE_BYTES} bytes, not {len(title)}")
        self.title, self.counters, self.home = title, counters, home
        self._opened: dict[int, str] = {}
        self._titles: dict[int, bytes] = {}
        self._to_store: dict[int, bytes] = {}

    @classmethod
    def of_home(cls, directory: Path) -> OurSide:
        """The title in `directory`, drawn at the first start, and its counters."""
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        return cls(_title(directory / "title"), FleetCounters(directory), directory)

    def name(self, pair: KeyPair) -> str:
        """What our counter of a key is called."""
        return key_name(pair.encryption, self.title)

    def in_order(self, meter_id: int, keys: StoredKeys) -> list[KeyPair]:
        """The keys that may open the meter: the one that did so last before the others."""
        last = self._opened.get(meter_id)
        return sorted(keys.candidates, key=lambda pair: self.name(pair) != last)

    def counts_on(self, meter_id: int, pair: KeyPair) -> bool:
        """Whether what the meter has heard need not be asked."""
        return self._opened.get(meter_id) == self.name(pair)

    def opened(self, meter_id: int, pair: KeyPair) -> None:
        """The meter let us in with these keys."""
        self._opened[meter_id] = self.name(pair)

    def met(self, meter_id: int, title: bytes | None) -> None:
        """What the meter is called, proved under its keys: by that its own messages are known."""
        if title is not None and self._titles.get(meter_id) != title:
            self._titles[meter_id] = self._to_store[meter_id] = title

    @property
    def new_titles(self) -> dict[int, bytes]:
        """Of meters, by id: those the store may not know."""
        return dict(self._to_store)

    def stored(self, titles: Mapping[int, bytes]) -> None:
        """The store knows these."""
        for meter_id, title in titles.items():
            if self._to_store.get(meter_id) == title:
                del self._to_store[meter_id]

    def forget(self, meter_id: int) -> None:
        """Others may have spoken to it since."""
        self._opened.pop(meter_id, None)


def _title(path: Path) -> bytes:
    try:
        text = path.read_text("ascii")
    except FileNotFoundError:
        text = _drawn(path)
    try:
        return bytes.fromhex(text)
    except ValueError:
        raise CountersUnusable(
            f"{path} holds no system title: move {path.parent} away, another one is drawn then"
        ) from None


def _drawn(path: Path) -> str:
    """Written beside and linked into place, so that of two programs that start together one title wins."""
    text = (MAKER + secrets.token_bytes(SYSTEM_TITLE_BYTES - len(MAKER))).hex()
    draft = path.with_name(f"{path.name}.{secrets.token_hex(4)}.new")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as out:
        out.write(text)
        out.flush()
        os.fsync(out.fileno())
    try:
        os.link(draft, path)
    except FileExistsError:
        text = path.read_text("ascii")
    finally:
        draft.unlink()
    return text
