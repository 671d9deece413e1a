"""A night's inspections: opened within what the knob allows, told of anew, closed where nothing holds."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any, Final

from psycopg import Connection
from psycopg.rows import TupleRow

from analytics.suspicion import Accused, Benign, Clue, ClueKind, Suspect, worth_a_morning
from analytics.suspicion.budget import LEAST_STRENGTH, allowance, saved_days
from model.quality import Severity
from storage import inspections, scores, suspicions
from storage.inspections import Found, InspectionState
from storage.suspicions import Round, Suspicion

MOST: Final = 100_000  # that stand out, taken up in a night
HOLDS: Final = -1.5  # log-odds, from which on an open inspection still holds
QUIET_DAYS: Final = 3  # of which nothing is said, until a new one fades
LOUD: Final = 3.0  # log-odds (95 in 100), from which on with a clue that is no habit it is red
PUT_RIGHT: Final = timedelta(days=90)  # after a confirmed one, until the meter may be accused again
_SOLID: Final = frozenset({ClueKind.BALANCE, ClueKind.DARK_PHASE, ClueKind.EVENT})


def is_due(conn: Connection[TupleRow], night: date, now: datetime) -> bool:
    """Whether all stations are looked through to the night and its inspections are not opened."""
    if suspicions.has_round(conn, night) or not suspicions.meters_of(conn, night):
        return False
    return not suspicions.due(conn, night, now, anyway=True, limit=1)


def open_night(
    conn: Connection[TupleRow], night: date, now: datetime, per_1000: float, model: int | None
) -> tuple[Round, int] | None:
    """Open them, within the caller's transaction; what came of it, and how many wait for a later night's
    allowance. None where a station is still to be looked through, or where somebody has opened them already.
    """
    if not is_due(conn, night, now) or not suspicions.begin_round(conn, night):
        return None
    meters = suspicions.meters_of(conn, night)
    standing = suspicions.of_night(conn, night, HOLDS, MOST)
    held = sum(
        inspections.hold(conn, _found(one, model), night, now) is not None for one in standing if _holds(one)
    )
    for one in standing:
        if not _holds(one):
            inspections.explain(conn, one.meter_id, one.benign, now)
    by_serial = {one.serial: one for one in standing}
    saved = saved_days(meters, per_1000)
    accused = [_accused(one, now) for one in inspections.raised(conn, night - timedelta(saved))]
    # Days that are judged at once when an installation begins had their nights, too.
    begun = min(day for day in (suspicions.first_round(conn), scores.judged_from(conn), night) if day)
    before = suspicions.last_round(conn) or begun - timedelta(1)
    free = allowance(meters, per_1000, begun, night, (one.opened for one in accused))
    worth = worth_a_morning([as_suspect(one) for one in standing], accused)
    opened = [
        inspections.open_one(conn, _found(by_serial[one.serial], model), night, now) for one in worth[:free]
    ]
    faded = inspections.fade(conn, night, night - timedelta(QUIET_DAYS), now)
    strong = sum(one.strength >= LEAST_STRENGTH and _holds(one) for one in standing)
    done = Round(
        night=night,
        meters=meters,
        per_1000=per_1000,
        allowance=free,
        suspected=strong,
        opened=sum(number is not None for number in opened),
        held=held,
        faded=len(faded),
        model=model,
        nights=max(1, min(saved, (night - before).days)),
    )
    suspicions.save_round(conn, done, now)
    return done, len(worth[free:])


def as_json(told: Clue | Benign) -> dict[str, Any]:
    """A clue or an honest explanation as it is kept: kind, days, figures."""
    days = {"first": told.first.isoformat(), "last": told.last.isoformat()}
    return {"kind": told.kind.value, **days, "figures": dict(told.figures)}


def as_suspect(one: Suspicion) -> Suspect:
    """What was kept of a night as `analytics.suspicion` told it."""
    return Suspect(
        serial=one.serial,
        strength=one.strength,
        since=one.since,
        clues=tuple(_clue(told) for told in one.clues) if one.benign is None else (),
        uncounted_wh_a_day=round(1000 * (one.kwh_a_day or 0)),
        stake_dong_a_day=None,
        by_balance=bool(one.evidence.get("by_balance")),
    )


def severity(one: Suspicion) -> Severity:
    """Red where it is likely and more than a habit speaks for it."""
    solid = any(ClueKind(told["kind"]) in _SOLID for told in one.clues)
    return Severity.RED if solid and one.strength >= LOUD else Severity.AMBER


def _holds(one: Suspicion) -> bool:
    return one.benign is None and bool(one.clues) and one.strength >= HOLDS


def _clue(told: Mapping[str, Any]) -> Clue:
    days = (date.fromisoformat(told[name]) for name in ("first", "last"))
    return Clue(ClueKind(told["kind"]), dict(told["figures"]), *days)


def _found(one: Suspicion, model: int | None) -> Found:
    return Found(
        meter_id=one.meter_id,
        severity=severity(one),
        strength=one.strength,
        since=one.since,
        clues=one.clues,
        kwh_a_day=one.kwh_a_day,
        stake=one.evidence["stake"]["dong"],
        benign=one.benign,
        evidence=one.evidence,
        model=model,
    )


def _accused(one: inspections.Raised, now: datetime) -> Accused:
    """As the budget asks for it. One that faded, or was put right long ago, counts in the budget of its night
    and keeps nobody from being accused."""
    kinds = frozenset(ClueKind(kind) for kind in one.kinds)
    if one.state is InspectionState.FALSE:
        return Accused(one.serial, one.opened_on, kinds, one.strength, honest=True)
    old = one.state is InspectionState.CONFIRMED and now - one.changed_at > PUT_RIGHT
    if one.state is InspectionState.FADED or old:
        return Accused(one.serial, one.opened_on, frozenset(), one.strength, honest=True)
    return Accused(one.serial, one.opened_on, kinds, one.strength)
