"""What was learned of abnormal days: every version stays, one is in force."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

from psycopg import Connection
from psycopg.rows import TupleRow

from model.period import require_aware
from storage.errors import Unknown
from storage.inspections import jsonb

_COLUMNS: Final = "version, learned_at, login, meters, days, judged, figures, in_force"
_IN_FORCE: Final = f"SELECT {_COLUMNS}, content FROM score_model WHERE in_force"
_VERSION: Final = "SELECT version FROM score_model WHERE in_force"
_ALL: Final = f"SELECT {_COLUMNS} FROM score_model ORDER BY version DESC"
_RETIRE: Final = "UPDATE score_model SET in_force = false WHERE in_force"
_SAVE: Final = """
    INSERT INTO score_model (learned_at, login, meters, days, judged, figures, content, in_force)
    VALUES (%(at)s, %(login)s, %(meters)s, %(days)s, %(judged)s, %(figures)s, %(content)s, %(in_force)s)
    RETURNING version"""
_PUT: Final = "UPDATE score_model SET in_force = true WHERE version = %s RETURNING version"
# Of each plan in turn a meter, always the same ones in a year and others in another.
_SAMPLE: Final = """
    SELECT meter_id, since FROM (
        SELECT i.meter_id, i.since,
            row_number() OVER (PARTITION BY s.plan ORDER BY hashtext(i.point || %(draw)s), i.point) AS place
        FROM installation i JOIN point p ON p.code = i.point CROSS JOIN LATERAL (SELECT plan FROM point_supply
            WHERE point = i.point ORDER BY valid_from DESC LIMIT 1) s
        WHERE i.until IS NULL AND p.role = 'customer' AND i.since < %(before)s) hanging
    ORDER BY place, meter_id LIMIT %(most)s"""
_JUDGED: Final = """
    SELECT meter_id, state, coalesce(found_since, since), seen_on, changed_at FROM inspection
    WHERE state IN ('confirmed', 'false') ORDER BY meter_id, id"""


_ACCUSED: Final = """
    SELECT meter_id, since FROM inspection WHERE state IN ('new', 'assigned', 'inspected')"""


@dataclass(frozen=True, slots=True)
class ScoreModel:
    """A version: when it was learned, who asked for it, from how many meters and days, of which `judged` ones
    an inspection had spoken; `content` is empty in a list."""

    version: int
    learned_at: datetime
    login: str
    meters: int
    days: int
    judged: int
    figures: Mapping[str, Any]
    in_force: bool
    content: bytes = b""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What an inspection found of a meter's days from `first` to `last`."""

    meter_id: int
    falsified: bool
    first: date
    last: date
    at: datetime


def accused(conn: Connection[TupleRow]) -> dict[int, date]:
    """By meter, since when it is accused by an inspection that is open."""
    return dict(conn.execute(_ACCUSED).fetchall())


def in_force(conn: Connection[TupleRow]) -> ScoreModel | None:
    """The model that days are scored by; None before the first was learned."""
    row = conn.execute(_IN_FORCE).fetchone()
    return None if row is None else ScoreModel(*row)


def version_in_force(conn: Connection[TupleRow]) -> int | None:
    """Its version alone."""
    row = conn.execute(_VERSION).fetchone()
    return None if row is None else int(row[0])


def models(conn: Connection[TupleRow]) -> list[ScoreModel]:
    """Every version, the newest first, without what was learned."""
    return [ScoreModel(*row) for row in conn.execute(_ALL)]


def save(conn: Connection[TupleRow], model: ScoreModel) -> int:
    """Keep a new model; its version. In force it takes the place of the one that was."""
    if model.in_force:
        conn.execute(_RETIRE)
    asked = {
        "at": require_aware(model.learned_at),
        "login": model.login,
        "meters": model.meters,
        "days": model.days,
        "judged": model.judged,
        "figures": jsonb(dict(model.figures)),
        "content": model.content,
        "in_force": model.in_force,
    }
    row = conn.execute(_SAVE, asked).fetchone()
    assert row is not None  # an insert without a condition
    return int(row[0])


def put_in_force(conn: Connection[TupleRow], version: int) -> None:
    """Score by this version from now on; raises Unknown where there is none."""
    with conn.transaction():
        conn.execute(_RETIRE)
        if conn.execute(_PUT, [version]).fetchone() is None:
            raise Unknown("version of the score", str(version))


def sample(conn: Connection[TupleRow], draw: str, before: datetime, most: int) -> list[tuple[int, datetime]]:
    """(meter, since when it hangs) of customers' meters hung before that instant, of each plan in turn."""
    asked = {"draw": draw, "before": require_aware(before), "most": most}
    return [(meter, since) for meter, since in conn.execute(_SAMPLE, asked)]


def verdicts(conn: Connection[TupleRow]) -> list[Verdict]:
    """Everything that inspections have found, by meter and inspection."""
    return [
        Verdict(meter, state == "confirmed", first, last, at)
        for meter, state, first, last, at in conn.execute(_JUDGED)
    ]
