"""Whom there is reason to visit: one open inspection a meter, followed by night, judged by people."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from functools import partial
from typing import Any, Final

from psycopg import Connection
from psycopg.rows import TupleRow
from psycopg.types.json import Jsonb

from model.period import require_aware
from model.quality import Severity
from model.viewer import NOBODY

ROUND_LOCK: Final = 0x4D1E5EE
"""One program opens inspections at a time."""


class InspectionState(StrEnum):
    """How far an inspection has come."""

    NEW = "new"
    ASSIGNED = "assigned"
    INSPECTED = "inspected"
    CONFIRMED = "confirmed"
    FALSE = "false"
    FADED = "faded"

    @property
    def is_open(self) -> bool:
        """Whether somebody has to do something still."""
        return self in OPEN

    @property
    def next(self) -> tuple[InspectionState, ...]:
        """Where people may take it from here."""
        return MOVES.get(self, ())


OPEN: Final = (InspectionState.NEW, InspectionState.ASSIGNED, InspectionState.INSPECTED)
MOVES: Final[Mapping[InspectionState, tuple[InspectionState, ...]]] = {
    InspectionState.NEW: (InspectionState.ASSIGNED,),
    InspectionState.ASSIGNED: (InspectionState.ASSIGNED, InspectionState.NEW, InspectionState.INSPECTED),
    InspectionState.INSPECTED: (InspectionState.CONFIRMED, InspectionState.FALSE),
}
"""What people may do; one that is new may fade by itself besides."""


class InspectionStep(StrEnum):
    """What happened to an inspection."""

    OPENED = "opened"
    LOUDER = "louder"
    ASSIGNED = "assigned"
    RETURNED = "returned"
    VISITED = "visited"
    CONFIRMED = "confirmed"
    DISMISSED = "dismissed"
    FADED = "faded"


@dataclass(frozen=True, slots=True)
class Found:
    """What a night found of one meter. `since`: when it seems to have begun; `kwh_a_day`: thought not to be
    counted; `stake`: đồng since then, None where no price is known; the others are JSON without NaN."""

    meter_id: int
    severity: Severity
    strength: float
    since: date
    clues: Sequence[Mapping[str, Any]]
    kwh_a_day: float | None
    stake: int | None
    benign: Mapping[str, Any] | None
    evidence: Mapping[str, Any]
    model: int | None


@dataclass(frozen=True, slots=True)
class Raised:
    """An inspection as the budget of later nights asks for it; `kinds` of its clues."""

    serial: str
    opened_on: date
    state: InspectionState
    changed_at: datetime
    kinds: frozenset[str]
    strength: float


# Of two programs at once, one opens it.
_OPEN: Final = """
    INSERT INTO inspection (meter_id, station, point, customer, state, severity, strength, since, opened_on,
        opened_at, changed_at, seen_on, clues, kwh_a_day, stake, benign, evidence, model)
    SELECT %(meter)s, p.station, i.point, p.customer, 'new', %(severity)s, %(strength)s, %(since)s, %(night)s,
        %(now)s, %(now)s, %(night)s, %(clues)s, %(kwh)s, %(stake)s, %(benign)s, %(evidence)s, %(model)s
    FROM installation i JOIN point p ON p.code = i.point
    WHERE i.meter_id = %(meter)s ORDER BY i.until IS NULL DESC, i.since DESC LIMIT 1
    ON CONFLICT (meter_id) WHERE state IN ('new', 'assigned', 'inspected') DO NOTHING RETURNING id"""
# What was accused first stays: since when it goes on is told once.
_HOLD: Final = """
    UPDATE inspection AS old SET severity = greatest(old.severity, %(severity)s), strength = %(strength)s,
        since = least(old.since, %(since)s), seen_on = %(night)s, clues = %(clues)s, kwh_a_day = %(kwh)s,
        stake = %(stake)s, benign = %(benign)s, evidence = %(evidence)s, changed_at = %(now)s
    FROM (SELECT id, severity FROM inspection
        WHERE meter_id = %(meter)s AND state IN ('new', 'assigned', 'inspected') FOR UPDATE) before
    WHERE old.id = before.id AND old.seen_on <= %(night)s
    RETURNING old.id, old.severity > before.severity"""
_FADE: Final = """
    UPDATE inspection i SET state = 'faded', changed_at = %(now)s
    FROM station_night s
    WHERE i.state = 'new' AND s.station = i.station AND s.through >= %(night)s AND i.seen_on < %(unseen)s
    RETURNING i.id"""
_EXPLAIN: Final = """
    UPDATE inspection SET benign = %(benign)s, changed_at = %(now)s
    WHERE meter_id = %(meter)s AND state IN ('new', 'assigned', 'inspected')
      AND benign IS DISTINCT FROM %(benign)s"""
_OPEN_METERS: Final = """
    SELECT meter_id FROM inspection
    WHERE meter_id = ANY (%s) AND state IN ('new', 'assigned', 'inspected')"""
_RAISED: Final = """
    SELECT m.serial, i.opened_on, i.state, i.changed_at,
        (SELECT array_agg(clue->>'kind') FROM jsonb_array_elements(i.clues) AS clue), i.strength
    FROM inspection i JOIN meter m ON m.id = i.meter_id
    WHERE i.state <> 'faded' OR i.opened_on >= %s ORDER BY i.id"""
_STEP: Final = """
    INSERT INTO inspection_step (inspection_id, at, login, step, reason, detail)
    VALUES (%s, %s, %s, %s, %s, %s)"""
_LOCK: Final = "SELECT state FROM inspection WHERE id = %s FOR UPDATE"
_MOVE: Final = """
    UPDATE inspection SET state = %(state)s, changed_at = %(now)s,
        assigned_to = CASE WHEN %(assigned)s THEN %(to)s ELSE assigned_to END, found_since = %(found)s
    WHERE id = %(inspection)s"""


def jsonb(value: Any) -> Jsonb:
    """As jsonb; raises ValueError for what JSON has no word for (NaN, infinity)."""
    return Jsonb(value, dumps=partial(json.dumps, allow_nan=False))


def open_one(conn: Connection[TupleRow], found: Found, night: date, now: datetime) -> int | None:
    """Open the inspection of a meter that has none open; its number, None where there is one already."""
    row = conn.execute(_OPEN, _given(found, night, now)).fetchone()
    if row is None:
        return None
    step(conn, row[0], InspectionStep.OPENED, NOBODY, now, detail={"night": night.isoformat()})
    return int(row[0])


def hold(conn: Connection[TupleRow], found: Found, night: date, now: datetime) -> int | None:
    """The open inspection of the meter is told what this night found; None where there is none, or where it
    was told of a later night."""
    row = conn.execute(_HOLD, _given(found, night, now)).fetchone()
    if row is None:
        return None
    number, louder = row
    if louder:
        detail = {"night": night.isoformat(), "severity": int(found.severity)}
        step(conn, number, InspectionStep.LOUDER, NOBODY, now, detail=detail)
    return int(number)


def fade(conn: Connection[TupleRow], night: date, unseen: date, now: datetime) -> list[int]:
    """Close the new ones that nothing was said of since `unseen`, at stations looked through to `night`."""
    asked = {"night": night, "unseen": unseen, "now": require_aware(now)}
    numbers = sorted(number for (number,) in conn.execute(_FADE, asked))
    for number in numbers:
        step(conn, number, InspectionStep.FADED, NOBODY, now, detail={"night": night.isoformat()})
    return numbers


def explain(
    conn: Connection[TupleRow], meter_id: int, benign: Mapping[str, Any] | None, now: datetime
) -> None:
    """What else would explain what the open inspection of the meter is about; None: nothing does."""
    told = None if benign is None else jsonb(dict(benign))
    conn.execute(_EXPLAIN, {"meter": meter_id, "benign": told, "now": require_aware(now)})


def open_meters(conn: Connection[TupleRow], meter_ids: Sequence[int]) -> set[int]:
    """Those of the meters whose inspection is open."""
    return {meter for (meter,) in conn.execute(_OPEN_METERS, [list(meter_ids)])}


def raised(conn: Connection[TupleRow], since: date) -> list[Raised]:
    """Every inspection ever opened, the oldest first; of those that faded the ones since that day."""
    return [
        Raised(serial, opened_on, InspectionState(state), changed_at, frozenset(kinds or ()), strength)
        for serial, opened_on, state, changed_at, kinds, strength in conn.execute(_RAISED, [since])
    ]


def _given(found: Found, night: date, now: datetime) -> dict[str, Any]:
    return {
        "meter": found.meter_id,
        "severity": int(found.severity),
        "strength": found.strength,
        "since": found.since,
        "night": night,
        "now": require_aware(now),
        "clues": jsonb(list(found.clues)),
        "kwh": found.kwh_a_day,
        "stake": found.stake,
        "benign": None if found.benign is None else jsonb(dict(found.benign)),
        "evidence": jsonb(dict(found.evidence)),
        "model": found.model,
    }


def step(
    conn: Connection[TupleRow],
    inspection: int,
    what: InspectionStep,
    login: str,
    at: datetime,
    reason: str = "",
    detail: Mapping[str, Any] | None = None,
) -> None:
    """Write down what happened to an inspection."""
    conn.execute(_STEP, [inspection, require_aware(at), login, what.value, reason, jsonb(dict(detail or {}))])


def lock(conn: Connection[TupleRow], inspection: int) -> InspectionState | None:
    """Keep others from it until the transaction ends; its state, None where there is no such inspection."""
    row = conn.execute(_LOCK, [inspection]).fetchone()
    return None if row is None else InspectionState(row[0])


def move(
    conn: Connection[TupleRow],
    inspection: int,
    state: InspectionState,
    now: datetime,
    *,
    to: str | None = None,
    found_since: date | None = None,
) -> None:
    """Into another state (the schema refuses what `MOVES` has not); NEW and ASSIGNED say whose: `to`."""
    moved = {
        "inspection": inspection,
        "state": state.value,
        "now": require_aware(now),
        "assigned": state in (InspectionState.NEW, InspectionState.ASSIGNED),
        "to": to,
        "found": found_since,
    }
    conn.execute(_MOVE, moved)
