"""Who stood out on the night a station was last looked through, and the nights on which inspections were
opened."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

from psycopg import Connection
from psycopg.rows import TupleRow

from model.period import require_aware
from storage.inspections import ROUND_LOCK, jsonb

# A station is due when the day before was not looked at, or not by the version of the score in force, and
# nothing of it waits for validation; after some hours it is looked at as it is.
_DUE: Final = """
    SELECT s.code FROM station s LEFT JOIN station_night n ON n.station = s.code
    WHERE (n.through IS NULL OR n.through < %(night)s
          OR (%(model)s::integer IS NOT NULL AND n.model IS DISTINCT FROM %(model)s))
      AND (%(of)s::integer IS NULL OR abs(hashtext(s.code)::bigint) %% %(of)s = %(number)s)
      AND EXISTS (SELECT FROM point p JOIN installation i ON i.point = p.code
          WHERE p.station = s.code AND p.role = 'customer' AND i.since < %(now)s)
      AND (%(anyway)s OR NOT EXISTS (SELECT FROM point p JOIN installation i ON i.point = p.code
          JOIN validation_due d ON d.meter_id = i.meter_id
          WHERE p.station = s.code AND i.until IS NULL AND d.day <= %(night)s))
    ORDER BY s.code LIMIT %(limit)s"""
_NIGHT: Final = """
    INSERT INTO station_night (station, through, at, customers, scored, young, head, model)
    VALUES (%(station)s, %(through)s, %(at)s, %(customers)s, %(scored)s, %(young)s, %(head)s, %(model)s)
    ON CONFLICT (station) DO UPDATE SET through = excluded.through, at = excluded.at,
        customers = excluded.customers, scored = excluded.scored, young = excluded.young,
        head = excluded.head, model = excluded.model"""
_FORGET: Final = "DELETE FROM suspicion WHERE station = %s AND meter_id <> ALL (%s)"
_SUSPECT: Final = """
    INSERT INTO suspicion (meter_id, station, point, night, strength, since, clues, kwh_a_day, benign,
        evidence)
    VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
    ON CONFLICT (meter_id) DO UPDATE SET station = excluded.station, point = excluded.point,
        night = excluded.night, strength = excluded.strength, since = excluded.since, clues = excluded.clues,
        kwh_a_day = excluded.kwh_a_day, benign = excluded.benign, evidence = excluded.evidence"""
_OF_NIGHT: Final = """
    SELECT n.meter_id, m.serial, n.station, n.point, n.night, n.strength, n.since, n.clues, n.kwh_a_day,
        n.benign, n.evidence
    FROM suspicion n JOIN meter m ON m.id = n.meter_id
    WHERE n.night = %(night)s AND (n.strength >= %(least)s OR n.meter_id IN (SELECT meter_id FROM inspection
        WHERE state IN ('new', 'assigned', 'inspected')))
    ORDER BY n.strength DESC, n.meter_id LIMIT %(limit)s"""
_TAKE_LOCK: Final = "SELECT pg_advisory_xact_lock(%s)"
_HAS_ROUND: Final = "SELECT EXISTS (SELECT FROM inspection_round WHERE night = %s)"
_FIRST_ROUND: Final = "SELECT min(night) FROM inspection_round"
_LAST_ROUND: Final = "SELECT max(night) FROM inspection_round"
_SEEN: Final = "SELECT coalesce(sum(customers), 0) FROM station_night WHERE through = %s"
_ROUND: Final = """
    INSERT INTO inspection_round (night, at, meters, per_1000, allowance, suspected, opened, held, faded,
        model, nights)
    VALUES (%(night)s, %(at)s, %(meters)s, %(per_1000)s, %(allowance)s, %(suspected)s, %(opened)s, %(held)s,
        %(faded)s, %(model)s, %(nights)s)"""


@dataclass(frozen=True, slots=True)
class Suspicion:
    """One meter that stood out on a night."""

    meter_id: int
    serial: str
    station: str
    point: str
    night: date
    strength: float
    since: date
    clues: Sequence[Mapping[str, Any]]
    kwh_a_day: float | None
    benign: Mapping[str, Any] | None
    evidence: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Night:
    """How a station was looked through: `customers` meters, of them `scored` ones, `young` ones of which too
    few whole days are known, whether a `head` meter was there, and the version of the score (`model`); None:
    by none."""

    station: str
    through: date
    customers: int
    scored: int
    young: int
    head: bool
    model: int | None = None


@dataclass(frozen=True, slots=True)
class Round:
    """What a night came to: see `inspection_round`."""

    night: date
    meters: int
    per_1000: float
    allowance: float
    suspected: int
    opened: int
    held: int
    faded: int
    model: int | None
    nights: int = 1


def due(
    conn: Connection[TupleRow],
    night: date,
    now: datetime,
    *,
    anyway: bool,
    limit: int,
    shard: tuple[int, int] | None = None,
    model: int | None = None,
) -> list[str]:
    """Stations not looked through to `night`, and by this version of the score where one is named, of the
    shard (number, of how many) or all; those of which something waits for validation only where it has to be
    `anyway`."""
    number, of = shard if shard is not None else (None, None)
    asked = {"night": night, "now": require_aware(now), "anyway": anyway, "limit": limit, "model": model}
    return [code for (code,) in conn.execute(_DUE, {**asked, "number": number, "of": of})]


def save(conn: Connection[TupleRow], night: Night, found: Collection[Suspicion], at: datetime) -> None:
    """What a station's night found takes the place of what its last one did."""
    conn.execute(_FORGET, [night.station, [one.meter_id for one in found]])
    rows = [
        (
            one.meter_id,
            one.station,
            one.point,
            one.night,
            one.strength,
            one.since,
            jsonb(list(one.clues)),
            one.kwh_a_day,
            None if one.benign is None else jsonb(dict(one.benign)),
            jsonb(dict(one.evidence)),
        )
        for one in sorted(found, key=lambda one: one.meter_id)
    ]
    with conn.cursor() as cursor:
        cursor.executemany(_SUSPECT, rows)
    conn.execute(
        _NIGHT,
        {
            "station": night.station,
            "through": night.through,
            "at": require_aware(at),
            "customers": night.customers,
            "scored": night.scored,
            "young": night.young,
            "head": night.head,
            "model": night.model,
        },
    )


