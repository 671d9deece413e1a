"""A row of `profile_block`: its digest, and whether its stamps need to be listed."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Sequence
from datetime import datetime
from typing import Final, NamedTuple

import numpy as np
from psycopg import AsyncConnection
from psycopg.rows import TupleRow

from storage import copying
from storage.copying import EPOCH_S, Ints

_SCALE: Final = struct.Struct(">3q")
_COPY: Final = "COPY incoming_block FROM STDIN (FORMAT binary)"


class Meaning(NamedTuple):
    """What the integers of a block mean; the interval in microseconds."""

    kind: str
    obis: str
    interval: int
    scaler: int
    unit: int


class Origin(NamedTuple):
    """Whose block it is, when it came, and in which poll: fields of COPY."""

    meter: bytes
    received: bytes
    poll: bytes


def encode(origin: Origin, channel: int, meaning: Meaning, stamps: Ints, raw: Ints, status: Ints) -> bytes:
    """The row of COPY; stamps in microseconds since 2000-01-01 UTC, all int64[n], n ≥ 1."""
    digest = hashlib.sha256(meaning.kind.encode() + _SCALE.pack(*meaning[2:]))
    for array in (stamps, raw, status):
        digest.update(array.astype(">i8").data)
    regular = bool((stamps[1:] - stamps[:-1] == meaning.interval).all())
    return copying.row(
        origin.meter,
        copying.int2(channel),
        copying.int8(int(stamps[0])),
        copying.int8(int(stamps[-1])),
        copying.text(meaning.kind),
        copying.int4(meaning.interval // 1_000_000),
        copying.NULL if regular else copying.instants(stamps),
        copying.int8s(raw),
        copying.int8s(status if status.any() else status[:0]),
        copying.int2(meaning.scaler),
        copying.int2(meaning.unit),
        copying.text(meaning.obis),
        copying.blob(digest.digest()),
        origin.received,
        origin.poll,
    )


def stamps_of(at: datetime, interval_s: int, instants: Ints | None, count: int) -> Ints:
    """The stamps of a stored block in seconds since 1970: int64[count]."""
    if instants is not None:
        return instants // 1_000_000 + EPOCH_S
    return round(at.timestamp()) + interval_s * np.arange(count, dtype=np.int64)


async def bring(conn: AsyncConnection[TupleRow], rows: Sequence[bytes]) -> None:
    """Put rows into `incoming_block`."""
    async with conn.cursor() as cursor, cursor.copy(_COPY) as copy:
        await copy.write(copying.stream(rows))
