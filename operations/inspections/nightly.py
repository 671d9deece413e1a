"""Each night: stations are looked through one by one, then the inspections that the knob allows are opened.

A station is due when the last day was not looked at, or not by the version of the score in force; what is
found of it is saved with that in one transaction. When none is due any more, whoever comes last opens the
night's inspections, all stations against each other, once. A run that is killed goes on where it was; one
that is made again changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime, timedelta
from typing import Any, Final

import numpy as np
from psycopg import Connection
from psycopg.rows import TupleRow

from analytics.suspicion import Suspect, suspects
from analytics.suspicion.arranged import arranged
from model.period import LOCAL, local_day
from operations.inspections import evidence, learning, rounds, scoring, stake
from operations.inspections.scoring import Model
from operations.inspections.station import BATCH, Gathered, gather, hanging, places_of, whole_since
from storage import inspections, instant_days, score_models, suspicions
from storage.pool import Pool
from storage.register import Hung
from storage.suspicions import Night, Suspicion

ANYWAY_HOUR: Final = 8  # from which on a station is looked through although something waits for validation
KEPT: Final = 10  # of a station that stand out; the others are not kept
STATIONS: Final = 50  # asked for at a time
LATE_DAYS: Final = 2  # of instants that may have come since the night before

Progress = Callable[[int, int, str], None]


@dataclass(frozen=True, slots=True)
class InspectReport:
    """Stations looked through, customers' meters there, days scored, meters that are too young to be scored;
    inspections opened, held and faded, and meters that wait for a later night's allowance (`waiting`), where
    the night's were opened here (`nights`: 1)."""

    stations: int = 0
    meters: int = 0
    scored: int = 0
    young: int = 0
    opened: int = 0
    held: int = 0
    faded: int = 0
    waiting: int = 0
    nights: int = 0

    def __add__(self, other: InspectReport) -> InspectReport:
        return InspectReport(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(self)))

    def __bool__(self) -> bool:
        return self != InspectReport()


def night_of(now: datetime) -> date:
    """The last whole day."""
    return local_day(now) - timedelta(1)


def shards_due(pool: Pool, now: datetime, shards: int) -> list[int]:
    """Shards in which a station is due; where none is, the first one if the night's inspections are not
    opened yet."""
    night = night_of(now)
    with pool.connection() as conn:
        model, anyway = _version(scoring.model_in_force(conn)), _anyway(now)
        due = [
            shard
            for shard in range(shards)
            if suspicions.due(conn, night, now, anyway=anyway, limit=1, shard=(shard, shards), model=model)
        ]
        return due or [0] * rounds.is_due(conn, night, now)


def run(
    pool: Pool,
    now: datetime,
    *,
    per_1000: float,
    shard: tuple[int, int] | None = None,
    anyway: bool = False,
    progress: Progress | None = None,
) -> InspectReport:
    """Look through every station that is due, of the shard (number, of how many) or all, and open the night's
    inspections where none is left; `anyway`: although something waits for validation. The version of the
    score that is in force is asked for each time, so that two runs never look through each other's."""
    night, report = night_of(now), InspectReport()
    anyway = anyway or _anyway(now)
    with pool.connection() as conn:
        thefts = learning.spans(score_models.verdicts(conn))
    done, model = 0, None
    while True:
        with pool.connection() as conn:
            model = scoring.model_in_force(conn, model)
            due = suspicions.due(
                conn, night, now, anyway=anyway, limit=STATIONS, shard=shard, model=_version(model)
            )
        if not due:
            break
        of = done + len(due)
        for code in due:
            with pool.connection() as conn:
                report += look_through(conn, code, night, now, model, thefts)
            done += 1
            if progress is not None:
                progress(done, of, code)
    with pool.connection() as conn:
        came = rounds.open_night(conn, night, now, per_1000, _version(model))
    if came is not None:
        done_now, waiting = came
        report += InspectReport(
            opened=done_now.opened, held=done_now.held, faded=done_now.faded, waiting=waiting, nights=1
        )
    return report


