"""How the phases of three-phase meters were loaded by day: means of the instants read, made once a day."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date
from typing import Final

import numpy as np
from numpy.typing import NDArray
from psycopg import Connection
from psycopg.rows import TupleRow

from model.period import Period

_FILL: Final = """
    INSERT INTO instant_day AS old (meter_id, day, reads, voltage_v, current_a)
    SELECT meter_id, (at AT TIME ZONE 'Asia/Ho_Chi_Minh')::date AS day, count(*),
        ARRAY[avg(voltage_v[1]), avg(voltage_v[2]), avg(voltage_v[3])]::real[],
        ARRAY[avg(current_a[1]), avg(current_a[2]), avg(current_a[3])]::real[]
    FROM instant_read
    WHERE meter_id = ANY (%(meters)s) AND at >= %(start)s AND at < %(end)s
      AND current_a[2] IS NOT NULL AND current_a[3] IS NOT NULL
    GROUP BY meter_id, day ORDER BY meter_id, day
    ON CONFLICT (meter_id, day) DO UPDATE SET reads = excluded.reads, voltage_v = excluded.voltage_v,
        current_a = excluded.current_a
    WHERE old.reads <> excluded.reads"""
_LAST: Final = "SELECT max(day) FROM instant_day WHERE meter_id = ANY (%s)"
_DAYS: Final = """
    SELECT meter_id, day, voltage_v, current_a FROM instant_day
    WHERE meter_id = ANY (%(meters)s) AND day >= %(first)s AND day <= %(last)s"""

Floats = NDArray[np.float64]


def fill(conn: Connection[TupleRow], meter_ids: Collection[int], first: date, end: date) -> int:
    """Make the days from `first`, without `end`, of what was read; how many are new or changed."""
    period = Period.of_days(first, end)
    asked = {"meters": list(meter_ids), "start": period.start, "end": period.end}
    return conn.execute(_FILL, asked).rowcount


def last(conn: Connection[TupleRow], meter_ids: Collection[int]) -> date | None:
    """The last day made of any of the meters."""
    row = conn.execute(_LAST, [list(meter_ids)]).fetchone()
    return None if row is None else row[0]


def days(
    conn: Connection[TupleRow], meter_ids: Sequence[int], first: date, last: date
) -> dict[int, tuple[Floats, Floats]]:
    """By meter, of those with instants of three phases: (d, 3) V and A by phase, NaN on days without."""
    found: dict[int, tuple[Floats, Floats]] = {}
    shape = ((last - first).days + 1, 3)
    asked = {"meters": list(meter_ids), "first": first, "last": last}
    for meter, day, volts, amperes in conn.execute(_DAYS, asked):
        if meter not in found:
            found[meter] = np.full(shape, np.nan), np.full(shape, np.nan)
        row = (day - first).days
        found[meter][0][row] = [np.nan if one is None else one for one in volts]
        found[meter][1][row] = [np.nan if one is None else one for one in amperes]
    return found
