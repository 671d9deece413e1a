"""Inspections as people look at them: the round, one inspection with what happened to it, and how often it
was right. Staff alone: a customer is told of none."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

from psycopg import Connection
from psycopg.rows import TupleRow, dict_row

from model.quality import Severity
from model.viewer import Viewer
from storage.inspections import InspectionState, InspectionStep


@dataclass(frozen=True, slots=True)
class InspectionRow:
    """An inspection in the list. `clues`: [{"kind", "first", "last", "figures"}], the strongest first;
    `stake`: đồng from `since` to `seen_on`, None where no price is known; `kwh_a_day`: thought to be used and
    not counted; `benign`: what else would explain it."""

    id: int
    serial: str
    state: InspectionState
    severity: Severity
    strength: float
    since: date
    seen_on: date
    opened_on: date
    opened_at: datetime
    changed_at: datetime
    assigned_to: str | None
    clues: Sequence[Mapping[str, Any]]
    kwh_a_day: float | None
    stake: int | None
    benign: Mapping[str, Any] | None
    model: int | None
    found_since: date | None
    station: str
    station_name: str
    point: str
    customer: str | None
    customer_name: str | None
    address: str | None
    phone: str | None


@dataclass(frozen=True, slots=True)
class InspectionDeed:
    """Something that happened to an inspection."""

    at: datetime
    login: str
    step: InspectionStep
    reason: str
    detail: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class InspectionSheet:
    """One inspection with everything about it. `evidence` is what was drawn up on the night it was last seen:
    "curve", "days", "peers", "balance", "events", "stake" (`operations.inspections.evidence` says how)."""

    row: InspectionRow
    meter_id: int
    evidence: Mapping[str, Any]
    steps: tuple[InspectionDeed, ...]


_COLUMNS: Final = """
    SELECT i.id, m.serial, i.state, i.severity, i.strength, i.since, i.seen_on, i.opened_on, i.opened_at,
        i.changed_at, i.assigned_to, i.clues, i.kwh_a_day, i.stake, i.benign, i.model, i.found_since,
        i.station, s.name AS station_name, i.point, i.customer, c.name AS customer_name, c.address, c.phone
    FROM inspection i JOIN meter m ON m.id = i.meter_id JOIN station s ON s.code = i.station
    LEFT JOIN customer c ON c.code = i.customer"""
_LIST: Final = (
    _COLUMNS
    + """
    WHERE (%(states)s::text[] IS NULL OR i.state = ANY (%(states)s))
      AND (%(station)s::text IS NULL OR i.station = %(station)s)
      AND (%(serial)s::text IS NULL OR m.serial = %(serial)s)
      AND (%(assigned)s::text IS NULL OR i.assigned_to = %(assigned)s)
    ORDER BY i.state NOT IN ('new', 'assigned', 'inspected'), i.severity DESC, i.stake DESC NULLS LAST,
        i.strength DESC, i.id
    LIMIT %(limit)s OFFSET %(offset)s"""
)
_ONE: Final = _COLUMNS + " WHERE i.id = %s"
_REST: Final = "SELECT meter_id, evidence FROM inspection WHERE id = %s"
_STEPS: Final = """
    SELECT at, login, step, reason, detail FROM inspection_step WHERE inspection_id = %s ORDER BY id"""
_OPEN_BY_STATION: Final = """
    SELECT station, count(*) FROM inspection WHERE state IN ('new', 'assigned', 'inspected')
    GROUP BY station"""
_COUNT: Final = "SELECT state, count(*) FROM inspection GROUP BY state"


def inspections(
    conn: Connection[TupleRow],
    viewer: Viewer,
    *,
    states: Collection[InspectionState] | None = None,
    station: str | None = None,
    serial: str | None = None,
    assigned: str | None = None,
    limit: int = 200,
    offset: int = 0,
) -> list[InspectionRow]:
    """Open ones first; the loudest, and of those the ones with most đồng at stake. A customer gets none."""
    if not viewer.is_staff:
        return []
    asked = {
        "states": None if states is None else [state.value for state in states],
        "station": station,
        "serial": serial,
        "assigned": assigned,
        "limit": limit,
        "offset": offset,
    }
    with conn.cursor(row_factory=dict_row) as cursor:
        return [_row(fields) for fields in cursor.execute(_LIST, asked)]


def inspection(conn: Connection[TupleRow], viewer: Viewer, number: int) -> InspectionSheet | None:
    """One inspection; None where it is not there or not the viewer's to see."""
    if not viewer.is_staff:
        return None
    with conn.cursor(row_factory=dict_row) as cursor:
        fields = cursor.execute(_ONE, [number]).fetchone()
    rest = conn.execute(_REST, [number]).fetchone()
    if fields is None or rest is None:
        return None
    steps = tuple(
        InspectionDeed(at, login, InspectionStep(word), reason, detail)
        for at, login, word, reason, detail in conn.execute(_STEPS, [number])
    )
    return InspectionSheet(_row(fields), rest[0], rest[1], steps)


def counts(conn: Connection[TupleRow], viewer: Viewer) -> dict[InspectionState, int]:
    """How many inspections are in each state."""
    if not viewer.is_staff:
        return {}
    return {InspectionState(state): count for state, count in conn.execute(_COUNT)}


def open_by_station(conn: Connection[TupleRow], viewer: Viewer) -> dict[str, int]:
    """How many inspections are open at each station that has any."""
    return dict(conn.execute(_OPEN_BY_STATION).fetchall()) if viewer.is_staff else {}


def _row(fields: dict[str, Any]) -> InspectionRow:
    fields["state"] = InspectionState(fields["state"])
    fields["severity"] = Severity(fields["severity"])
    return InspectionRow(**fields)
