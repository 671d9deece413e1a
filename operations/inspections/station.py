"""What is known of a station on a night, gathered for `analytics.suspicion`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

import numpy as np
import numpy.typing as npt
from psycopg import Connection
from psycopg.rows import TupleRow

from analytics.losses import Technical
from analytics.suspicion import MeterSeen, StationSeen
from model.alert import AlertKind
from model.grid import Role
from model.period import Period, local_day, midnight
from model.quality import Quality
from model.series import Channel
from operations.inspections.halves import Halves, halves
from operations.station_sides import heads_of, technical_of
from storage import absences, alerts, days, instant_days, observed, register, scores
from storage.register import Hung

DAYS: Final = 90  # looked at, up to the last
BATCH: Final = 500  # meters read at a time

_TOLD: Final = (AlertKind.STUCK_METER, AlertKind.PHASE_BYPASS)  # by rules, which run first

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Gathered:
    """A station as it is weighed; `places` of its customers' meters in the order of `seen.meters`."""

    seen: StationSeen
    places: tuple[Hung, ...]


def places_of(conn: Connection[TupleRow], station: str, night: date) -> list[Hung]:
    """Which meters hang or hung at a station in the days looked at."""
    period = Period.of_days(night - timedelta(DAYS - 1), night + timedelta(1))
    return register.hung(conn, points=register.points_of_station(conn, station), period=period)


def hanging(places: Sequence[Hung], now: datetime) -> list[Hung]:
    """The customers' meters among them that hang now."""
    return [
        place
        for place in places
        if place.role is Role.CUSTOMER and place.since <= now and (place.until is None or place.until > now)
    ]


def whole_since(place: Hung) -> date:
    """The first whole day that the meter hangs there."""
    day = local_day(place.since)
    return day if place.since == midnight(day) else day + timedelta(1)


def gather(conn: Connection[TupleRow], station: str, places: Sequence[Hung], night: date) -> Gathered:
    """`places`: what hung at the station (`places_of`); who hangs no more on the night is left out."""
    first, end = night - timedelta(DAYS - 1), night + timedelta(1)
    customers = hanging(places, midnight(end))
    meters: list[MeterSeen] = []
    for start in range(0, len(customers), BATCH):
        meters += _meters(conn, customers[start : start + BATCH], first, night)
    head = _head(conn, places, first, end)
    energy, quality = head if head is not None else (None, None)
    seen = StationSeen(station, first, meters, energy, quality, _technical(conn, station, night))
    return Gathered(seen, tuple(customers))


def _meters(conn: Connection[TupleRow], places: Sequence[Hung], first: date, night: date) -> list[MeterSeen]:
    ids = [place.meter_id for place in places]
    end = night + timedelta(1)
    known = halves(conn, ids, first, end)
    back = None
    if days.any_of(conn, ids, Channel.ACTIVE_EXPORT, first, end):
        back = halves(conn, ids, first, end, Channel.ACTIVE_EXPORT)
    logits = scores.scores(conn, ids, first, night)
    logged: dict[int, list[tuple[date, str]]] = defaultdict(list)
    for meter, event in observed.events(conn, ids, Period.of_days(first, end)):
        logged[meter].append((local_day(event.at), event.code))
    stuck: dict[int, date] = {}
    for meter, kind, since in alerts.standing(conn, ids, _TOLD):
        if kind is AlertKind.STUCK_METER:
            stuck.setdefault(meter, local_day(since))
        else:
            logged[meter].append((local_day(since), kind.value))
    phases = instant_days.days(conn, ids, first, night)
    away = absences.of_meters(conn, ids, first, night)
    found = []
    for row, place in enumerate(places):
        meter = place.meter_id
        energy, quality = _since(known, row, place)
        if meter in stuck:  # what it says is no use of anybody's, and the station does not lack what it had
            quality[max(0, (stuck[meter] - first).days) :] = Quality.MISSING
        volts, amperes = phases.get(meter, (None, None))
        found.append(
            MeterSeen(
                place.serial,
                energy,
                quality,
                logits[row],
                exported=None if back is None else _exported(back, row, energy.shape[1]),
                absent=_absent(away.get(meter, ()), first, len(energy)),
                events=tuple(logged.get(meter, ())),
                current_a=amperes,
                voltage_v=volts,
            )
        )
    return found


def _since(known: Halves, row: int, place: Hung) -> tuple[Floats, npt.NDArray[np.uint8]]:
    """(d, 48) Wh with qualities, (d, 24) of a meter that is told by the hour; what lies before it hung, or in
    an outage, is missing: nobody can say what would have been used."""
    wh, quality = known.wh[row], np.where(known.dark[row], Quality.MISSING, known.quality[row])
    quality[: max(0, (whole_since(place) - known.first).days)] = Quality.MISSING
    if not known.hourly[row]:
        return wh, quality.astype(np.uint8)
    by_hour = quality.reshape(len(quality), 24, 2)
    missing = (by_hour == Quality.MISSING).any(axis=2)
    return wh.reshape(len(wh), 24, 2).sum(axis=2), np.where(missing, 0, by_hour.max(axis=2)).astype(np.uint8)


def _exported(back: Halves, row: int, slots: int) -> Floats | None:
    """(d, slots) Wh fed back, NaN where missing; None where the meter never told of any."""
    known = back.quality[row] != Quality.MISSING
    if not known.any():
        return None
    wh = np.where(known, back.wh[row], np.nan)
    return np.asarray(wh if slots == wh.shape[1] else wh.reshape(len(wh), slots, -1).sum(axis=2))


def _absent(spans: Sequence[tuple[date, date]], first: date, count: int) -> npt.NDArray[np.bool_] | None:
    if not spans:
        return None
    away = np.zeros(count, bool)
    for begun, ended in spans:
        away[max(0, (begun - first).days) : max(0, (ended - first).days + 1)] = True
    return away


def _head(
    conn: Connection[TupleRow], places: Sequence[Hung], first: date, end: date
) -> tuple[Floats, npt.NDArray[np.uint8]] | None:
    """(d, 48) Wh that went into the station with its qualities, by its head point or all of its feeders',
    whichever meter hung there; None where nobody can say, or nothing is known."""
    _, points = heads_of(places)
    if not points:
        return None
    parts = [_of_point([p for p in places if p.point == point], conn, first, end) for point in points]
    energy = np.sum([wh for wh, _ in parts], axis=0)
    quality = np.max([one for _, one in parts], axis=0)
    quality[np.any([one == Quality.MISSING for _, one in parts], axis=0)] = Quality.MISSING
    return (energy, quality) if (quality != Quality.MISSING).any() else None


def _of_point(
    hangs: Sequence[Hung], conn: Connection[TupleRow], first: date, end: date
) -> tuple[Floats, npt.NDArray[np.uint8]]:
    known = halves(conn, [place.meter_id for place in hangs], first, end)
    energy, quality = np.zeros(known.wh.shape[1:]), np.zeros(known.wh.shape[1:], np.uint8)
    for row in range(len(hangs)):
        there = (known.quality[row] != Quality.MISSING) & (quality == Quality.MISSING) & ~known.dark[row]
        energy, quality = np.where(there, known.wh[row], energy), np.where(there, known.quality[row], quality)
    return energy, quality


def _technical(conn: Connection[TupleRow], station: str, night: date) -> Technical | None:
    """What the station loses by the name plate of that day; None where it does not say."""
    (found,) = register.stations(conn, [station])
    return technical_of(found.transformer_on(night))
