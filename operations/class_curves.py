"""The curve of each class of customers, made anew once a day out of what its meters measured."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime, timedelta
from typing import Final

import numpy as np
import numpy.typing as npt
from psycopg import Connection
from psycopg.rows import TupleRow

from analytics.vee.rules.limits import CLASSES
from model.period import local_day
from operations.customer_classes import CLASS_OF_PLAN
from storage import class_curves
from storage.class_curves import ClassCurve
from storage.matrix import SLOTS

DAYS: Final = 28  # back from the day before
LASTS: Final = timedelta(days=1)
FEWEST_DAYS: Final = 3  # of a meter, before its shape counts

Days = list[npt.NDArray[np.int32]]


def refresh(conn: Connection[TupleRow], now: datetime) -> bool:
    """Make the curves where they are a day old, within the caller's transaction; whether they were made."""
    made = class_curves.computed(conn)
    if (made is not None and now - made < LASTS) or not class_curves.alone(conn):
        return False
    today = local_day(now)
    by_class: dict[str, dict[int, Days]] = defaultdict(lambda: defaultdict(list))
    for plan, meter, energy in class_curves.sample(conn, today - timedelta(DAYS), today):
        if name := CLASS_OF_PLAN.get(plan):
            by_class[name][meter].append(energy)
    class_curves.save(conn, [curve_of(name, by_class[name]) for name in CLASSES], now)
    return True


def curve_of(name: str, meters: dict[int, Days]) -> ClassCurve:
    """The mean of the shapes of the meters' mean days: each counts as much as the other, whatever it used.

    A class without any is level.
    """
    shapes = []
    days = 0
    for listed in meters.values():
        mean = np.mean(listed, axis=0)
        if len(listed) >= FEWEST_DAYS and mean.any():
            shapes.append(mean / mean.mean())
            days += len(listed)
    curve = np.mean(shapes, axis=0) if shapes else np.ones(SLOTS)
    return ClassCurve(name, curve, len(shapes), days)
