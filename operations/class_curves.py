"""The curve of each class of customers, made anew once a day out of what its meters measured."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import numpy as np
import numpy.typing as npt

from model.period import local_day
from operations.customer_classes import CLASS_OF_PLAN
from storage import class_curves
from storage.class_curves import ClassCurve
from storage.matrix import SLOTS
from storage.pool import Pool

DAYS: Final = 28  # back from the day before
FEWEST_DAYS: Final = 3  # of a meter, before its shape counts

Days = list[npt.NDArray[np.int32]]


@dataclass(frozen=True, slots=True)
class CurvesReport:
    """Classes whose curve estimates go by now, and how many meters and days all of them rest on."""

    classes: int = 0
    meters: int = 0
    days: int = 0

    def __bool__(self) -> bool:
        return bool(self.meters)


def run(pool: Pool, now: datetime) -> CurvesReport:
    """Make the curve of every class; what it rests on. A class of which too little is known has none."""
    today = local_day(now)
    by_class: dict[str, dict[int, Days]] = defaultdict(lambda: defaultdict(list))
    with pool.connection() as conn:
        for plan, meter, energy in class_curves.sample(conn, today - timedelta(DAYS), today):
            if name := CLASS_OF_PLAN.get(plan):
                by_class[name][meter].append(energy)
        curves = [curve_of(name, meters) for name, meters in sorted(by_class.items())]
        enough = [one for one in curves if one.meters >= class_curves.FEWEST]
        class_curves.replace(conn, enough, now)
    meters, days = (sum(getattr(one, name) for one in enough) for name in ("meters", "days"))
    return CurvesReport(len(enough), meters, days)


def curve_of(name: str, meters: dict[int, Days]) -> ClassCurve:
    """The mean of the shapes of the meters' mean days: each counts as much as the other, whatever it used."""
    shapes = []
    days = 0
    for listed in meters.values():
        mean = np.mean(listed, axis=0)
        if len(listed) >= FEWEST_DAYS and mean.any():
            shapes.append(mean / mean.mean())
            days += len(listed)
    curve = np.mean(shapes, axis=0) if shapes else np.ones(SLOTS)
    return ClassCurve(name, curve, len(shapes), days)
