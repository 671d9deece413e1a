"""The highest counter heard of every meter that pushes, on the disk before anything is confirmed.

Nobody challenges a meter that speaks of its own accord: the counter alone tells a message of now from one
that was recorded. The head-ends of one home share the file; at another home the same bytes are the same
message, which the store keeps once.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Final

from collector.errors import CountersUnusable
from collector.spool.file import transaction
from protocols.dlms.security import CounterStore
from protocols.errors import LocalError

_TABLE: Final = (
    "CREATE TABLE IF NOT EXISTS heard (name TEXT PRIMARY KEY, counter INTEGER NOT NULL) WITHOUT ROWID"
)
_HEARD: Final = "SELECT counter FROM heard WHERE name = ?"
_HEAR: Final = """
    INSERT INTO heard (name, counter) VALUES (?, ?)
    ON CONFLICT (name) DO UPDATE SET counter = max(counter, excluded.counter)"""


class HeardCounters:
    """A `CounterStore`: what is sent is counted by `sending`. One thread at a time.

    Raises `LocalError` where the file cannot be asked, and `save` `CountersUnusable` where it cannot be
    written: what was heard is then kept in memory, for the next try.
    """

    def __init__(self, path: Path, sending: CounterStore) -> None:
        self.path = path
        self._sending = sending
        self._file: sqlite3.Connection | None = None
        self._unsaved: dict[str, int] = {}

    def next(self, key_name: str) -> int:
        """See `CounterStore`."""
        return self._sending.next(key_name)

    def raise_to(self, key_name: str, lowest: int) -> None:
        """See `CounterStore`."""
        self._sending.raise_to(key_name, lowest)

    def used(self, key_name: str) -> bool:
        """See `CounterStore`."""
        return self._sending.used(key_name)

    def heard(self, key_name: str) -> int:
        """See `CounterStore`; what another head-end of this home has heard counts as well."""
        try:
            row = self._opened().execute(_HEARD, [key_name]).fetchone()
        except sqlite3.Error as error:
            raise LocalError(self._unusable(error)) from error
        return max(-1 if row is None else int(row[0]), self._unsaved.get(key_name, -1))

    def hear(self, key_name: str, counter: int) -> None:
        """See `CounterStore`; it is on the disk after `save`."""
        self._unsaved[key_name] = max(self._unsaved.get(key_name, -1), counter)

    def save(self) -> None:
        """What was heard goes to the disk, whole; waits for it."""
        if not self._unsaved:
            return
        try:
            file = self._opened()
            with transaction(file):
                file.executemany(_HEAR, list(self._unsaved.items()))
        except sqlite3.Error as error:
            raise CountersUnusable(self._unusable(error)) from error
        self._unsaved.clear()

    def close(self) -> None:
        """Until it is needed again."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _opened(self) -> sqlite3.Connection:
        if self._file is None:
            file = sqlite3.connect(self.path, check_same_thread=False, isolation_level=None)
            try:
                for pragma in ("journal_mode=WAL", "synchronous=FULL"):
                    file.execute(f"PRAGMA {pragma}")
                file.execute(_TABLE)
            except sqlite3.Error:
                file.close()
                raise
            self._file = file
        return self._file

    def _unusable(self, error: sqlite3.Error) -> str:
        return (
            f"what meters that push were heard to count cannot be kept in {self.path} ({error}): check the "
            "folder and its disk; until then none is confirmed"
        )
