"""The load of a meter, a customer class, a reading book, a feeder or a station over any days."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
from psycopg import Connection
from psycopg.rows import TupleRow

from analytics.profiles.group import GroupLoad, together
from model.grid import Role
from model.period import HALF_HOUR, Period, midnight
from model.series import Channel
from operations.customer_classes import class_of
from operations.errors import LoadRefused
from storage import days, fleet, register
from storage.matrix import SLOTS
from storage.register import Hung


@dataclass(frozen=True, slots=True)
class Whose:
    """Whose load: one of these, the others empty."""

    meters: tuple[str, ...] = ()
    station: str = ""
    feeder: str = ""
    book: str = ""
    customer_class: str = ""

    def __str__(self) -> str:
        named = {
            "station": self.station,
            "feeder": self.feeder,
            "book": self.book,
            "class": self.customer_class,
        }
        said = [f"{kind} {code}" for kind, code in named.items() if code]
        return said[0] if said else f"meter{'s' * (len(self.meters) > 1)} {', '.join(self.meters)}"


@dataclass(frozen=True, slots=True, eq=False)
class Loads:
    """Serials in the order of the figures' meters, and days that half-hours cannot be made of."""

    whose: Whose
    first: date
    days: int
    serials: tuple[str, ...]
    load: GroupLoad
    unfit: int


def loads(conn: Connection[TupleRow], whose: Whose, first: date, end: date) -> Loads:
    """From the first day, without `end`; customers alone, head meters only where they are named.

    Raises LoadRefused where nobody of `whose` hung anywhere in these days.
    """
    period = Period.of_days(first, end)
    places = _places(conn, whose, period)
    if not places:
        last = end - timedelta(1)
        raise LoadRefused(f"No meter of {whose} hung anywhere from {first:%d/%m/%Y} to {last:%d/%m/%Y}.")
    ids = list(dict.fromkeys(place.meter_id for place in places))
    row_of = {meter_id: row for row, meter_id in enumerate(ids)}
    matrix = days.matrix(conn, ids, Channel.ACTIVE_IMPORT, first, end)
    hung = np.zeros((len(ids), (end - first).days * SLOTS), bool)
    for place in places:
        begin = max(0, -((midnight(first) - place.since) // HALF_HOUR))
        until = min(place.until or period.end, period.end)
        hung[row_of[place.meter_id], begin : (until - midnight(first)) // HALF_HOUR] = True
    names = {place.meter_id: place.serial for place in places}
    load = together(matrix.energy, matrix.quality, first, hung.reshape(matrix.energy.shape))
    return Loads(whose, first, (end - first).days, tuple(names[one] for one in ids), load, len(matrix.unfit))


def _places(conn: Connection[TupleRow], whose: Whose, period: Period) -> list[Hung]:
    if whose.meters:
        ids = fleet.meter_ids(conn, whose.meters).values()
        return register.hung(conn, meter_ids=ids, period=period)
    points = None
    if whose.station:
        points = register.points_of_station(conn, whose.station)
    elif whose.feeder:
        points = register.points_of_feeder(conn, whose.feeder)
    elif whose.book:
        points = register.points_of_book(conn, whose.book)
    return [
        place
        for place in register.hung(conn, points=points, period=period)
        if place.role is Role.CUSTOMER
        and (not whose.customer_class or class_of(place) == whose.customer_class)
    ]
