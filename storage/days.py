"""Validated days: what is due, saving what validation made, and days as matrices."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

import numpy as np
from numpy.typing import NDArray
from psycopg import Connection
from psycopg.rows import TupleRow

from analytics.vee.methods import usual
from model.period import local_day, require_aware
from model.series import Unit
from storage import copying
from storage.blocks import StoredBlock, StoredRegister, blocks, registers
from storage.errors import StorageError
from storage.findings import save_findings
from storage.matrix import DayMatrix, IntervalCounts, actual_sums, interval_counts, matrix

__all__ = [
    "DayMatrix",
    "DayRows",
    "Due",
    "IntervalCounts",
    "SaveCounts",
    "StoredBlock",
    "StoredRegister",
    "actual_sums",
    "blocks",
    "clear_due",
    "interval_counts",
    "mark_due",
    "matrix",
    "registers",
    "save_days",
    "save_findings",
    "take_due",
]

Due = tuple[int, date, datetime]
"""Meter, local day, and the mark that `clear_due` recognises it by."""

_ANY_OF: Final = """
    SELECT EXISTS (SELECT FROM profile_day
        WHERE meter_id = ANY (%s) AND channel = %s AND day >= %s AND day < %s)"""
_TAKE_DUE: Final = """
    SELECT meter_id, day, since FROM validation_due
    WHERE %(of)s::integer IS NULL OR meter_id %% %(of)s = %(number)s
    ORDER BY meter_id, day LIMIT %(limit)s"""
# In the order of the key, as the writers of evidence take these rows too.
_CLEAR_DUE: Final = """
    WITH done AS MATERIALIZED (
        SELECT due.meter_id, due.day, due.since
        FROM unnest(%s::integer[], %s::date[], %s::timestamptz[]) AS taken (meter_id, day, since)
        JOIN validation_due due USING (meter_id, day, since)
        ORDER BY due.meter_id, due.day FOR UPDATE OF due)
    DELETE FROM validation_due USING done
    WHERE validation_due.meter_id = done.meter_id AND validation_due.day = done.day
      AND validation_due.since = done.since"""
_MARK_DUE: Final = """
    INSERT INTO validation_due (meter_id, day, since)
    SELECT meter_id, day, clock_timestamp() FROM unnest(%s::integer[]) AS m (meter_id)
    CROSS JOIN unnest(%s::date[]) AS d (day) ORDER BY meter_id, day
    ON CONFLICT (meter_id, day) DO UPDATE SET since = excluded.since"""

_INCOMING: Final = """
    CREATE TEMP TABLE IF NOT EXISTS incoming_day (meter_id integer, channel smallint, day date,
        interval_s integer, scaler smallint, unit smallint, energy integer[], quality bytea, method bytea)
        ON COMMIT DELETE ROWS;
    DELETE FROM incoming_day"""
_COPY_DAY: Final = "COPY incoming_day FROM STDIN (FORMAT binary)"
_COUNT_STORED: Final = """
    SELECT count(*) FROM incoming_day n JOIN profile_day o USING (meter_id, channel, day)
    WHERE o.day BETWEEN %(first)s AND %(last)s"""
_KEEP_PAST: Final = """
    INSERT INTO profile_day_past
    SELECT o.* FROM incoming_day n JOIN profile_day o USING (meter_id, channel, day)
    WHERE o.day BETWEEN %(first)s AND %(last)s
      AND ((o.interval_s, o.scaler, o.unit) IS DISTINCT FROM (n.interval_s, n.scaler, n.unit)
           OR ((o.energy, o.quality) IS DISTINCT FROM (n.energy, n.quality)
               AND NOT day_extends(o.energy, o.quality, n.energy, n.quality)))
    ON CONFLICT (meter_id, channel, day, version) DO NOTHING"""
# A day that only gained slots keeps its version: nothing was superseded. Nor was it where the same figures of
# the same quality are said to be made otherwise. The rules look at the meters of days that are over.
_SAVE_DAY: Final = """
    WITH saved AS (
    INSERT INTO profile_day AS o (meter_id, channel, day, version, interval_s, scaler, unit, energy, quality,
        method, computed_at)
    SELECT meter_id, channel, day, 1, interval_s, scaler, unit, energy, quality,
        nullif(method, ''::bytea), %(at)s
    FROM incoming_day ORDER BY meter_id, channel, day
    ON CONFLICT (meter_id, channel, day) DO UPDATE SET
        version = o.version + CASE
            WHEN (o.interval_s, o.scaler, o.unit)
                    IS NOT DISTINCT FROM (excluded.interval_s, excluded.scaler, excluded.unit)
                AND day_extends(o.energy, o.quality, excluded.energy, excluded.quality)
            THEN 0 ELSE 1 END,
        interval_s = excluded.interval_s, scaler = excluded.scaler, unit = excluded.unit,
        energy = excluded.energy, quality = excluded.quality, method = excluded.method,
        computed_at = excluded.computed_at
    WHERE (o.interval_s, o.scaler, o.unit, o.energy, o.quality, o.method) IS DISTINCT FROM
        (excluded.interval_s, excluded.scaler, excluded.unit, excluded.energy, excluded.quality,
            excluded.method)
    RETURNING meter_id, day),
    watch AS (
        INSERT INTO watch_due (meter_id, soon)
        SELECT DISTINCT saved.meter_id, true FROM saved JOIN meter ON meter.id = saved.meter_id
        WHERE saved.day < %(today)s ORDER BY 1)
    SELECT count(*) FROM saved"""


@dataclass(frozen=True, slots=True, eq=False)
class DayRows:
    """n days of one length: energy int32[n, slots] × 10^scaler `unit` on the primary side, quality uint8[n,
    slots].

    `meter_id` int32[n], `channel` int16[n], `day` datetime64[D][n]: local days. A missing slot holds 0. No
    meter, channel and day comes twice. `method` uint8[n, slots], a `analytics.vee.methods.Method` each; None:
    the usual ones of the qualities.
    """

    meter_id: NDArray[np.int32]
    channel: NDArray[np.int16]
    day: NDArray[np.datetime64]
    energy: NDArray[np.int32]
    quality: NDArray[np.uint8]
    interval_s: int = 1800
    scaler: int = 0
    unit: int = Unit.WATT_HOUR
    method: NDArray[np.uint8] | None = None

    def __post_init__(self) -> None:
        n = len(self.meter_id)
        if not (len(self.channel) == len(self.day) == len(self.energy) == n):
            raise StorageError(
                f"{n} meters, {len(self.day)} days and {len(self.energy)} rows do not make days."
            )
        if self.energy.ndim != 2 or self.energy.shape != self.quality.shape:
            raise StorageError(
                f"Days of energies {self.energy.shape} and qualities {self.quality.shape} do not fit."
            )
        if self.quality.size and self.quality.max() > 15:
            raise StorageError(f"There is no quality {self.quality.max()}: they stay below 16.")


@dataclass(frozen=True, slots=True)
class SaveCounts:
    """Days saved: `new` ones, those that superseded another version (`changed`), those that only gained slots
    (`extended`), and those that stood as they are."""

    new: int = 0
    changed: int = 0
    unchanged: int = 0
    extended: int = 0


def take_due(conn: Connection[TupleRow], limit: int, shard: tuple[int, int] | None = None) -> list[Due]:
    """Up to `limit` meter-days that await validation, by meter and day; of the shard (number, of how many)
    or all."""
    number, of = shard if shard is not None else (None, None)
    return [
        (meter_id, day, since)
        for meter_id, day, since in conn.execute(_TAKE_DUE, {"of": of, "number": number, "limit": limit})
    ]


def clear_due(conn: Connection[TupleRow], rows: Sequence[Due]) -> int:
    """These are validated; how many. A day for which something came after it was taken stays due."""
    if not rows:
        return 0
    meters, days, since = zip(*rows, strict=True)
    return conn.execute(_CLEAR_DUE, [list(meters), list(days), list(since)]).rowcount


def any_of(
    conn: Connection[TupleRow], meter_ids: Collection[int], channel: int, first: date, end: date
) -> bool:
    """Whether any of these meters has a day from `first`, without `end`."""
    row = conn.execute(_ANY_OF, [list(meter_ids), channel, first, end]).fetchone()
    return bool(row and row[0])


def mark_due(conn: Connection[TupleRow], meter_ids: Collection[int], days: Collection[date]) -> int:
    """Have every one of the days of every one of the meters validated again; how many."""
    return conn.execute(_MARK_DUE, [list(meter_ids), list(days)]).rowcount


def save_days(conn: Connection[TupleRow], rows: DayRows, computed_at: datetime) -> SaveCounts:
    """Save what validation made. A day that differs from the one stored takes its place with the next
    version, and the old one is kept in profile_day_past; one that only fills missing slots takes its place
    without. The rules will look at the meters of days that are over.

    Raises StorageError when a day comes twice (the transaction is then at an error).
    """
    n = len(rows.meter_id)
    if n == 0:
        return SaveCounts()
    span = {
        "first": rows.day.min().item(),
        "last": rows.day.max().item(),
        "at": require_aware(computed_at),
        "today": local_day(computed_at),
    }
    keys = np.unique(
        np.stack([rows.meter_id, rows.channel, rows.day.astype("datetime64[D]").astype(np.int64)]), axis=1
    )
    if keys.shape[1] != n:
        raise StorageError(f"Of {n} days to save, {n - keys.shape[1]} come twice: keep one of each.")
    conn.execute(_INCOMING)
    with conn.cursor() as cursor, cursor.copy(_COPY_DAY) as copy:
        copy.write(_encoded(rows))
    stored = conn.execute(_COUNT_STORED, span).fetchone()
    there = stored[0] if stored else 0
    changed = conn.execute(_KEEP_PAST, span).rowcount if there else 0
    (written,) = conn.execute(_SAVE_DAY, span).fetchone() or (0,)
    new = n - there
    return SaveCounts(new, changed, n - written, written - new - changed)


def _encoded(rows: DayRows) -> bytes:
    """The COPY stream of the rows, those with methods of their own behind the others.

    Of either kind every row is as long as the next, so that numpy fills them all at once.
    """
    own = np.zeros(len(rows.meter_id), bool)
    if rows.method is not None:
        own = (rows.method != usual(rows.quality)).any(axis=1)
    return b"".join((copying.HEADER, _rows(rows, ~own, None), _rows(rows, own, rows.method), copying.TRAILER))


def _rows(rows: DayRows, chosen: NDArray[np.bool_], methods: NDArray[np.uint8] | None) -> bytes:
    """The chosen rows, with their `methods` or without any."""
    n, slots = int(chosen.sum()), rows.energy.shape[1]
    fields = [
        ("fields", ">i2"),
        *(
            (f"{name}{part}", kind)
            for name, width in _COLUMNS
            for part, kind in (("_length", ">i4"), ("", width))
        ),
        ("energy_length", ">i4"),
        ("dimensions", ">i4", 5),
        ("energy", [("length", ">i4"), ("value", ">i4")], slots),
        ("quality_length", ">i4"),
        ("quality", "u1", slots),
        ("method_length", ">i4"),
        *((("method", "u1", slots),) if methods is not None else ()),
    ]
    cells = np.zeros(n, dtype=fields)
    cells["fields"] = 9
    values = {
        "meter_id": rows.meter_id[chosen],
        "channel": rows.channel[chosen],
        "day": (rows.day[chosen].astype("datetime64[D]") - copying.EPOCH_DAY).astype(np.int64),
        "interval_s": rows.interval_s,
        "scaler": rows.scaler,
        "unit": int(rows.unit),
    }
    for name, width in _COLUMNS:
        cells[f"{name}_length"] = np.dtype(width).itemsize
        cells[name] = values[name]
    cells["energy_length"] = 20 + 8 * slots
    cells["dimensions"] = (1, 0, 23, slots, 1)
    cells["energy"]["length"] = 4
    cells["energy"]["value"] = rows.energy[chosen]
    cells["quality_length"] = slots
    cells["quality"] = rows.quality[chosen]
    if methods is not None:
        cells["method_length"] = slots
        cells["method"] = methods[chosen]
    return cells.tobytes()


_COLUMNS: Final = (
    ("meter_id", ">i4"),
    ("channel", ">i2"),
    ("day", ">i4"),
    ("interval_s", ">i4"),
    ("scaler", ">i2"),
    ("unit", ">i2"),
)
