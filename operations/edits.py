"""Slots of a validated day that a person decides: figures, an estimate, what the meter said, or as before.

Every decision is a version with who, when, why, before and after, and the day is validated with it in the
same transaction: what the registers counted is shared anew among what is still estimated. The block that the
meter sent stays as it was.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from functools import reduce

import numpy as np
import numpy.typing as npt
from psycopg import Connection
from psycopg.rows import TupleRow

from analytics.vee import MeterInput, MeterOutput, by_hand
from analytics.vee import validate as vee
from analytics.vee.day_kinds import day_kinds
from analytics.vee.inputs import BLANK
from analytics.vee.methods import Method
from model.quality import Quality
from model.series import Channel
from model.viewer import Viewer
from operations import decided, said_quality, validate
from operations.errors import EditRefused
from operations.evidence import inputs_of
from storage import cases, days, edits, people
from storage.cases import CaseState, Step
from storage.edits import DayKey, Decision, Edit, EditKind
from storage.fleet import meter_ids

_DAY = timedelta(days=1)
_NEAR = 28 * _DAY  # like days are looked for so far around
_ANY = datetime(1, 1, 1, tzinfo=UTC)  # nothing is cleared by it
_LARGEST = np.iinfo(np.int32).max
Row = npt.NDArray[np.int32]


class Way(StrEnum):
    """How slots are to be estimated."""

    BEST = "best"  # as validation would, had the meter said nothing
    LINEAR = "linear"
    LIKE_DAY = "like-day"
    ZERO = "zero"  # there was no power


@dataclass(frozen=True, slots=True)
class Place:
    """`slots` slots from `first` of a local day of one meter and channel."""

    serial: str
    day: date
    first: int
    slots: int
    channel: Channel = Channel.ACTIVE_IMPORT

    def __str__(self) -> str:
        return f"{self.day:%d/%m/%Y} of meter {self.serial}"


@dataclass(frozen=True, slots=True)
class By:
    """Who decides, when and why; for which case; `seen` is the last version of the day they have looked at
    (0: none), None where it does not matter."""

    viewer: Viewer
    now: datetime
    reason: str
    case: int | None = None
    seen: int | None = None


@dataclass(frozen=True, slots=True, eq=False)
class _Seen:
    """The day that is decided about: what validation says without any edit, and with those that stand."""

    place: Place
    key: DayKey
    inputs: tuple[MeterInput, ...]
    said: tuple[MeterOutput, ...]
    versions: dict[DayKey, list[Edit]]
    said_energy: Row
    said_quality: npt.NDArray[np.uint8]
    energy: Row
    quality: npt.NDArray[np.uint8]

    @property
    def part(self) -> slice:
        return slice(self.place.first, self.place.first + self.place.slots)


_Choice = tuple[EditKind, Sequence[int], Sequence[int]]
"""What was decided: kind, energies, methods."""


def values(conn: Connection[TupleRow], place: Place, by: By, wh: Sequence[int]) -> Edit:
    """Figures that somebody states, Wh of each slot on the primary side (varh of reactive channels).

    Raises `EditRefused`, and `storage.edits.EditedMeanwhile` where somebody else was quicker; then nothing is
    changed, here and in `estimate`, `accept` and `undo`.
    """
    if len(wh) != place.slots or any(not 0 <= one <= _LARGEST for one in wh):
        raise EditRefused(
            f"{place.slots} slots need {place.slots} figures of at least 0 Wh, {len(wh)} were given: "
            f"give one for each slot"
        )
    method = [int(Method.PERSON)] * place.slots
    return _decide(conn, place, by, lambda _: (EditKind.VALUES, wh, method))


def estimate(conn: Connection[TupleRow], place: Place, by: By, way: Way = Way.BEST) -> Edit:
    """An estimate that stands in until the meter says otherwise."""

    def choose(seen: _Seen) -> _Choice:
        energy, method = _WAYS[way](conn, seen)
        return EditKind.ESTIMATE, energy, method

    return _decide(conn, place, by, choose)


def accept(conn: Connection[TupleRow], place: Place, by: By) -> Edit:
    """What the meter said counts, although validation doubts it."""

    def choose(seen: _Seen) -> _Choice:
        said = seen.said_quality[seen.part]
        if not np.isin(said, decided.MEASURED).all():
            raise EditRefused(
                f"the meter did not say all of these slots of {place}: accept those that it said, estimate "
                f"the others"
            )
        return EditKind.ACCEPT, seen.said_energy[seen.part].tolist(), [int(Method.NONE)] * place.slots

    return _decide(conn, place, by, choose)


def undo(conn: Connection[TupleRow], serial: str, day: date, version: int, by: By, channel: Channel) -> Edit:
    """Take a version back: another version, after which the earlier ones count as before it."""
    meter = _meter(conn, serial)
    versions = edits.of_meters(conn, [meter], day, day + _DAY).get((meter, channel, day), [])
    one = next((each for each in versions if each.version == version), None)
    if one is None:
        raise EditRefused(f"{day:%d/%m/%Y} of meter {serial} has no edit {version}: see `ami case show`")
    if one not in edits.in_force(versions):
        raise EditRefused(
            f"edit {version} of {day:%d/%m/%Y} of meter {serial} was taken back before: there is nothing to "
            f"take back"
        )
    place = Place(serial, day, one.decision.first_slot, len(one.decision.said_energy), channel)
    ours = replace(by, case=one.case_id if by.case is None else by.case)
    return _decide(conn, place, ours, lambda _: (EditKind.UNDO, (), ()), undoes=version)


def _decide(
    conn: Connection[TupleRow],
    place: Place,
    by: By,
    choose: Callable[[_Seen], _Choice],
    undoes: int | None = None,
) -> Edit:
    if not by.viewer.is_staff:
        raise EditRefused("readings are edited by the staff alone: ask the billing office")
    if not by.reason.strip():
        raise EditRefused("an edit needs a reason: say why (--reason)")
    key = (_meter(conn, place.serial), place.channel, place.day)
    if by.case is not None and cases.meter(conn, by.case) != key[0]:
        raise EditRefused(f"case {by.case} is not about meter {place.serial}: see `ami case list`")
    version = edits.lock(conn, key, by.seen)
    seen = _look(conn, place, key)
    kind, energy, method = choose(seen)
    part = seen.part
    decision = Decision(
        kind, len(seen.energy), place.first, tuple(map(int, energy)), tuple(map(int, method)),
        tuple(seen.said_energy[part].tolist()), seen.said_quality[part].tobytes(),
        tuple(seen.energy[part].tolist()), seen.quality[part].tobytes(), undoes,
    )  # fmt: skip
    reason = by.reason.strip()
    edits.add(conn, key, version, decision, case=by.case, reason=reason, login=by.viewer.login, at=by.now)
    # Whoever validates at this moment has not seen the edit: the day stays due, and is validated once more.
    days.mark_due(conn, [key[0]], [place.day])
    _, looked_at = validate.these(conn, [(key[0], place.day, by.now)], by.now)
    made = _turned_out(conn, place, key, version, decision)
    detail = {
        "channel": int(place.channel),
        "day": place.day.isoformat(),
        "version": version,
        "kind": kind.value,
        "first_slot": place.first,
        "slots": place.slots,
        "case": by.case,
    }
    people.audit(
        conn, by.now, by.viewer.login, "day.edit", f"meter {place.serial}", detail | {"reason": reason}
    )
    if by.case is not None:
        _follow(conn, by, place, made)
    cases.take(conn, looked_at, by.now)
    return made


def _turned_out(
    conn: Connection[TupleRow], place: Place, key: DayKey, version: int, decision: Decision
) -> Edit:
    after = edits.stored(conn, key)
    assert after is not None, "a day that was validated is stored"
    energy, quality = after[0][place.first :][: place.slots], after[1][place.first :][: place.slots]
    if decision.kind is not EditKind.UNDO and (
        tuple(energy) != decision.energy or set(quality) != {Quality.EDITED}
    ):
        raise EditRefused(
            f"meter {place.serial} did not hang anywhere during all of these slots of {place.day:%d/%m/%Y}: "
            f"edit those during which it did"
        )
    edits.turned_out(conn, key, version, energy, quality)
    found = edits.of_meters(conn, [key[0]], place.day, place.day + _DAY)[key]
    return found[version - 1]


def _follow(conn: Connection[TupleRow], by: By, place: Place, made: Edit) -> None:
    """Write the edit down in its case."""
    assert by.case is not None
    cases.lock(conn, by.case)
    undone = made.decision.undoes is not None
    detail = {"day": place.day.isoformat(), "channel": int(place.channel), "version": made.version,
              "kind": made.decision.kind.value, "first_slot": place.first, "slots": place.slots,
              "before_wh": sum(made.decision.before_energy), "after_wh": sum(made.after_energy)}  # fmt: skip
    what = Step.UNDONE if undone else Step.EDITED
    cases.step(conn, by.case, what, by.viewer.login, by.now, made.reason, detail)
    if undone:
        cases.ask_again(conn, by.case, place.day)
        cases.follow(conn, [by.case], by.now)
    else:
        cases.judge(conn, by.case, CaseState.EDITED, by.now, place.day)


def _meter(conn: Connection[TupleRow], serial: str) -> int:
    found = meter_ids(conn, [serial]).get(serial)
    if found is None:
        raise EditRefused(f"there is no meter {serial}: see `ami meter list`")
    return found


def _look(conn: Connection[TupleRow], place: Place, key: DayKey) -> _Seen:
    stored = edits.stored(conn, key)
    inputs = tuple(
        one
        for one in inputs_of(conn, [(key[0], place.day, _ANY)])
        if one.channel is place.channel and one.first <= place.day < one.first + one.days * _DAY
    )
    if stored is None or not inputs:
        raise EditRefused(f"{place} was never validated: run `ami validate` first")
    said = tuple(said_quality.kept(inputs, vee(inputs).meters))
    energy, quality = np.array(stored[0], np.int32), np.frombuffer(stored[1], np.uint8)
    if len({one.slots for one in inputs} | {len(energy)}) > 1:
        raise EditRefused(f"{place} has another interval since it was validated: run `ami validate` first")
    if not 0 <= place.first < place.first + place.slots <= len(energy):
        raise EditRefused(f"{place} has the slots 0 to {len(energy) - 1}: give slots within the day")
    first, end = min(one.first for one in inputs), max(one.first + one.days * _DAY for one in inputs)
    versions = edits.of_meters(conn, [key[0]], first, end)
    said_energy, said_grade, _ = _day(said, place.day)
    return _Seen(place, key, inputs, said, versions, said_energy, said_grade, energy, quality)


def _day(outputs: Sequence[MeterOutput], day: date) -> validate.Day:
    """A day; each stay of the meter fills what the others lack."""
    parts = [(one, (day - one.first).days) for one in outputs]
    return reduce(
        validate.filled, [(one.energy[row], one.quality[row], one.method[row]) for one, row in parts]
    )


def _best(_: Connection[TupleRow], seen: _Seen) -> tuple[list[int], list[int]]:
    """What validation makes of the slots when what the meter and people said of them does not count."""
    blank = []
    for given, said in zip(seen.inputs, seen.said, strict=True):
        one = decided.with_decisions(given, said, seen.versions)
        assert one.decided_how is not None
        one.decided_how[(seen.place.day - given.first).days, seen.part] = BLANK
        blank.append(one)
    energy, quality, method = _day(vee(blank).meters, seen.place.day)
    if (quality[seen.part] == Quality.MISSING).any():
        raise EditRefused(
            f"nothing is known by which these slots of {seen.place} could be estimated: give figures (--wh)"
        )
    return energy[seen.part].tolist(), method[seen.part].tolist()


def _line(_: Connection[TupleRow], seen: _Seen) -> tuple[list[int], list[int]]:
    at = max(range(len(seen.inputs)), key=lambda i: seen.inputs[i].days)
    given, output = seen.inputs[at], seen.said[at]
    start = (seen.place.day - given.first).days * given.slots + seen.place.first
    flat, quality = output.energy.reshape(-1), output.quality.reshape(-1)
    found = by_hand.line(flat, quality, start, seen.place.slots)
    if found is None:
        raise EditRefused(f"nothing is known beside these slots of {seen.place}: estimate otherwise")
    return found.tolist(), [int(Method.LINEAR)] * seen.place.slots


def _like_days(conn: Connection[TupleRow], seen: _Seen) -> tuple[list[int], list[int]]:
    if len(seen.energy) != 48 or seen.place.channel is not Channel.ACTIVE_IMPORT:
        raise EditRefused("like days are kept for half-hours of active import alone: estimate otherwise")
    first = seen.place.day - _NEAR
    near = days.matrix(conn, [seen.key[0]], seen.place.channel, first, seen.place.day + _NEAR + _DAY)
    kinds = day_kinds(first, near.energy.shape[1])
    found = by_hand.like_days(
        near.energy[0], near.quality[0], kinds, _NEAR.days, seen.place.first, seen.place.slots
    )
    if found is None:
        raise EditRefused(f"there is no like day within four weeks of {seen.place}: estimate otherwise")
    return found.tolist(), [int(Method.LIKE_DAY)] * seen.place.slots


def _zero(_: Connection[TupleRow], seen: _Seen) -> tuple[list[int], list[int]]:
    return [0] * seen.place.slots, [int(Method.OUTAGE)] * seen.place.slots


_WAYS: dict[Way, Callable[[Connection[TupleRow], _Seen], tuple[list[int], list[int]]]] = {
    Way.BEST: _best,
    Way.LINEAR: _line,
    Way.LIKE_DAY: _like_days,
    Way.ZERO: _zero,
}
