"""Profile blocks and register readings out of the store, as validation wants them."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from psycopg import Connection
from psycopg.rows import TupleRow

from model.period import Period
from model.series import Channel, ProfileKind, Rate, ReadingSource, Unit
from storage import copying
from storage.block_rows import stamps_of

_BLOCKS: Final = """
    SELECT meter_id, channel, kind, interval_s, at, instants, raw, status, scaler, unit, received_at, obis
    FROM profile_block
    WHERE meter_id = ANY (%(meters)s) AND at <= %(end)s AND last >= %(start)s
      AND at >= %(start)s - INTERVAL '32 days'
    ORDER BY meter_id, channel, at, received_at, digest"""
_REGISTERS: Final = """
    SELECT meter_id, channel, rate, at, raw, scaler, unit, status, source FROM register_read
    WHERE meter_id = ANY (%(meters)s) AND at >= %(start)s AND at <= %(end)s
    ORDER BY meter_id, channel, rate, at, received_at, source, raw"""


@dataclass(frozen=True, slots=True, eq=False)
class StoredBlock:
    """One channel of one profile answer: n values of `raw` × 10^scaler `unit`.

    `stamps` int64[n], seconds since 1970, ascending: beginnings of intervals, or the instants of an index.
    `raw` and `status` int64[n].
    """

    meter_id: int
    channel: Channel
    kind: ProfileKind
    interval_s: int
    stamps: NDArray[np.int64]
    raw: NDArray[np.int64]
    status: NDArray[np.int64]
    scaler: int
    unit: Unit
    received_at: datetime
    obis: str = ""  # what the meter calls it; `file:` and a format where a file brought it


@dataclass(frozen=True, slots=True)
class StoredRegister:
    """A register at an instant: raw × 10^scaler `unit`, on the meter's side."""

    meter_id: int
    channel: Channel
    rate: Rate
    at: datetime
    raw: int
    scaler: int
    unit: Unit
    status: int
    source: ReadingSource


def blocks(conn: Connection[TupleRow], meter_ids: Collection[int], period: Period) -> list[StoredBlock]:
    """Every block with a stamp in the period or at its end, whole: by meter, channel, first stamp, and when
    received.

    Where two say something of the same stamp, the later in this order was received later.
    """
    asked = {"meters": list(meter_ids), "start": period.start, "end": period.end}
    with conn.cursor(binary=True) as cursor:
        copying.read_arrays(cursor)
        found = cursor.execute(_BLOCKS, asked).fetchall()
    return [_block(*row) for row in found]


def _block(
    meter_id: int, channel: int, kind: str, interval_s: int, at: datetime, instants: Any, raw: Any,
    status: Any, scaler: int, unit: int, received_at: datetime, obis: str,
) -> StoredBlock:  # fmt: skip
    return StoredBlock(
        meter_id,
        Channel(channel),
        ProfileKind(kind),
        interval_s,
        stamps_of(at, interval_s, instants, len(raw)),
        raw,
        status if len(status) else np.zeros(len(raw), np.int64),
        scaler,
        Unit(unit),
        received_at,
        obis,
    )


def registers(conn: Connection[TupleRow], meter_ids: Collection[int], period: Period) -> list[StoredRegister]:
    """Every register reading of the period, its end included: by meter, channel, rate and instant."""
    asked = {"meters": list(meter_ids), "start": period.start, "end": period.end}
    with conn.cursor(binary=True) as cursor:
        return [
            StoredRegister(
                meter_id,
                Channel(channel),
                Rate(rate),
                at,
                raw,
                scaler,
                Unit(unit),
                status,
                ReadingSource(source),
            )
            for meter_id, channel, rate, at, raw, scaler, unit, status, source in cursor.execute(
                _REGISTERS, asked
            )
        ]
