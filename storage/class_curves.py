"""How classes of customers live by the day: sampled out of measured days, kept as one curve a class."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

import numpy as np
from numpy.typing import NDArray
from psycopg import Connection
from psycopg.rows import TupleRow

from model.period import require_aware
from model.quality import Quality
from storage import copying
from storage.matrix import SLOTS

METERS: Final = 100  # of a plan: beyond that a curve hardly moves
FEWEST: Final = 5  # of a class: below that a curve is its neighbours', not the class's
_MEASURED: Final = bytes([Quality.ACTUAL]) * SLOTS
# Any so many meters of each plan, always the same ones, and their wholly measured days.
_SAMPLE: Final = """
    WITH chosen AS (
        SELECT meter_id, plan FROM (
            SELECT i.meter_id, s.plan,
                row_number() OVER (PARTITION BY s.plan ORDER BY hashtext(i.point), i.point) AS place
            FROM installation i CROSS JOIN LATERAL (SELECT plan FROM point_supply
                WHERE point = i.point ORDER BY valid_from DESC LIMIT 1) s
            WHERE i.until IS NULL) hanging
        WHERE place <= %(most)s)
    SELECT c.plan, d.meter_id, d.energy FROM chosen c JOIN profile_day d ON d.meter_id = c.meter_id
    WHERE d.channel = 1 AND d.interval_s = 1800 AND d.day >= %(first)s AND d.day < %(end)s
      AND d.quality = %(measured)s
    ORDER BY c.plan, d.meter_id, d.day"""
_EMPTY: Final = "DELETE FROM class_curve"
_SAVE: Final = """
    INSERT INTO class_curve (customer_class, curve, meters, days, computed_at) VALUES (%s, %s, %s, %s, %s)"""
_KNOWN: Final = "SELECT customer_class, curve FROM class_curve"


@dataclass(frozen=True, slots=True, eq=False)
class ClassCurve:
    """float64[48], mean 1, of the half-hours of a day; from how many meters and their days."""

    customer_class: str
    curve: NDArray[np.float64]
    meters: int
    days: int


def sample(
    conn: Connection[TupleRow], first: date, end: date, most: int = METERS
) -> Iterator[tuple[str, int, NDArray[np.int32]]]:
    """(plan, meter, a wholly measured day's 48 half-hours) of the days from `first`, without `end`."""
    asked = {"first": first, "end": end, "most": most, "measured": _MEASURED}
    with conn.cursor(binary=True) as cursor:
        copying.read_arrays(cursor)
        yield from cursor.execute(_SAMPLE, asked)


def replace(conn: Connection[TupleRow], curves: Sequence[ClassCurve], at: datetime) -> None:
    """Keep these curves and no others."""
    require_aware(at)
    conn.execute(_EMPTY)
    with conn.cursor() as cursor:
        rows = [(one.customer_class, one.curve.tolist(), one.meters, one.days, at) for one in curves]
        cursor.executemany(_SAVE, rows)


def known(conn: Connection[TupleRow]) -> dict[str, NDArray[np.float64]]:
    """Class → curve, of the classes of which enough meters are known."""
    return {name: np.array(curve, np.float64) for name, curve in conn.execute(_KNOWN)}
