"""What points drew and gave by intervals, whichever meters hung there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Final

import numpy as np
import numpy.typing as npt
from psycopg import Connection
from psycopg.rows import TupleRow

from model.grid import Role
from model.period import Period, midnight, whole_slots
from model.quality import Quality
from model.series import Channel
from storage import days
from storage.register import Hung

HALF_HOUR_MIN: Final = 30
HOUR_MIN: Final = 60

Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class PointEnergy:
    """p points × d days × slots: `energy` in Wh (varh) and `quality`; `hung`: whether the point was in use,
    from its first meter's hanging to its last one's taking down. A slot in which a meter was exchanged is
    missing. `last`: the meter that hung there last; `unfit`: meters whose intervals are too long."""

    points: tuple[str, ...]
    last: tuple[Hung, ...]
    energy: npt.NDArray[np.int32]
    quality: npt.NDArray[np.uint8]
    hung: Bools
    unfit: frozenset[str]

    @property
    def known(self) -> Bools:
        return np.asarray(self.quality != Quality.MISSING)

    @property
    def sold_quality(self) -> npt.NDArray[np.uint8]:
        """With what was not in use as known to have drawn nothing: a customer to come is not missing."""
        return np.where(self.hung, self.quality, np.uint8(Quality.ACTUAL)).astype(np.uint8)

    def where(self, chosen: Sequence[int]) -> PointEnergy:
        """Some of the points, by their place."""
        rows = list(chosen)
        return replace(
            self,
            points=tuple(self.points[row] for row in rows),
            last=tuple(self.last[row] for row in rows),
            energy=self.energy[rows],
            quality=self.quality[rows],
            hung=self.hung[rows],
        )

    def of_days(self, wanted: slice) -> PointEnergy:
        """The same points on some of the days."""
        return replace(
            self,
            energy=self.energy[:, wanted],
            quality=self.quality[:, wanted],
            hung=self.hung[:, wanted],
        )

    def of_role(self, role: Role) -> PointEnergy:
        return self.where([row for row, place in enumerate(self.last) if place.role is role])


def of_points(
    conn: Connection[TupleRow],
    places: Sequence[Hung],
    first: date,
    end: date,
    channel: Channel = Channel.ACTIVE_IMPORT,
    minutes: int = HALF_HOUR_MIN,
) -> PointEnergy:
    """Days from `first`, without `end`, of the points of `places`, in the order in which those name them."""
    points = list(dict.fromkeys(place.point for place in places))
    meters = list(dict.fromkeys(place.meter_id for place in places))
    matrix = days.matrix(conn, meters, channel, first, end, minutes * 60)
    rows = {meter_id: row for row, meter_id in enumerate(meters)}
    shape = (len(points), *matrix.energy.shape[1:])
    flat = shape[0], shape[1] * shape[2]
    energy, quality, hung = np.zeros(flat, np.int32), np.zeros(flat, np.uint8), np.zeros(flat, bool)
    origin, step, period = midnight(first), timedelta(minutes=minutes), Period.of_days(first, end)
    last: dict[str, Hung] = {}
    row_of = {point: row for row, point in enumerate(points)}
    begun: dict[str, int] = {}
    for place in sorted(places, key=lambda one: one.since):
        row, until = row_of[place.point], min(place.until or period.end, period.end)
        own = whole_slots(origin, step, place.since, until)
        meter = rows[place.meter_id]
        energy[row, own] = matrix.energy[meter].reshape(-1)[own]
        quality[row, own] = matrix.quality[meter].reshape(-1)[own]
        # A slot in which it was hung or taken down was begun or ended in use, and nobody knows its whole.
        used_from = max(0, (place.since - origin) // step)
        hung[row, begun.setdefault(place.point, used_from) : max(0, -((origin - until) // step))] = True
        last[place.point] = place
    energy[quality == Quality.MISSING] = 0
    names = {place.meter_id: place.serial for place in places}
    return PointEnergy(
        tuple(points),
        tuple(last[point] for point in points),
        energy.reshape(shape),
        quality.reshape(shape),
        hung.reshape(shape),
        frozenset(
            names[meter_id]
            for (meter_id, _), own_s in zip(matrix.unfit, matrix.unfit_s, strict=True)
            if own_s > minutes * 60
        ),
    )
