"""Days of many meters as one array, and how many intervals there are."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from psycopg import Connection
from psycopg.rows import TupleRow

from model.period import LOCAL, local_day, midnight, require_aware
from model.quality import Quality
from model.series import Channel
from storage import day_runs

SLOTS: Final = 48
_HALF_HOUR_S: Final = 1800
_DAY_S: Final = 86_400

_DAYS: Final = """
    SELECT meter_id, day, interval_s, scaler, energy, quality, '' FROM profile_day
    WHERE meter_id = ANY (%(meters)s) AND channel = %(channel)s AND day >= %(first)s AND day < %(end)s"""
_STORED: Final = """
    SELECT coalesce(sum(slots_of(quality, '167')), 0), coalesce(sum(slots_of(quality, '2345')), 0)
    FROM profile_day WHERE channel = %(channel)s AND day >= %(first)s AND day <= %(last)s"""
_ACTUAL: Final = """
    SELECT m.serial, count(*), round(sum(e.value * 10::numeric ^ d.scaler))::bigint
    FROM profile_day d JOIN meter m ON m.id = d.meter_id
    CROSS JOIN LATERAL unnest(d.energy) WITH ORDINALITY AS e (value, slot)
    WHERE d.channel = %(channel)s AND m.serial = ANY (%(serials)s)
      AND get_byte(d.quality, e.slot::integer - 1) = %(actual)s
      AND (d.day::timestamp AT TIME ZONE 'Asia/Ho_Chi_Minh')
          + e.slot * make_interval(secs => d.interval_s) <= %(until)s
    GROUP BY m.serial"""
_FIRST_DAY: Final = "SELECT min(day) FROM profile_day WHERE channel = %s"
# Whole half-hours between hanging and taking down, or now, counted from the beginning of what is stored.
_EXPECTED: Final = """
    SELECT coalesce(sum(greatest(0,
        floor(extract(epoch FROM least(coalesce(until, 'infinity'), %(now)s)) / 1800)
        - ceil(extract(epoch FROM greatest(since, %(start)s)) / 1800))), 0)::bigint
    FROM installation WHERE since < %(now)s AND coalesce(until, 'infinity') > %(start)s"""


@dataclass(frozen=True, slots=True, eq=False)
class DayMatrix:
    """m meters × d local days from `first` × 48 half-hours (or other slots): energy in Wh int32[m, d, 48],
    quality uint8[m, d, 48].

    What is absent has quality 0. Shorter intervals are summed (the quality of a sum is that of its worst
    part); days that half-hours cannot be made of are absent and named in `unfit`, the seconds of their own
    intervals in `unfit_s`.
    """

    meter_ids: tuple[int, ...]
    first: date
    energy: NDArray[np.int32]
    quality: NDArray[np.uint8]
    unfit: tuple[tuple[int, date], ...] = ()
    unfit_s: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class IntervalCounts:
    """Half-hours of active import that could be had, that the meters gave, and that were estimated."""

    expected: int
    stored: int
    estimated: int


def matrix(
    conn: Connection[TupleRow],
    meter_ids: Collection[int],
    channel: Channel,
    first: date,
    end: date,
    wanted_s: int = _HALF_HOUR_S,
) -> DayMatrix:
    """The days from `first`, without `end`, of the meters in the order given, in slots of `wanted_s` seconds
    (a whole number of them to the day)."""
    slots = _DAY_S // wanted_s
    ids = tuple(meter_ids)
    by_id = np.argsort(np.array(ids, np.int64), kind="stable")
    sorted_ids = np.array(ids, np.int64)[by_id]
    energy = np.zeros((len(ids), max(0, (end - first).days), slots), np.int32)
    quality = np.zeros(energy.shape, np.uint8)
    unfit: list[tuple[int, date, int]] = []
    asked = {"meters": list(ids), "channel": int(channel), "first": first, "end": end}
    for piece in day_runs.read(conn, _DAYS, asked):
        for interval_s, scaler, found in piece.layouts():
            row = by_id[np.searchsorted(sorted_ids, found.meter_id)]
            day = found.day - first.toordinal()
            if interval_s == wanted_s and scaler == 0 and found.energy.shape[1] == slots:
                energy[row, day], quality[row, day] = found.energy, found.quality
                continue
            for r, d, values, qualities in zip(
                row.tolist(), day.tolist(), found.energy, found.quality, strict=True
            ):
                longer = to_longer(values, qualities, interval_s, scaler, wanted_s)
                if longer is None:
                    unfit.append((ids[r], first + timedelta(d), interval_s))
                else:
                    energy[r, d], quality[r, d] = longer
    unfit.sort()
    named = tuple((meter_id, day) for meter_id, day, _ in unfit)
    return DayMatrix(ids, first, energy, quality, named, tuple(own_s for *_, own_s in unfit))


# From best to worst: an actual value that a doubtful one was added to is doubtful.
_RANK: Final = np.array([7, 0, 3, 4, 5, 6, 2, 1], np.uint8)
_AT_RANK: Final = np.argsort(_RANK).astype(np.uint8)


def worst(quality: NDArray[np.uint8]) -> Quality:
    """Of slots of any shape; what rests on none is actual."""
    return Quality(int(_AT_RANK[_RANK[quality].max(initial=0)]))


def to_longer(
    energy: NDArray[np.int32],
    quality: NDArray[np.uint8],
    interval_s: int,
    scaler: int,
    wanted_s: int = _HALF_HOUR_S,
) -> tuple[NDArray[Any], NDArray[np.uint8]] | None:
    """A day of another interval or scaler as Wh int[slots] and uint8[slots] of `wanted_s` seconds each,
    halves rounded up; None when it cannot be."""
    parts, rest = divmod(wanted_s, interval_s)
    slots = _DAY_S // wanted_s
    if rest or len(energy) != slots * parts:
        return None
    sums = energy.reshape(slots, parts).sum(axis=1, dtype=np.int64)
    tenths = 10 ** abs(scaler)
    watt_hours = sums * tenths if scaler >= 0 else (2 * sums + tenths) // (2 * tenths)
    grade = _AT_RANK[_RANK[quality].reshape(slots, parts).max(axis=1)]
    if np.abs(watt_hours).max() >= 2**31:
        return None
    return np.where(grade == Quality.MISSING, 0, watt_hours), grade


def actual_sums(
    conn: Connection[TupleRow], serials: Collection[str], until: datetime
) -> dict[str, tuple[int, int]]:
    """By serial, the actual slots of active import that ended by `until`, and their Wh on the primary side;
    meters without any are left out."""
    asked = {
        "channel": int(Channel.ACTIVE_IMPORT),
        "serials": list(serials),
        "actual": int(Quality.ACTUAL),
        "until": require_aware(until),
    }
    return {serial: (count, wh) for serial, count, wh in conn.execute(_ACTUAL, asked)}


def interval_counts(
    conn: Connection[TupleRow], now: datetime, since: datetime | None = None
) -> IntervalCounts:
    """How complete the store is from `since` (default: the first day stored of any meter) until `now`."""
    if since is None:
        found = conn.execute(_FIRST_DAY, [int(Channel.ACTIVE_IMPORT)]).fetchone()
        if found is None or found[0] is None:
            return IntervalCounts(0, 0, 0)
        since = midnight(found[0])
    expected = conn.execute(_EXPECTED, {"now": now, "start": since}).fetchone()
    days = {"channel": int(Channel.ACTIVE_IMPORT), "first": local_day(since), "last": local_day(now, LOCAL)}
    stored = conn.execute(_STORED, days).fetchone()
    assert expected is not None
    assert stored is not None
    return IntervalCounts(int(expected[0]), int(stored[0]), int(stored[1]))