def look_through(
    conn: Connection[TupleRow],
    station: str,
    night: date,
    now: datetime,
    model: Model | None,
    thefts: Mapping[int, Sequence[tuple[date, date]]],
) -> InspectReport:
    """Score the days of a station's meters and keep who stands out, within the caller's transaction."""
    places = places_of(conn, station, night)
    customers = [place for place in hanging(places, now) if whole_since(place) <= night]
    scored, young = 0, 0
    for start in range(0, len(customers), BATCH):
        begun = {place.meter_id: whole_since(place) for place in customers[start : start + BATCH]}
        some, few = scoring.score(conn, model, begun, night, now, thefts)
        scored, young = scored + some, young + len(few)
        _phases(conn, list(begun), night)
    gathered = gather(conn, station, customers_and_heads(places, customers), night)
    found = suspects(gathered.seen)
    kept = _suspicions(conn, gathered, found, night)
    with_score = sum(bool(np.isfinite(one.scores).any()) for one in gathered.seen.meters)
    has_head = gathered.seen.head is not None
    seen = Night(station, night, len(customers), with_score, young, has_head, _version(model))
    suspicions.save(conn, seen, kept, now)
    return InspectReport(1, len(customers), scored, young)


def customers_and_heads(places: Sequence[Hung], customers: Sequence[Hung]) -> list[Hung]:
    """The customers that are looked at, and whatever hung at the head."""
    chosen = {id(place) for place in customers}
    return [place for place in places if id(place) in chosen or not place.customer]


def _phases(conn: Connection[TupleRow], meters: Sequence[int], night: date) -> None:
    """Make the days of the phases that are not made yet."""
    last = instant_days.last(conn, meters)
    first = night - timedelta(scoring.WINDOW - 1)
    if last is not None:
        first = max(first, last - timedelta(LATE_DAYS))
    instant_days.fill(conn, meters, first, night + timedelta(1))


def _suspicions(
    conn: Connection[TupleRow], gathered: Gathered, found: Sequence[Suspect], night: date
) -> list[Suspicion]:
    """The strongest, and those whose inspection is open, each with its evidence."""
    if not found:
        return []
    at = {one.serial: row for row, one in enumerate(gathered.seen.meters)}
    open_ones = inspections.open_meters(conn, [place.meter_id for place in gathered.places])
    worth = [one for one in found if one.strength >= rounds.HOLDS and not one.benign and one.clues][:KEPT]
    wanted = {id(one) for one in worth}
    chosen = [
        one for one in found if id(one) in wanted or gathered.places[at[one.serial]].meter_id in open_ones
    ]
    if not chosen:
        return []
    side_by_side = arranged(gathered.seen)
    rows = []
    for one in chosen:
        row = at[one.serial]
        place = gathered.places[row]
        shown = evidence.drawn_up(gathered.seen, side_by_side, row, one.since)
        kwh = one.uncounted_wh_a_day / 1000
        daily = evidence.by_day(side_by_side.used[row : row + 1])[0, (one.since - gathered.seen.first).days :]
        counted = float(np.nanmean(daily)) if np.isfinite(daily).any() else 0.0
        price = stake.price(
            conn, place.supply_on(night), place.point, counted, one.uncounted_wh_a_day, night
        ) if kwh > 0 else None  # fmt: skip
        shown["stake"] = stake.document(price, kwh, (night - one.since).days + 1)
        rows.append(_row(one, place, night, kwh, shown))
    return rows


def _row(one: Suspect, place: Hung, night: date, kwh: float, shown: dict[str, Any]) -> Suspicion:
    return Suspicion(
        meter_id=place.meter_id,
        serial=one.serial,
        station=place.station,
        point=place.point,
        night=night,
        strength=one.strength,
        since=one.since,
        clues=[rounds.as_json(clue) for clue in one.clues],
        kwh_a_day=kwh,
        benign=None if one.benign is None else rounds.as_json(one.benign),
        evidence={**shown, "by_balance": one.by_balance},
    )


def _version(model: Model | None) -> int | None:
    return None if model is None else model.version


def _anyway(now: datetime) -> bool:
    return now.astimezone(LOCAL).hour >= ANYWAY_HOUR
