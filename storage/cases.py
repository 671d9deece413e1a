"""The queue of doubts that people judge: one case for a meter and a cause, opened by findings, closed when
they are cured."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from psycopg import Connection
from psycopg.rows import TupleRow
from psycopg.types.json import Jsonb

from model.period import require_aware
from model.quality import Severity
from model.viewer import NOBODY

_ARRIVES: Final = timedelta(minutes=2)  # from the end of a re-read until its readings are validated


class CaseState(StrEnum):
    """How far a case has come."""

    OPEN = "open"
    ACCEPTED = "accepted"
    EDITED = "edited"
    REREAD = "reread"
    CLOSED = "closed"

    @property
    def waits(self) -> bool:
        """Whether somebody has to judge it still."""
        return self in (CaseState.OPEN, CaseState.REREAD)


WAITING: Final = tuple(state for state in CaseState if state.waits)


class Step(StrEnum):
    """What happened to a case."""

    OPENED = "opened"
    AGAIN = "again"
    ACCEPTED = "accepted"
    EDITED = "edited"
    UNDONE = "undone"
    REREAD = "reread"
    ANSWERED = "answered"
    UNANSWERED = "unanswered"
    ASSIGNED = "assigned"
    CURED = "cured"


# What contradicts an edit belongs to the case that was edited for.
_BELONGS: Final = """c.id = CASE WHEN f.kind = 'edit_contradicted' AND f.detail->>'case' IS NOT NULL
    THEN (f.detail->>'case')::bigint
    ELSE (SELECT id FROM validation_case WHERE meter_id = f.meter_id AND cause = f.kind) END"""
# Nothing used since an instant, which somebody has judged, is not asked again every day that it goes on.
_GOES_ON: Final = """f.kind = 'zero_use' AND EXISTS (SELECT FROM case_day j
    WHERE j.case_id = c.id AND j.kind = f.kind AND j.state = 'judged' AND j.severity >= f.severity
      AND j.detail->>'at' = f.detail->>'at')"""
_LOOKED: Final = """
    WITH looked AS (
        SELECT DISTINCT * FROM unnest(%(meters)s::integer[], %(days)s::date[]) AS l (meter_id, day)),
    doubted AS (SELECT f.* FROM looked JOIN finding f USING (meter_id, day) WHERE f.severity >= %(least)s)"""
_OPEN: Final = (
    _LOOKED
    + """
    INSERT INTO validation_case (meter_id, cause, state, severity, opened_at, changed_at)
    SELECT meter_id, kind, 'open', max(severity), %(now)s, %(now)s FROM doubted
    WHERE kind <> 'edit_contradicted' OR detail->>'case' IS NULL
    GROUP BY meter_id, kind ORDER BY meter_id, kind
    ON CONFLICT (meter_id, cause) DO NOTHING RETURNING id"""
)
_DOUBT: Final = (
    _LOOKED
    + f"""
    INSERT INTO case_day AS old (case_id, day, kind, severity, detail, state)
    SELECT c.id, f.day, f.kind, f.severity, f.detail, CASE WHEN {_GOES_ON} THEN 'judged' ELSE 'waits' END
    FROM doubted f JOIN validation_case c ON {_BELONGS} ORDER BY c.id, f.day, f.kind
    ON CONFLICT (case_id, day, kind) DO UPDATE
        SET severity = excluded.severity, detail = excluded.detail, state = excluded.state
    WHERE old.state = 'cured'
        OR (old.severity, old.detail) IS DISTINCT FROM (excluded.severity, excluded.detail)
    RETURNING case_id"""
)
_CURE: Final = (
    _LOOKED
    + """
    UPDATE case_day d SET state = 'cured' FROM validation_case c, looked
    WHERE d.case_id = c.id AND c.meter_id = looked.meter_id AND d.day = looked.day AND d.state <> 'cured'
      AND NOT EXISTS (SELECT FROM doubted f
          WHERE f.meter_id = c.meter_id AND f.day = d.day AND f.kind = d.kind)
    RETURNING d.case_id"""
)
_STANDING: Final = """
    SELECT c.id, c.state, c.severity,
        coalesce(max(d.severity) FILTER (WHERE d.state = 'waits'), 0),
        count(*) FILTER (WHERE d.state = 'waits'), count(*) FILTER (WHERE d.state = 'judged')
    FROM validation_case c LEFT JOIN case_day d ON d.case_id = c.id
    WHERE c.id = ANY (%s) GROUP BY c.id ORDER BY c.id"""
_MOVE: Final = """
    UPDATE validation_case SET state = %(state)s, severity = %(severity)s, changed_at = %(now)s,
        opened_at = CASE WHEN %(again)s THEN %(now)s ELSE opened_at END,
        times = times + CASE WHEN %(again)s THEN 1 ELSE 0 END
    WHERE id = %(case)s"""
_STEP: Final = """
    INSERT INTO case_step (case_id, at, login, step, reason, detail) VALUES (%s, %s, %s, %s, %s, %s)"""
_JUDGE: Final = """
    UPDATE case_day SET state = 'judged'
    WHERE case_id = %s AND state = 'waits' AND (%s::date IS NULL OR day = %s) RETURNING day"""
_ASK_AGAIN: Final = "UPDATE case_day SET state = 'waits' WHERE case_id = %s AND day = %s AND state = 'judged'"
_LOCK: Final = "SELECT state FROM validation_case WHERE id = %s FOR UPDATE"
_METER: Final = "SELECT meter_id FROM validation_case WHERE id = %s"
# What was answered of these days is missing again: the head-end asks for it as for anything that is.
_MISSING_AGAIN: Final = """
    UPDATE answered SET spans = spans - tstzmultirange(tstzrange(
        d.day::timestamp AT TIME ZONE 'Asia/Ho_Chi_Minh',
        (d.day + 1)::timestamp AT TIME ZONE 'Asia/Ho_Chi_Minh'))
    FROM (SELECT %s::date AS day) d WHERE answered.meter_id = %s"""
_REREAD: Final = """
    UPDATE validation_case SET state = 'reread', order_id = %s, changed_at = %s WHERE id = %s"""
_ASSIGN: Final = "UPDATE validation_case SET assigned_to = %s, changed_at = %s WHERE id = %s"
_REREADS_OVER: Final = """
    SELECT c.id, c.severity, o.id, o.state FROM validation_case c JOIN remote_order o ON o.id = c.order_id
    WHERE c.state = 'reread' AND o.state NOT IN ('requested', 'approved', 'sent', 'unknown')
      AND o.finished_at <= %s ORDER BY c.id FOR UPDATE OF c"""


def take(conn: Connection[TupleRow], looked_at: Collection[tuple[int, date]], now: datetime) -> int:
    """Have the queue follow what validation noticed on these meter-days; how many cases were opened, anew or
    again.

    A finding of amber or red opens the case of its meter and kind; what somebody has judged is not asked
    again while it says the same. A day whose finding is gone is cured; a case without a doubt left closes by
    itself.
    """
    if not looked_at:
        return 0
    meters, dates = zip(*sorted(looked_at), strict=True)
    asked = {
        "meters": list(meters),
        "days": list(dates),
        "least": int(Severity.AMBER),
        "now": require_aware(now),
    }
    fresh = [case for (case,) in conn.execute(_OPEN, asked)]
    touched = {case for (case,) in conn.execute(_DOUBT, asked)} | {
        case for (case,) in conn.execute(_CURE, asked)
    }
    for case in fresh:
        step(conn, case, Step.OPENED, NOBODY, now)
    return len(fresh) + follow(conn, touched - set(fresh), now)


def follow(conn: Connection[TupleRow], numbers: Collection[int], now: datetime) -> int:
    """Have cases stand as their days do; how many were opened again."""
    reopened = 0
    for case, stored, severity, loudest, waiting, judged in conn.execute(
        _STANDING, [sorted(numbers)]
    ).fetchall():
        state = CaseState(stored)
        moved, again, told = state, False, None
        if waiting and not state.waits:
            moved, again, told = CaseState.OPEN, True, Step.AGAIN
        elif not waiting and (state.waits or (not judged and state is not CaseState.CLOSED)):
            moved, told = CaseState.CLOSED, Step.CURED
        if moved is state and (not waiting or loudest == severity):
            continue
        _move(conn, case, moved, loudest or severity, now, again=again)
        if told is not None:
            step(conn, case, told, NOBODY, now)
        reopened += again
    return reopened


def _move(
    conn: Connection[TupleRow],
    case: int,
    state: CaseState,
    severity: int,
    now: datetime,
    *,
    again: bool = False,
) -> None:
    """`again`: it was not open before."""
    moved = {"state": state.value, "severity": severity, "now": require_aware(now), "again": again}
    conn.execute(_MOVE, {**moved, "case": case})


def step(
    conn: Connection[TupleRow],
    case: int,
    what: Step,
    login: str,
    at: datetime,
    reason: str = "",
    detail: Mapping[str, Any] | None = None,
) -> None:
    """Write down what happened to a case."""
    conn.execute(_STEP, [case, require_aware(at), login, what.value, reason, Jsonb(dict(detail or {}))])


def meter(conn: Connection[TupleRow], case: int) -> int | None:
    """The meter a case is about; None where there is no such case."""
    row = conn.execute(_METER, [case]).fetchone()
    return None if row is None else int(row[0])


def lock(conn: Connection[TupleRow], case: int) -> CaseState | None:
    """Keep others from the case until the transaction ends; its state, None where there is no such case."""
    row = conn.execute(_LOCK, [case]).fetchone()
    return None if row is None else CaseState(row[0])


def judge(
    conn: Connection[TupleRow], case: int, state: CaseState, now: datetime, day: date | None = None
) -> list[date]:
    """The days that waited (of a case, or this one) are judged, those are given back; with none left waiting
    the case is in `state`."""
    judged = sorted({found for (found,) in conn.execute(_JUDGE, [case, day, day])})
    for number, was, severity, _, waiting, _ in conn.execute(_STANDING, [[case]]).fetchall():
        if not waiting and was != CaseState.CLOSED:
            _move(conn, number, state, severity, now)
    return judged


def ask_again(conn: Connection[TupleRow], case: int, day: date) -> None:
    """What was judged of this day is not any more."""
    conn.execute(_ASK_AGAIN, [case, day])


def reread(conn: Connection[TupleRow], case: int, order: int, now: datetime) -> None:
    """The case waits for an order to the meter."""
    conn.execute(_REREAD, [order, require_aware(now), case])


def missing_again(conn: Connection[TupleRow], meter_id: int, days: Sequence[date]) -> None:
    """Have the head-end ask the meter for these days once more; what it said of them stays."""
    for day in days:
        conn.execute(_MISSING_AGAIN, [day, meter_id])


def settle_rereads(conn: Connection[TupleRow], now: datetime) -> int:
    """Open again the cases whose re-read is over and has not cured them; how many."""
    over = conn.execute(_REREADS_OVER, [require_aware(now) - _ARRIVES]).fetchall()
    for case, severity, order, ended in over:
        _move(conn, case, CaseState.OPEN, severity, now)
        what = Step.ANSWERED if ended == "done" else Step.UNANSWERED
        step(conn, case, what, NOBODY, now, detail={"order": order, "state": ended})
    return len(over)


def assign(conn: Connection[TupleRow], case: int, login: str | None, now: datetime) -> None:
    """Whose case it is; None: nobody's."""
    conn.execute(_ASSIGN, [login, require_aware(now), case])


