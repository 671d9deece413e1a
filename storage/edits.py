"""Slots of days that people decided: versions, of which the latest counts and none is ever changed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any, Final

from psycopg import Connection
from psycopg.rows import TupleRow

from model.period import require_aware
from model.series import Channel
from storage.errors import StorageError

DayKey = tuple[int, Channel, date]
"""Meter, channel, local day."""


class EditKind(StrEnum):
    """What was decided."""

    VALUES = "values"  # figures that somebody stated
    ESTIMATE = "estimate"  # stands in until the meter says it
    ACCEPT = "accept"  # what the meter said, although doubted
    UNDO = "undo"  # an earlier version does not count any more


class EditedMeanwhile(StorageError):
    """Somebody else was quicker; `version` is theirs."""

    def __init__(self, serial: str, day: date, version: int, login: str, at: datetime) -> None:
        super().__init__(
            f"Meter {serial}, {day:%d/%m/%Y}: {login} has edited it meanwhile (version {version}), nothing "
            f"was changed; look at the day again and decide anew."
        )
        self.serial, self.day, self.version, self.login, self.at = serial, day, version, login, at


@dataclass(frozen=True, slots=True)
class Decision:
    """What is to be kept of n slots from `first_slot` of a day of `slots`: energies in the unit of the day,
    a `analytics.vee.methods.Method` each (both empty for an undo), what validation says without any edit."""

    kind: EditKind
    slots: int
    first_slot: int
    energy: tuple[int, ...]
    method: tuple[int, ...]
    said_energy: tuple[int, ...]
    said_quality: bytes
    before_energy: tuple[int, ...]
    before_quality: bytes
    undoes: int | None = None


@dataclass(frozen=True, slots=True)
class Edit:
    """A version of what people decided about a day: who, when, why, before and after."""

    serial: str
    meter_id: int
    channel: Channel
    day: date
    version: int
    case_id: int | None
    decision: Decision
    after_energy: tuple[int, ...]
    after_quality: bytes
    reason: str
    login: str
    at: datetime

    @property
    def key(self) -> DayKey:
        return self.meter_id, self.channel, self.day


_SELECT: Final = """
    SELECT m.serial, e.meter_id, e.channel, e.day, e.version, e.case_id, e.kind, e.slots, e.first_slot,
        e.energy, e.method, e.said_energy, e.said_quality, e.before_energy, e.before_quality, e.undoes,
        e.after_energy, e.after_quality, e.reason, e.login, e.at
    FROM day_edit e JOIN meter m ON m.id = e.meter_id"""
_OF_METERS: Final = (
    _SELECT
    + """ WHERE e.meter_id = ANY (%s) AND e.day >= %s AND e.day < %s
    ORDER BY e.meter_id, e.channel, e.day, e.version"""
)
_OF_CASE: Final = _SELECT + " WHERE e.case_id = %s ORDER BY e.at, e.day, e.version"
# One editor of a meter at a time, until the end of his transaction; readings go on coming in.
_LOCK: Final = "SELECT serial FROM meter WHERE id = %s FOR NO KEY UPDATE"
_LATEST: Final = """
    SELECT version, login, at FROM day_edit WHERE meter_id = %s AND channel = %s AND day = %s
    ORDER BY version DESC LIMIT 1"""
_ADD: Final = """
    INSERT INTO day_edit (meter_id, channel, day, version, kind, undoes, case_id, slots, first_slot, energy,
        method, said_energy, said_quality, before_energy, before_quality, after_energy, after_quality,
        reason, login, at)
    VALUES (%(meter)s, %(channel)s, %(day)s, %(version)s, %(kind)s, %(undoes)s, %(case)s, %(slots)s,
        %(first)s, %(energy)s, %(method)s, %(said_energy)s, %(said_quality)s, %(before_energy)s,
        %(before_quality)s, %(before_energy)s, %(before_quality)s, %(reason)s, %(login)s, %(at)s)"""
_STORED: Final = """
    SELECT energy, quality FROM profile_day WHERE meter_id = %s AND channel = %s AND day = %s"""
_AFTER: Final = """
    UPDATE day_edit SET after_energy = %s, after_quality = %s
    WHERE meter_id = %s AND channel = %s AND day = %s AND version = %s"""


def in_force(edits: Sequence[Edit]) -> list[Edit]:
    """Of all versions of one day, those that no later one takes back, oldest first.

    An undo may be undone: what it took back counts again.
    """
    undone: set[int] = set()
    found = []
    for edit in sorted(edits, key=lambda one: -one.version):
        if edit.version in undone:
            continue
        found.append(edit)
        if edit.decision.undoes is not None:
            undone.add(edit.decision.undoes)
    return found[::-1]


def standing(edits: Sequence[Edit]) -> list[Edit]:
    """Of all versions of one day, those whose decision counts, oldest first."""
    return [edit for edit in in_force(edits) if edit.decision.kind is not EditKind.UNDO]


def of_meters(
    conn: Connection[TupleRow], meter_ids: Collection[int], first: date, end: date
) -> dict[DayKey, list[Edit]]:
    """Every version of the days from `first`, without `end`, oldest first."""
    found: dict[DayKey, list[Edit]] = defaultdict(list)
    for row in conn.execute(_OF_METERS, [list(meter_ids), first, end]):
        edit = _edit(row)
        found[edit.key].append(edit)
    return dict(found)


def of_case(conn: Connection[TupleRow], case: int) -> list[Edit]:
    """What was decided for a case, in the order of time."""
    return [_edit(row) for row in conn.execute(_OF_CASE, [case])]


def stored(conn: Connection[TupleRow], key: DayKey) -> tuple[list[int], bytes] | None:
    """Energies and qualities of the day as it stands; None where it was never validated."""
    meter_id, channel, day = key
    row = conn.execute(_STORED, [meter_id, int(channel), day]).fetchone()
    return None if row is None else (row[0], bytes(row[1]))


def lock(conn: Connection[TupleRow], key: DayKey, seen: int | None) -> int:
    """Keep other editors of the meter out until the transaction ends; the version that comes next.

    `seen`: the latest version that the editor has looked at, 0 for none. Raises EditedMeanwhile when another
    one is there.
    """
    meter_id, channel, day = key
    meter = conn.execute(_LOCK, [meter_id]).fetchone()
    latest = conn.execute(_LATEST, [meter_id, int(channel), day]).fetchone()
    version = latest[0] if latest else 0
    if latest and meter and seen is not None and version != seen:
        raise EditedMeanwhile(meter[0], day, version, latest[1], latest[2])
    return int(version) + 1


def add(
    conn: Connection[TupleRow],
    key: DayKey,
    version: int,
    decision: Decision,
    *,
    case: int | None,
    reason: str,
    login: str,
    at: datetime,
) -> None:
    """Keep a version (see `lock`); what the day has afterwards is told by `turned_out` in the same
    transaction."""
    meter_id, channel, day = key
    conn.execute(
        _ADD,
        {
            "meter": meter_id,
            "channel": int(channel),
            "day": day,
            "version": version,
            "kind": decision.kind.value,
            "undoes": decision.undoes,
            "case": case,
            "slots": decision.slots,
            "first": decision.first_slot,
            "energy": list(decision.energy),
            "method": list(decision.method),
            "said_energy": list(decision.said_energy),
            "said_quality": decision.said_quality,
            "before_energy": list(decision.before_energy),
            "before_quality": decision.before_quality,
            "reason": reason,
            "login": login,
            "at": require_aware(at),
        },
    )


def turned_out(
    conn: Connection[TupleRow], key: DayKey, version: int, energy: Sequence[int], quality: bytes
) -> None:
    """What the slots of a version have now that the day was validated with it."""
    meter_id, channel, day = key
    conn.execute(_AFTER, [list(energy), quality, meter_id, int(channel), day, version])


def _edit(row: tuple[Any, ...]) -> Edit:
    serial, meter_id, channel, day, version, case_id, kind, slots, first_slot, *rest = row
    energy, method, said_energy, said_quality, before_energy, before_quality, undoes, *last = rest
    after_energy, after_quality, reason, login, at = last
    decision = Decision(
        EditKind(kind), slots, first_slot, tuple(energy), tuple(method), tuple(said_energy),
        bytes(said_quality), tuple(before_energy), bytes(before_quality), undoes,
    )  # fmt: skip
    return Edit(
        serial, meter_id, Channel(channel), day, version, case_id, decision, tuple(after_energy),
        bytes(after_quality), reason, login, at,
    )  # fmt: skip
