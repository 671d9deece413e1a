"""What a station carries and loses: load against its transformer, balance, whose use the loss follows."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from psycopg import Connection
from psycopg.rows import TupleRow

from model.grid import Station
from model.period import Period
from operations.errors import LoadRefused
from operations.station_balance import SideBalance, balance_of, feeders, without_unknown
from operations.station_customers import (
    FEWEST_DAYS,
    WORTH_PERCENT,
    LargeCustomer,
    SuspectCustomer,
    largest_of,
    suspected_of,
)
from operations.station_load import StationLoad, load_of
from operations.station_sides import many, sides, technical_wh
from storage import register
from storage.errors import Unknown
from storage.register import Hung

__all__ = [
    "FEWEST_DAYS",
    "LONGEST",
    "WORTH_PERCENT",
    "LargeCustomer",
    "SideBalance",
    "StationLoad",
    "StationRow",
    "StationSheet",
    "SuspectCustomer",
    "station",
    "stations",
]

LONGEST: Final = 366  # days
HELD: Final = 40_000  # days of meters at a time, 20 MB with what is made of them


@dataclass(frozen=True, slots=True, eq=False)
class StationSheet:
    """All of it. `suspects` is empty, and `why_no_suspects` says why: no_balance, few_days, little_lost."""

    load: StationLoad
    balance: SideBalance
    feeders: tuple[SideBalance, ...]
    suspects: tuple[SuspectCustomer, ...]
    why_no_suspects: str
    largest: tuple[LargeCustomer, ...]
    days: int


@dataclass(frozen=True, slots=True, eq=False)
class StationRow:
    """A station in the list of all: its load and, where there is a head meter, its balance."""

    load: StationLoad
    balance: SideBalance


def station(
    conn: Connection[TupleRow], code: str, first: date, end: date, *, largest: int = 10
) -> StationSheet:
    """The sheet of a station, days from `first`, without `end`. Raises `storage.errors.Unknown`, and
    `LoadRefused` for no days or more than `LONGEST`."""
    known, places = _asked(conn, code, first, end)
    both = sides(conn, places, first, end)
    lost, told = technical_wh(known, both.through, first)
    of_station = balance_of(conn, both, lost, told, "", first)
    names = register.customer_names(conn, [place.customer for place in both.customers.last])
    of_known, _ = without_unknown(conn, both, first)
    suspected, why = suspected_of(conn, of_known, of_station, first, names)
    return StationSheet(
        load=load_of(conn, known, both, first, end),
        balance=of_station,
        feeders=tuple(feeders(conn, places, first, end)),
        suspects=suspected,
        why_no_suspects=why,
        largest=tuple(largest_of(both, names)[:largest]),
        days=(end - first).days,
    )


def stations(
    conn: Connection[TupleRow], first: date, end: date, codes: Collection[str] | None = None
) -> list[StationRow]:
    """The stations of these codes (None: all), the most heavily loaded first (of what they are made for),
    those nothing is known of last. Raises `LoadRefused` as `station`."""
    _fits(first, end)
    rows = []
    every, period = register.stations(conn, codes), Period.of_days(first, end)
    points = register.points_of_stations(conn, [known.code for known in every])
    for some in _together(every, points, (end - first).days):
        wanted = [point for known in some for point in points[known.code]]
        places: dict[str, list[Hung]] = {known.code: [] for known in some}
        for place in register.hung(conn, points=wanted, period=period, bare=True):
            places[place.station].append(place)
        for known, both in zip(some, many(conn, list(places.values()), first, end), strict=True):
            lost, told = technical_wh(known, both.through, first)
            balance = balance_of(conn, both, lost, told, "", first)
            rows.append(StationRow(load_of(conn, known, both, first, end), balance))

    def heat(row: StationRow) -> tuple[bool, float, bool, float]:
        share, pmax = row.load.rated.smax_share, row.load.rated.pmax_w
        return share is None, -(share or 0.0), pmax is None, -(pmax or 0.0)

    return sorted(rows, key=heat)


def _together(
    every: Sequence[Station], points: Mapping[str, Sequence[str]], days: int
) -> Iterator[list[Station]]:
    """Stations whose days are read at a time: few enough to be held."""
    some: list[Station] = []
    held = 0
    for known in every:
        own = days * len(points[known.code])
        if some and held + own > HELD:
            yield some
            some, held = [], 0
        some.append(known)
        held += own
    if some:
        yield some


def _asked(conn: Connection[TupleRow], code: str, first: date, end: date) -> tuple[Station, list[Hung]]:
    _fits(first, end)
    known = register.stations(conn, [code])
    if not known:
        raise Unknown("station", code)
    points = register.points_of_station(conn, code)
    return known[0], register.hung(conn, points=points, period=Period.of_days(first, end))


def _fits(first: date, end: date) -> None:
    if not 0 < (end - first).days <= LONGEST:
        raise LoadRefused(f"from {first} until {end} are no 1 to {LONGEST} days: choose others")