def of_night(conn: Connection[TupleRow], night: date, least: float, limit: int) -> list[Suspicion]:
    """Who stood out on a night, the strongest first: from `least` on, and whose inspection is open."""
    asked = {"night": night, "least": least, "limit": limit}
    return [Suspicion(*row) for row in conn.execute(_OF_NIGHT, asked)]


def begin_round(conn: Connection[TupleRow], night: date) -> bool:
    """Keep others from opening inspections until the transaction ends; whether the night's are to be opened
    still."""
    conn.execute(_TAKE_LOCK, [ROUND_LOCK])
    return not has_round(conn, night)


def has_round(conn: Connection[TupleRow], night: date) -> bool:
    """Whether the night's inspections were opened."""
    row = conn.execute(_HAS_ROUND, [night]).fetchone()
    return row is not None and bool(row[0])


def first_round(conn: Connection[TupleRow]) -> date | None:
    """The first night whose inspections were opened."""
    row = conn.execute(_FIRST_ROUND).fetchone()
    return None if row is None else row[0]


def last_round(conn: Connection[TupleRow]) -> date | None:
    """The last night whose inspections were opened."""
    row = conn.execute(_LAST_ROUND).fetchone()
    return None if row is None else row[0]


def meters_of(conn: Connection[TupleRow], night: date) -> int:
    """Customers' meters at the stations that were looked through to this night."""
    row = conn.execute(_SEEN, [night]).fetchone()
    return int(row[0]) if row else 0


def save_round(conn: Connection[TupleRow], done: Round, at: datetime) -> None:
    """Write down what a night came to."""
    conn.execute(
        _ROUND,
        {
            "night": done.night,
            "at": require_aware(at),
            "meters": done.meters,
            "per_1000": done.per_1000,
            "allowance": done.allowance,
            "suspected": done.suspected,
            "opened": done.opened,
            "held": done.held,
            "faded": done.faded,
            "model": done.model,
            "nights": done.nights,
        },
    )
