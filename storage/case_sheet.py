"""Cases as people look at them: the queue, and one case with its days and what happened to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

from psycopg import Connection
from psycopg.rows import TupleRow

from model.quality import Severity
from model.viewer import Viewer
from storage import cases
from storage.cases import CaseState, Step


@dataclass(frozen=True, slots=True)
class CaseRow:
    """A case in the queue. `first_day`, `last_day`, `days`: of those that wait, else of all; `detail`: what
    the loudest of them says."""

    id: int
    serial: str
    cause: str
    state: CaseState
    severity: Severity
    opened_at: datetime
    changed_at: datetime
    times: int
    assigned_to: str | None
    order: int | None
    first_day: date
    last_day: date
    days: int
    waiting: int
    detail: Mapping[str, Any]
    point: str | None
    station: str | None
    customer: str | None
    customer_name: str | None


@dataclass(frozen=True, slots=True)
class CaseDay:
    """A doubted day. `state`: waits, judged or cured."""

    day: date
    kind: str
    severity: Severity
    detail: Mapping[str, Any]
    state: str


@dataclass(frozen=True, slots=True)
class CaseStep:
    """Something that happened to a case."""

    at: datetime
    login: str
    step: Step
    reason: str
    detail: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class CaseSheet:
    """One case with everything about it, days and steps in the order of time."""

    row: CaseRow
    meter_id: int
    days: tuple[CaseDay, ...]
    steps: tuple[CaseStep, ...]


_ROWS: Final = """
    SELECT c.id, m.serial, c.cause, c.state, c.severity, c.opened_at, c.changed_at, c.times, c.assigned_to,
        c.order_id, d.first, d.last, d.days, d.waiting, loudest.detail, i.point, p.station, p.customer,
        cu.name
    FROM validation_case c JOIN meter m ON m.id = c.meter_id
    JOIN LATERAL (
        SELECT count(*) FILTER (WHERE state = 'waits') AS waiting, count(DISTINCT day) AS days,
            coalesce(min(day) FILTER (WHERE state = 'waits'), min(day)) AS first,
            coalesce(max(day) FILTER (WHERE state = 'waits'), max(day)) AS last
        FROM case_day WHERE case_id = c.id) d ON true
    JOIN LATERAL (SELECT detail FROM case_day WHERE case_id = c.id
        ORDER BY state = 'waits' DESC, severity DESC, day DESC LIMIT 1) loudest ON true
    LEFT JOIN LATERAL (SELECT point FROM installation WHERE meter_id = c.meter_id
        ORDER BY since <= d.last DESC, since DESC LIMIT 1) i ON true
    LEFT JOIN point p ON p.code = i.point LEFT JOIN customer cu ON cu.code = p.customer
    WHERE (%(case)s::bigint IS NULL OR c.id = %(case)s)
      AND (%(states)s::text[] IS NULL OR c.state = ANY (%(states)s))
      AND (%(serial)s::text IS NULL OR m.serial = %(serial)s)
      AND (%(cause)s::text IS NULL OR c.cause = %(cause)s)
      AND (%(assigned)s::text IS NULL OR c.assigned_to = %(assigned)s)
      AND c.severity >= %(least)s
    ORDER BY c.state NOT IN ('open', 'reread'), c.severity DESC, c.opened_at DESC, c.id
    LIMIT %(limit)s OFFSET %(offset)s"""
_DAYS: Final = """
    SELECT day, kind, severity, detail, state FROM case_day WHERE case_id = %s ORDER BY day, kind"""
_STEPS: Final = "SELECT at, login, step, reason, detail FROM case_step WHERE case_id = %s ORDER BY id"
_COUNT: Final = "SELECT state, count(*) FROM validation_case GROUP BY state"


def rows(
    conn: Connection[TupleRow],
    viewer: Viewer,
    *,
    states: tuple[CaseState, ...] | None = None,
    serial: str | None = None,
    cause: str | None = None,
    assigned: str | None = None,
    least: Severity = Severity.INFO,
    case: int | None = None,
    limit: int = 200,
    offset: int = 0,
) -> list[CaseRow]:
    """The queue: what waits first, the loudest and latest of it. Staff only: a customer gets none."""
    if not viewer.is_staff:
        return []
    asked = {
        "case": case,
        "states": None if states is None else [state.value for state in states],
        "serial": serial,
        "cause": cause,
        "assigned": assigned,
        "least": int(least),
        "limit": limit,
        "offset": offset,
    }
    return [_row(*row) for row in conn.execute(_ROWS, asked)]


def _row(number: int, serial: str, cause: str, state: str, severity: int, *rest: Any) -> CaseRow:
    return CaseRow(number, serial, cause, CaseState(state), Severity(severity), *rest)


def counts(conn: Connection[TupleRow], viewer: Viewer) -> dict[CaseState, int]:
    """How many cases are in each state."""
    if not viewer.is_staff:
        return {}
    return {CaseState(state): count for state, count in conn.execute(_COUNT)}


def sheet(conn: Connection[TupleRow], viewer: Viewer, case: int) -> CaseSheet | None:
    """One case; None where it is not there or not the viewer's to see."""
    found = rows(conn, viewer, case=case)
    meter = cases.meter(conn, case)
    if not found or meter is None:
        return None
    days = tuple(
        CaseDay(day, kind, Severity(severity), detail, state)
        for day, kind, severity, detail, state in conn.execute(_DAYS, [case])
    )
    steps = tuple(
        CaseStep(at, login, Step(word), reason, detail)
        for at, login, word, reason, detail in conn.execute(_STEPS, [case])
    )
    return CaseSheet(found[0], meter, days, steps)
