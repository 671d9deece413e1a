"""Days of many meters as sums of what was measured, whatever their interval: 5 to 60 minutes, or a day."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from typing import Final

import numpy as np
from numpy.typing import NDArray
from psycopg import Connection
from psycopg.rows import TupleRow

from model.quality import Quality
from model.series import Channel
from storage import day_runs

NIGHT_HOURS: Final = 5  # from midnight

_DAYS: Final = """
    SELECT meter_id, day, interval_s, scaler, energy, quality, '' FROM profile_day
    WHERE meter_id = ANY (%(meters)s) AND channel = %(channel)s AND day >= %(first)s AND day < %(end)s"""
_FED_IN: Final = """
    SELECT DISTINCT meter_id FROM profile_day
    WHERE meter_id = ANY (%(meters)s) AND channel = %(channel)s AND day >= %(first)s AND day < %(end)s
      AND EXISTS (SELECT FROM unnest(energy) AS e WHERE e > 0)"""


@dataclass(frozen=True, slots=True, eq=False)
class DaySums:
    """m meters × d local days from `first`, float64[m, d] in Wh. What somebody decided counts as measured,
    what was estimated or is doubted does not. `wh` and `night_wh` (the first five hours): NaN where not all
    of it was measured; `measured_wh`: what was, 0 where nothing was."""

    meter_ids: tuple[int, ...]
    first: date
    wh: NDArray[np.float64]
    measured_wh: NDArray[np.float64]
    night_wh: NDArray[np.float64]


def day_sums(
    conn: Connection[TupleRow], meter_ids: Collection[int], channel: Channel, first: date, end: date
) -> DaySums:
    """The days from `first`, without `end`, of the meters in the order given."""
    ids = tuple(meter_ids)
    shape = len(ids), max(0, (end - first).days)
    wh, measured, night = np.full(shape, np.nan), np.zeros(shape), np.full(shape, np.nan)
    by_id = np.argsort(np.array(ids, np.int64), kind="stable")
    sorted_ids = np.array(ids, np.int64)[by_id]
    asked = {"meters": list(ids), "channel": int(channel), "first": first, "end": end}
    for found in day_runs.read(conn, _DAYS, asked):
        row = by_id[np.searchsorted(sorted_ids, found.meter_id)]
        day = found.day - first.toordinal()
        # Nobody uses less than nothing: a half-hour below zero is not known.
        good = ((found.quality == Quality.ACTUAL) | (found.quality == Quality.EDITED)) & (found.energy >= 0)
        energy = np.where(good, found.energy * 10.0 ** found.scaler[:, None].astype(np.float64), 0.0)
        measured[row, day] = energy.sum(axis=1)
        whole = good.all(axis=1) & (good.shape[1] * found.interval_s == 86_400)
        wh[row[whole], day[whole]] = energy[whole].sum(axis=1)
        slots, rest = divmod(good.shape[1] * NIGHT_HOURS, 24)
        if slots and not rest:
            known = good[:, :slots].all(axis=1)
            night[row[known], day[known]] = energy[known, :slots].sum(axis=1)
    return DaySums(ids, first, wh, measured, night)


def fed_in(conn: Connection[TupleRow], meter_ids: Collection[int], first: date, end: date) -> set[int]:
    """Those of the meters that counted any energy fed in, on the days from `first`, without `end`."""
    asked = {
        "meters": list(meter_ids),
        "channel": int(Channel.ACTIVE_EXPORT),
        "first": first,
        "end": end,
    }
    return {meter_id for (meter_id,) in conn.execute(_FED_IN, asked)}
