"""What the store refuses: one root, the evidence as fields, one sentence for the person who meets it."""

from __future__ import annotations

from pathlib import Path
from typing import Final


class StorageError(Exception):
    """The root of what this package refuses; `str()` is the sentence: what, where, what to do."""


class DatabaseMissing(StorageError):
    """There is no server, and none could be set up."""

    def __init__(self, sentence: str, *, said: str = "") -> None:
        super().__init__(sentence)
        self.said = said
        """The last words of the program that failed."""


class OtherMajor(StorageError):
    """The data directory was written by another major version of PostgreSQL, or does not say by which."""

    def __init__(self, data: Path, found: str, wanted: str) -> None:
        other = (
            f"The database in {data} was written by PostgreSQL {found}, this program runs {wanted}:"
            " back it up with the version that wrote it (ami db backup) and restore it into a new home."
        )
        damaged = (
            f"{data / 'PG_VERSION'}, which says what wrote this database, is damaged: it has to hold the one"
            f" line {wanted} where this program wrote it; other files may be damaged too, so take a backup"
            " (ami db backup) as soon as it runs."
        )
        super().__init__(other if found.isascii() and found.replace(".", "").isdigit() else damaged)
        self.data, self.found, self.wanted = data, found, wanted


class DiskFull(StorageError):
    """No space left where the store writes."""

    def __init__(self, place: Path, said: str = "") -> None:
        super().__init__(
            f"The disk that holds {place} is full: make room there and start again; nothing was lost."
        )
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


class Unreachable(StorageError):
    """Nobody answers at the database's address, or it refuses us. `ours`: it is the embedded one."""

    def __init__(self, shown: str, said: str, *, ours: bool = False) -> None:
        way = "start it with ami db start" if ours else "start that server, or correct AMI_DATABASE_URL"
        super().__init__(f"The database at {shown} cannot be reached ({said}): {way}.")
        self.shown, self.said = shown, said


class MigrationEdited(StorageError):
    """A migration that was applied reads differently now."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"Migration {name} was changed after it had been applied to this database: "
            f"put it back as it was and write a new one."
        )
        self.name = name


class SchemaTooNew(StorageError):
    """A newer program has been at this database."""

    def __init__(self, names: tuple[str, ...]) -> None:
        super().__init__(
            f"The database knows migrations that this program does not ({', '.join(names)}): "
            f"install the newer program again, or restore the backup made before it."
        )
        self.names = names


class MigrationFailed(StorageError):
    """A migration could not be applied; nothing of it was."""

    def __init__(self, name: str, said: str) -> None:
        super().__init__(
            f"Migration {name} failed ({said}): nothing of it was kept; mend the cause, run ami db migrate."
        )
        self.name, self.said = name, said


class WrappingKeyUnusable(StorageError):
    """The wrapping key is missing, no key, open to others, or not the one of this database."""

    def __init__(self, sentence: str, *, place: Path) -> None:
        super().__init__(sentence)
        self.place = place


class SecretUnreadable(StorageError):
    """A stored password does not open with the wrapping key at hand."""

    def __init__(self, serial: str) -> None:
        super().__init__(
            f"What meter {serial} is opened with does not open with the wrapping key at hand: "
            f"give its password or keys again (`ami meter change {serial}`)."
        )
        self.serial = serial


class RegisterUnusable(StorageError):
    """The grid that was brought contradicts itself or what the store holds; nothing of it was taken."""

    def __init__(self, sentence: str, *, said: str = "") -> None:
        super().__init__(sentence)
        self.said = said


class BillConflict(StorageError):
    """A bill was issued for the same point and period, with other figures. It stands."""

    def __init__(self, point: str, period: str, differing: tuple[str, ...]) -> None:
        super().__init__(
            f"Point {point} already has a bill for {period} with other figures ({', '.join(differing)}): "
            f"an issued bill is never rewritten; correct it by an adjustment."
        )
        self.point, self.period, self.differing = point, period, differing


_WAY_OUT: Final = {
    "meter": "correct it (see `ami meter list`), or hang it first (`ami meter add {} …`)",
    "station": "correct it (see `ami station`), or hang a meter there first (`ami meter add … --station {}`)",
    "customer": "correct it, or bring it in first (`ami import customers FILE`)",
    "user": "correct it (see `ami user list`), or enter them first (`ami user add {} …`)",
    "order": "see `ami order list`",
    "outage": "see `ami outage list`",
}


class Unknown(StorageError):
    """A meter, point or person that the store does not know."""

    def __init__(self, noun: str, name: str) -> None:
        way_out = _WAY_OUT.get(noun, "correct it").format(name)
        super().__init__(f"There is no {noun} {name}: {way_out}.")
        self.noun, self.name = noun, name


class AlreadyThere(StorageError):
    """Somebody or something of that name is there already."""

    def __init__(self, noun: str, name: str) -> None:
        super().__init__(f"There is a {noun} {name} already: choose another name.")
        self.noun, self.name = noun, name