@dataclass(frozen=True, slots=True)
class OpenCase:
    """A case that keeps a point's days from being billed by: which meter, what, on which of the days."""

    point: str
    case: int
    serial: str
    cause: str
    severity: Severity
    days: tuple[date, ...]


_HOLDING: Final = """
    SELECT i.point, c.id, m.serial, c.cause, max(d.severity), array_agg(DISTINCT d.day ORDER BY d.day)
    FROM case_day d JOIN validation_case c ON c.id = d.case_id JOIN meter m ON m.id = c.meter_id
    JOIN installation i ON i.meter_id = c.meter_id
        AND (i.since AT TIME ZONE 'Asia/Ho_Chi_Minh')::date <= d.day
        AND (i.until IS NULL OR (i.until AT TIME ZONE 'Asia/Ho_Chi_Minh')::date >= d.day)
    WHERE d.state = 'waits' AND d.severity >= %(least)s AND d.day >= %(first)s AND d.day < %(end)s
      AND (%(points)s::text[] IS NULL OR i.point = ANY (%(points)s))
    GROUP BY i.point, c.id, m.serial, c.cause ORDER BY i.point, c.id"""


def holding(
    conn: Connection[TupleRow],
    points: Sequence[str] | None,
    first: date,
    end: date,
    least: Severity = Severity.RED,
) -> list[OpenCase]:
    """Open cases of at least this severity about the days from `first`, without `end`, by point (None: all).

    A re-read that was ordered is no judgement: it holds too.
    """
    asked = {
        "points": None if points is None else list(points),
        "first": first,
        "end": end,
        "least": int(least),
    }
    return [
        OpenCase(point, case, serial, cause, Severity(severity), tuple(days))
        for point, case, serial, cause, severity, days in conn.execute(_HOLDING, asked)
    ]
