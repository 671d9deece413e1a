"""A station's load against its transformer, by its head meter or by its customers' sum."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

import numpy as np
import numpy.typing as npt
from psycopg import Connection
from psycopg.rows import TupleRow

from analytics.profiles.group import mean_power
from analytics.profiles.rated import RatedLoad, against
from analytics.profiles.rated_days import RatedDay, by_day
from model.grid import Station, Transformer
from model.quality import Quality
from model.series import Channel
from operations import point_energy
from operations.station_sides import Sides, Source, technical_of

Float = npt.NDArray[np.float64]

FEW: Final = 0.2  # of the customers
MEASURED: Final = (Quality.ACTUAL, Quality.SUSPECT, Quality.EDITED)


@dataclass(frozen=True, slots=True, eq=False)
class StationLoad:
    """A station's load. `w` (d, slots of `minutes`): mean active power, NaN where unknown; `rated` tells it
    against the transformer's kVA, where those are known (`transformer`: on the last day), `days` day by day.

    `source` is the head, or why the load is the customers' sum and technical loss: then `customers` counts
    them, and of `silent` of them nothing came: up to a fifth, these stand at the mean of the others; what
    less than 95 % of the rest are known in is not told.
    """

    station: Station
    first: date
    minutes: int
    source: Source
    heads: tuple[str, ...]
    transformer: Transformer | None
    customers: int
    silent: int
    w: Float
    rated: RatedLoad
    days: tuple[RatedDay, ...]

    @property
    def at_mean(self) -> bool:
        """Whether those of whom nothing came are few enough to stand at the mean of the others."""
        return 0 < self.silent <= FEW * self.customers


def load_of(conn: Connection[TupleRow], known: Station, both: Sides, first: date, end: date) -> StationLoad:
    """Of a station with both its sides, days from `first`, without `end`."""
    per_hour = 60 / both.minutes
    fed = [known.transformer_on(first + timedelta(number)) for number in range(len(both.through))]
    rated_va = np.array([np.nan if one is None else float(one.kva) * 1000 for one in fed])
    people = both.customers
    if both.source in (Source.HEAD, Source.FEEDERS):
        there = both.quality != Quality.MISSING
        w = np.where(there, both.through * per_hour, np.nan)
        var = _reactive(conn, both, first, end) * per_hour
        measured = np.isin(both.quality, MEASURED)
    else:
        w = _summed(both, known, first) * per_hour
        var, measured = np.full(w.shape, np.nan), ~np.isnan(w)
    silent, rated = _silent(both), against(w, var, measured, rated_va, first)
    return StationLoad(
        station=known,
        first=first,
        minutes=both.minutes,
        source=both.source,
        heads=tuple(place.serial for place in both.heads),
        transformer=fed[-1],
        customers=len(people.points),
        silent=int(silent.sum()),
        w=w,
        rated=rated,
        days=by_day(rated, w, var, measured, rated_va, first),
    )


def _silent(both: Sides) -> npt.NDArray[np.bool_]:
    """(customers) of whom nothing is known."""
    people = both.customers
    return np.asarray(people.hung.any(axis=(1, 2)) & ~people.known.any(axis=(1, 2)))


def _reactive(conn: Connection[TupleRow], both: Sides, first: date, end: date) -> Float:
    """varh through the heads, drawn less given back; NaN where a head does not tell of it."""
    drawn, given = (
        point_energy.of_points(conn, both.head_places, first, end, channel, both.minutes)
        for channel in (Channel.REACTIVE_IMPORT, Channel.REACTIVE_EXPORT)
    )
    whole = drawn.known.all(axis=0)
    return np.where(whole, (drawn.energy - given.energy).sum(axis=0, dtype=np.int64), np.nan)


def _summed(both: Sides, known: Station, first: date) -> Float:
    """Wh of the customers together and of what is lost on the way to them; NaN where too few are known."""
    people = both.customers
    there = people.known & people.hung
    used = np.where(there, people.energy, 0).sum(axis=0, dtype=np.int64)
    slots = used.shape[-1]
    # Few who tell nothing at all hide no load: they stand at the mean, as who lacks a slot does.
    dumb = _silent(both)
    few = dumb.sum() <= FEW * len(dumb)
    asked = people.hung & ~(dumb & few)[:, None, None]
    n, hung = asked.sum(axis=0), people.hung.sum(axis=0)
    wh = mean_power(used, there.sum(axis=0), n) * 24 / slots * (hung / np.maximum(n, 1)) - both.fed_in
    for number in range(len(wh)):
        technical = technical_of(known.transformer_on(first + timedelta(number)), whole=True)
        if technical is not None:
            wh[number] += technical.wh_above(np.nan_to_num(wh[number]))
    return np.asarray(wh)
