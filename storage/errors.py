"""What the store refuses: one root, the evidence as fields, one sentence for the person who meets it."""

from __future__ import annotations

from pathlib import Path


class StorageError(Exception):
    """The root of what this package refuses; `str()` is the sentence: what, where, what to do."""


class DatabaseMissing(StorageError):
    """There is no server, and none could be set up."""

    def __init__(self, sentence: str, *, said: str = "") -> None:
        super().__init__(sentence)
        self.said = said
        """The last words of the program that failed."""


class OtherMajor(StorageError):
    """The data directory was written by another major version of PostgreSQL."""

    def __init__(self, data: Path, found: str, wanted: str) -> None:
        super().__init__(
            f"The database in {data} was written by PostgreSQL {found} and this program runs PostgreSQL {wanted}: "
            f"back it up with the version that wrote it (ami db backup) and restore it into a new home."
        )
        self.data, self.found, self.wanted = data, found, wanted


class DiskFull(StorageError):
    """No space left where the store writes."""

    def __init__(self, place: Path, said: str = "") -> None:
        super().__init__(f"The disk that holds {place} is full: make room there and start again; nothing was lost.")
        self.place, self.said = place, said


class ServerFailed(StorageError):
    """The embedded server did not come up, or did not go down."""

    def __init__(self, sentence: str, *, log: Path, said: str = "") -> None:
        super().__init__(sentence)
        self.log, self.said = log, said


class BackupFailed(StorageError):
    """A dump could not be written, or not be read back."""

    def __init__(self, sentence: str, *, said: str = "") -> None:
        super().__init__(sentence)
        self.said = said
