"""The homes whose use is looked at and those around them: their days as one table."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

import numpy as np
import numpy.typing as npt
from psycopg import Connection
from psycopg.rows import TupleRow

from analytics.warnings import Around, Rises, Use, around
from analytics.warnings.around import FEWEST_HOMES
from model.grid import Role
from model.period import Period, local_day, midnight
from model.series import Channel
from operations.customer_classes import class_of
from storage import day_sums, warnings_due
from storage.register import Hung, hung

DAYS: Final = 63  # looked back on: nine weeks, which hold the running period too

Float = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Homes:
    """p points × d days, the last of which is today. `asked`: the rows that are to be looked at, each with
    the place where its meter hangs now."""

    first: date
    wh: Float
    measured_wh: Float
    night_wh: Float
    exports: npt.NDArray[np.bool_]
    station: npt.NDArray[np.str_]
    customer_class: npt.NDArray[np.str_]
    asked: Mapping[int, Hung]

    def use(self, row: int) -> Use:
        days = self.wh[row], self.measured_wh[row], self.night_wh[row]
        return Use(self.first, *days, bool(self.exports[row]))

    def others(self, row: int, rises: Rises) -> tuple[Around | None, bool]:
        """`around` by those of the same class at the same station; by all of the station where these are too
        few."""
        near = self.station == self.station[row]
        alike = near & (self.customer_class == self.customer_class[row])
        if int(rises.expected[alike].sum()) - int(rises.expected[row]) >= FEWEST_HOMES:
            return around(rises, row, alike)
        return around(rises, row, near)


def homes(conn: Connection[TupleRow], meters: Collection[int], now: datetime) -> Homes:
    """Of the customers at whose points these meters hang now, and of those at the same stations."""
    today = local_day(now)
    first, end = today - timedelta(DAYS), today + timedelta(1)
    instant = Period(now, now + timedelta(microseconds=1))
    mine = {
        place.point: place
        for place in hung(conn, meter_ids=meters, period=instant)
        if place.role is Role.CUSTOMER and place.customer
    }
    points = sorted({*mine, *warnings_due.points_around(conn, list(mine))})
    stays = hung(conn, points=points, period=Period(midnight(first), instant.end)) if points else []
    row_of = {point: row for row, point in enumerate(points)}
    ids = sorted({stay.meter_id for stay in stays})
    sums = day_sums.day_sums(conn, ids, Channel.ACTIVE_IMPORT, first, end)
    at = {meter: index for index, meter in enumerate(ids)}
    exporters = day_sums.fed_in(conn, ids, first, end)
    shape = len(points), DAYS + 1
    wh, measured, night = np.full(shape, np.nan), np.zeros(shape), np.full(shape, np.nan)
    exports = np.zeros(len(points), bool)
    station, classes = np.full(len(points), "", object), np.full(len(points), "", object)
    for stay in stays:
        row, days = row_of[stay.point], _whole_days(stay, first, end)
        for made, found in ((wh, sums.wh), (measured, sums.measured_wh), (night, sums.night_wh)):
            made[row, days] = found[at[stay.meter_id], days]
        exports[row] |= stay.meter_id in exporters
        station[row], classes[row] = stay.station, class_of(stay)
    owners = {point: place.customer for point, place in mine.items()}
    for point, since in warnings_due.since_others(conn, owners).items():
        before = slice(0, max(0, (local_day(since) - first).days))
        row = row_of[point]
        wh[row, before], measured[row, before], night[row, before] = np.nan, 0.0, np.nan
    asked = {row_of[point]: place for point, place in mine.items()}
    return Homes(first, wh, measured, night, exports, station.astype(str), classes.astype(str), asked)


def _whole_days(stay: Hung, first: date, end: date) -> slice:
    """The days, counted from `first`, that a meter hung at its point from beginning to end."""
    begun = local_day(stay.since)
    begun += timedelta(stay.since > midnight(begun))
    until = end if stay.until is None else min(end, local_day(stay.until))
    at = max(0, (begun - first).days)
    return slice(at, max(at, (until - first).days))
