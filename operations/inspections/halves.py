"""Half-hours of many meters by day, hourly ones halved, slots without power known as such."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

import numpy as np
import numpy.typing as npt
from psycopg import Connection
from psycopg.rows import TupleRow

from analytics.abnormal import Household
from analytics.vee.day_kinds import DayKind, day_kinds
from model.period import HALF_HOUR, Period, midnight
from model.quality import Quality
from model.series import Channel
from storage import days, outages
from storage.matrix import SLOTS

ESTIMATED_SLOTS: Final = 4  # a whole day may have: two hours
HOUR_S: Final = 3600


@dataclass(frozen=True, slots=True, eq=False)
class Halves:
    """m meters × d days from `first`: `wh` float64 (m, d, 48), `quality` uint8 (m, d, 48); which are told by
    the hour alone, `hourly` (m); which slots lay in an outage, `dark` (m, d, 48)."""

    meters: tuple[int, ...]
    first: date
    wh: npt.NDArray[np.float64]
    quality: npt.NDArray[np.uint8]
    hourly: npt.NDArray[np.bool_]
    dark: npt.NDArray[np.bool_]

    def whole(self) -> npt.NDArray[np.bool_]:
        """(m, d) days of which all is known, little of it estimated, with power all day."""
        known = (self.quality != Quality.MISSING) & (self.wh >= 0)
        estimated = (self.quality >= Quality.LINEAR) & (self.quality <= Quality.UNSCALED)
        few = estimated.sum(axis=2) <= ESTIMATED_SLOTS
        return np.asarray(known.all(axis=2) & few & ~self.dark.any(axis=2))


@dataclass(frozen=True, slots=True, eq=False)
class WholeDays:
    """Half-hours of the days from `first` of one meter: `wh` (d, 48), which of them are `whole` (d), and
    `rest` (d) as `Household` wants it."""

    name: str
    first: date
    wh: npt.NDArray[np.float64]
    whole: npt.NDArray[np.bool_]
    rest: npt.NDArray[np.int64]

    def household(self, first: date, until: date) -> Household:
        """The whole days from `first`, without `until`."""
        chosen = self.whole.copy()
        chosen[: max(0, (first - self.first).days)] = False
        chosen[max(0, (until - self.first).days) :] = False
        return Household(self.name, self.wh[chosen], self.rest[chosen])

    def dates(self) -> list[date]:
        """Of the whole days."""
        return [self.first + timedelta(offset) for offset in np.flatnonzero(self.whole).tolist()]


def halves(
    conn: Connection[TupleRow],
    meter_ids: Sequence[int],
    first: date,
    end: date,
    channel: Channel = Channel.ACTIVE_IMPORT,
) -> Halves:
    """Days from `first`, without `end`. An hour is halved; intervals that half-hours cannot be made of
    otherwise are missing."""
    found = days.matrix(conn, meter_ids, channel, first, end)
    wh, quality = found.energy.astype(np.float64), found.quality.copy()
    rows = {meter: row for row, meter in enumerate(meter_ids)}
    by_hour = [
        (meter, (day - first).days)
        for (meter, day), seconds in zip(found.unfit, found.unfit_s, strict=True)
        if seconds == HOUR_S
    ]
    hourly = np.zeros(len(rows), bool)
    if by_hour:
        asked = sorted({meter for meter, _ in by_hour})
        hours = days.matrix(conn, asked, channel, first, end, HOUR_S)
        for meter, day in by_hour:
            row, at = rows[meter], asked.index(meter)
            wh[row, day] = np.repeat(hours.energy[at, day] / 2, 2)
            quality[row, day] = np.repeat(hours.quality[at, day], 2)
            hourly[row] = True
    return Halves(tuple(meter_ids), first, wh, quality, hourly, _dark(conn, meter_ids, first, end))


def _dark(
    conn: Connection[TupleRow], meter_ids: Sequence[int], first: date, end: date
) -> npt.NDArray[np.bool_]:
    """(m, d, 48) half-hours that an outage touched."""
    period = Period.of_days(first, end)
    flat = np.zeros((len(meter_ids), (end - first).days * SLOTS), bool)
    without = outages.outages_of(conn, meter_ids, period)
    for row, meter in enumerate(meter_ids):
        for outage in without.get(meter, ()):
            begin = (outage.start - midnight(first)) // HALF_HOUR
            flat[row, begin : -((midnight(first) - outage.end) // HALF_HOUR)] = True
    return flat.reshape(len(meter_ids), -1, SLOTS)


def whole_days(
    conn: Connection[TupleRow], meter_ids: Sequence[int], first: date, end: date
) -> dict[int, WholeDays]:
    """By meter, from `first`, without `end`."""
    found = halves(conn, meter_ids, first, end)
    rest = (day_kinds(first, (end - first).days) != DayKind.WORKING).astype(np.int64)
    whole = found.whole()
    return {
        meter: WholeDays(str(meter), first, found.wh[row], whole[row], rest)
        for row, meter in enumerate(meter_ids)
    }
