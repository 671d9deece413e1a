"""How often inspections were right, and how many there are."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from psycopg import Connection
from psycopg.rows import TupleRow

from model.viewer import Viewer

_COUNTS: Final = """
    count(*) FILTER (WHERE state IN ('new', 'assigned', 'inspected')),
    count(*) FILTER (WHERE state = 'faded'),
    count(*) FILTER (WHERE state = 'confirmed'), count(*) FILTER (WHERE state = 'false')"""
_ALL: Final = f"SELECT '', {_COUNTS} FROM inspection"
_BY_MONTH: Final = f"""
    SELECT to_char(opened_on, 'YYYY-MM') AS month, {_COUNTS} FROM inspection GROUP BY month ORDER BY month"""
_BY_MODEL: Final = f"""
    SELECT coalesce(model::text, '') AS version, {_COUNTS} FROM inspection GROUP BY model ORDER BY model"""
_BY_CLUE: Final = f"""
    SELECT k.kind, {_COUNTS} FROM inspection
    CROSS JOIN LATERAL (SELECT DISTINCT clue->>'kind' AS kind FROM jsonb_array_elements(clues) AS clue) k
    GROUP BY k.kind ORDER BY k.kind"""
_ROUNDS: Final = """
    SELECT coalesce(sum(nights), 0), coalesce(sum(meters * nights), 0), coalesce(sum(opened), 0), max(night),
        (array_agg(per_1000 ORDER BY night DESC))[1]
    FROM inspection_round
    WHERE %(since)s::date IS NULL OR night >= %(since)s"""


@dataclass(frozen=True, slots=True)
class Answered:
    """Of the inspections of one `group` (a month, a model's version, a kind of clue; empty: all of them)."""

    group: str
    open: int
    faded: int
    confirmed: int
    false: int

    @property
    def precision(self) -> float | None:
        """Confirmed ones of those that were answered; None before the first answer."""
        answered = self.confirmed + self.false
        return self.confirmed / answered if answered else None


@dataclass(frozen=True, slots=True)
class Pace:
    """Over `nights` looked through until `last` (a first look stands for those it looks back upon):
    meter-days, inspections opened in them. `allowed`: how many the last of them might open per 1,000 meters
    and day."""

    nights: int
    meter_days: int
    opened: int
    last: date | None
    allowed: float | None = None

    @property
    def per_1000(self) -> float | None:
        """Inspections opened per 1,000 meters and day; None before the first night."""
        return 1000 * self.opened / self.meter_days if self.meter_days else None


@dataclass(frozen=True, slots=True)
class InspectionFigures:
    """Whole, by the month they were opened in, by the model they went by, by the kinds of clues they bear."""

    whole: Answered
    months: tuple[Answered, ...]
    models: tuple[Answered, ...]
    clues: tuple[Answered, ...]
    pace: Pace


def figures(
    conn: Connection[TupleRow], viewer: Viewer, since: date | None = None
) -> InspectionFigures | None:
    """Everything ever opened; the pace of the nights since `since`. None for a customer."""
    if not viewer.is_staff:
        return None
    (whole,) = _answered(conn, _ALL)
    row: tuple[Any, ...] | None = conn.execute(_ROUNDS, {"since": since}).fetchone()
    assert row is not None  # an aggregate has a row
    return InspectionFigures(
        whole,
        _answered(conn, _BY_MONTH),
        _answered(conn, _BY_MODEL),
        _answered(conn, _BY_CLUE),
        Pace(*row),
    )


def _answered(conn: Connection[TupleRow], select: Any) -> tuple[Answered, ...]:
    return tuple(Answered(*row) for row in conn.execute(select))
