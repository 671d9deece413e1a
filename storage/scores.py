"""Scores of days, and which days of a meter say what is usual of it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

import numpy as np
from numpy.typing import NDArray
from psycopg import Connection
from psycopg.rows import TupleRow

from model.viewer import Viewer

_REFERENCES: Final = """
    SELECT meter_id, first, until, days, figures, made_at FROM score_reference WHERE meter_id = ANY (%s)"""
_JUDGED_FROM: Final = "SELECT min(until) FROM score_reference"
_KEEP: Final = """
    INSERT INTO score_reference (meter_id, first, until, days, figures, made_at)
    VALUES (%s, %s, %s, %s, %s, %s)
    ON CONFLICT (meter_id) DO UPDATE SET first = excluded.first, until = excluded.until,
        days = excluded.days, figures = excluded.figures, made_at = excluded.made_at"""
# Under suspicion: an inspection is open, or its last weeks look falsified. A meter that was found honest
# since its reference was made is not: as it lives now is usual of it.
_FROZEN: Final = """
    SELECT r.meter_id FROM score_reference r
    WHERE r.meter_id = ANY (%(meters)s)
      AND NOT EXISTS (SELECT FROM inspection i WHERE i.meter_id = r.meter_id AND i.state = 'false'
          AND i.changed_at > r.made_at)
      AND (EXISTS (SELECT FROM inspection i WHERE i.meter_id = r.meter_id
              AND i.state IN ('new', 'assigned', 'inspected'))
          OR EXISTS (SELECT FROM suspicion s WHERE s.meter_id = r.meter_id AND s.strength >= %(least)s)
          OR (SELECT avg(logit) FROM day_score d
              WHERE d.meter_id = r.meter_id AND d.day >= %(lately)s) > 0)"""
# A day that changed since it was scored is due again, and one of the last weeks that another model scored.
_DUE: Final = """
    SELECT d.meter_id, d.day, d.computed_at, d.version
    FROM unnest(%(meters)s::integer[], %(since)s::date[]) AS m (meter_id, since)
    JOIN profile_day d ON d.meter_id = m.meter_id AND d.day >= m.since
    LEFT JOIN day_score s ON s.meter_id = d.meter_id AND s.day = d.day AND s.day >= %(first)s
    WHERE d.channel = 1 AND d.day >= %(first)s AND d.day <= %(last)s
      AND (s.day IS NULL OR (s.day_at, s.version) IS DISTINCT FROM (d.computed_at, d.version)
           OR s.model <> %(model)s)
    ORDER BY d.meter_id, d.day"""
_SAVE: Final = """
    INSERT INTO day_score (meter_id, day, model, logit, day_at, version)
    SELECT meter_id, day, %(model)s, logit, day_at, version
    FROM unnest(%(meters)s::integer[], %(days)s::date[], %(logits)s::real[], %(at)s::timestamptz[],
        %(versions)s::integer[]) AS n (meter_id, day, logit, day_at, version)
    ORDER BY meter_id, day
    ON CONFLICT (meter_id, day) DO UPDATE SET model = excluded.model, logit = excluded.logit,
        day_at = excluded.day_at, version = excluded.version"""
_DROP: Final = """
    DELETE FROM day_score s USING unnest(%(meters)s::integer[], %(since)s::date[]) AS m (meter_id, since)
    WHERE s.meter_id = m.meter_id AND s.day < m.since AND s.day >= %(first)s"""
_SCORES: Final = """
    SELECT meter_id, day, logit FROM day_score
    WHERE meter_id = ANY (%(meters)s) AND day >= %(first)s AND day <= %(last)s AND logit IS NOT NULL"""
_OF_METER: Final = """
    SELECT s.day, s.logit, s.model FROM day_score s JOIN meter m ON m.id = s.meter_id
    WHERE m.serial = %(serial)s AND s.day >= %(first)s AND s.day <= %(last)s ORDER BY s.day"""

Due = tuple[int, date, datetime, int]
"""Meter, day, and the stamp and version of the day as it stands."""


@dataclass(frozen=True, slots=True, eq=False)
class StoredReference:
    """Whole days from `first`, without `until`: `days` of them; `figures` float64 (n) of them."""

    first: date
    until: date
    days: int
    figures: NDArray[np.float64]
    made_at: datetime


@dataclass(frozen=True, slots=True)
class DayScore:
    """`logit` None: the day is not whole."""

    day: date
    logit: float | None
    model: int


def references(conn: Connection[TupleRow], meter_ids: Collection[int]) -> dict[int, StoredReference]:
    """By meter, of those that have one."""
    return {
        meter: StoredReference(first, until, days, np.frombuffer(figures, "<f8").astype(float), made_at)
        for meter, first, until, days, figures, made_at in conn.execute(_REFERENCES, [list(meter_ids)])
    }


def judged_from(conn: Connection[TupleRow]) -> date | None:
    """The first day that is judged of any meter; None where none is."""
    row = conn.execute(_JUDGED_FROM).fetchone()
    return None if row is None else row[0]


def keep_references(conn: Connection[TupleRow], made: Mapping[int, StoredReference]) -> None:
    """They take the place of those that the meters had."""
    rows = [
        (meter, one.first, one.until, one.days, one.figures.astype("<f8").tobytes(), one.made_at)
        for meter, one in sorted(made.items())
    ]
    with conn.cursor() as cursor:
        cursor.executemany(_KEEP, rows)


def frozen(conn: Connection[TupleRow], meter_ids: Collection[int], lately: date, least: float) -> set[int]:
    """Meters with a reference that are under suspicion, by their days from `lately` on."""
    asked = {"meters": list(meter_ids), "lately": lately, "least": least}
    return {meter for (meter,) in conn.execute(_FROZEN, asked)}


def due(
    conn: Connection[TupleRow], since: Mapping[int, date], model: int, first: date, last: date
) -> list[Due]:
    """Days of these meters, of each from `since` on, that are to be scored by the model; by meter and day."""
    asked = {
        "meters": list(since),
        "since": list(since.values()),
        "model": model,
        "first": first,
        "last": last,
    }
    return [(meter, day, at, version) for meter, day, at, version in conn.execute(_DUE, asked)]


def save(
    conn: Connection[TupleRow], model: int, scored: Sequence[Due], logits: Sequence[float | None]
) -> None:
    """Keep what the model said of each day; None where the day is not whole."""
    meters, days, stamps, versions = zip(*scored, strict=True) if scored else ((), (), (), ())
    asked = {"model": model, "meters": list(meters), "days": list(days), "at": list(stamps)}
    conn.execute(_SAVE, {**asked, "versions": list(versions), "logits": list(logits)})


def forget_before(conn: Connection[TupleRow], since: Mapping[int, date], first: date) -> None:
    """What says now what is usual of a meter has no score: of each the days from `first`, before its own."""
    conn.execute(_DROP, {"meters": list(since), "since": list(since.values()), "first": first})


def scores(
    conn: Connection[TupleRow], meter_ids: Sequence[int], first: date, last: date
) -> NDArray[np.float64]:
    """(meters, days from `first` to `last`) logits in the order given, NaN where a day was not scored."""
    found = np.full((len(meter_ids), max(0, (last - first).days + 1)), np.nan)
    rows: dict[int, list[int]] = defaultdict(list)
    for row, meter in enumerate(meter_ids):
        rows[meter].append(row)
    asked = {"meters": list(meter_ids), "first": first, "last": last}
    for meter, day, logit in conn.execute(_SCORES, asked):
        found[rows[meter], (day - first).days] = logit
    return found


def of_meter(
    conn: Connection[TupleRow], viewer: Viewer, serial: str, first: date, last: date
) -> list[DayScore]:
    """Scores of a meter's days; staff only: a customer gets none."""
    if not viewer.is_staff:
        return []
    asked = {"serial": serial, "first": first, "last": last}
    return [DayScore(*row) for row in conn.execute(_OF_METER, asked)]
