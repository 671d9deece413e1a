"""Stations watched: what was lost in a month, and how near the load of each day came to the transformer."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Final

import numpy as np
from psycopg import Connection
from psycopg.rows import TupleRow

from analytics.detection import station_loss, transformer_overload
from analytics.losses import balance
from model.alert import Alert
from model.grid import Role
from model.period import Period, local_day
from operations.station_load import load_of
from operations.station_sides import Source, heads_of, sides
from storage import register, station_peaks
from storage.register import Hung

BACK: Final = timedelta(days=62)  # worked out of a station that is looked at for the first time
AGAIN: Final = timedelta(days=7)  # over again: days come late, and are put right

Found = list[tuple[int, Alert]]
"""Alerts, each with the number of the head meter it stands at."""


def losses(conn: Connection[TupleRow], places: Sequence[Hung], period: Period) -> Found:
    """Stations that lost too much in a month, told at the head meter; only by slots known of all."""
    first, end = local_day(period.start), local_day(period.end)
    stations: dict[str, list[Hung]] = defaultdict(list)
    for place in places:
        stations[place.station].append(place)
    found = []
    for station, of_station in stations.items():
        source, _ = heads_of(of_station)
        if source not in (Source.HEAD, Source.FEEDERS) or not any(
            place.role is Role.CUSTOMER for place in of_station
        ):
            continue
        both = sides(conn, of_station, first, end)
        # All that is lost is looked at: what had to be is not told of every station.
        loss = balance(both.residue(np.zeros(both.into.shape)))
        alert = station_loss(station, both.heads[0].serial, loss, period.start)
        if alert is not None:
            found.append((both.heads[0].meter_id, alert))
    return found


def loads(conn: Connection[TupleRow], codes: Collection[str], now: datetime) -> Found:
    """Work out the days that are over of these stations and keep their peaks; transformers that were
    overloaded in the last seven of them, told at a head meter that hangs. A load that is the customers' sum
    is kept, and accuses no transformer."""
    today = local_day(now)
    kept, points = station_peaks.last_days(conn, codes), register.points_of_stations(conn, codes)
    found = []
    for known in register.stations(conn, codes):
        last = kept.get(known.code, today - BACK)
        first = max(today - BACK, min(today - AGAIN, last + timedelta(1)))
        period = Period.of_days(first, today)
        places = register.hung(conn, points=points[known.code], period=period, bare=True)
        load = load_of(conn, known, both := sides(conn, places, first, today), first, today)
        station_peaks.save(conn, known.code, [(day.day, day.pmax_w, day.share) for day in load.days])
        if load.source not in (Source.HEAD, Source.FEEDERS):
            continue
        head = both.heads[0]
        alert = transformer_overload(known.code, head.serial, load.days[-AGAIN.days :])
        if alert is not None and (head.until is None or head.until > now):
            found.append((head.meter_id, alert))
    return found
