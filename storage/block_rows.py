"""A row of `profile_block`: its digest, and whether its stamps need to be listed."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from typing import Final, NamedTuple

import numpy as np
from psycopg import AsyncConnection
from psycopg.rows import TupleRow

from storage import copying
from storage.copying import EPOCH_S, Ints

_SCALE: Final = struct.Struct(">3q")
_NO_FLAGS: Final = copying.int8s(copying.NO_INTS)
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


class Stamps:
    """Stamps in microseconds since 2000-01-01 UTC, int64[n], n ≥ 1, ascending; and what many blocks of a
    fleet that have the same ones have in common."""

    __slots__ = ("_regular", "first", "last", "micros", "wire")

    def __init__(self, micros: Ints) -> None:
        self.micros = micros
        self.first, self.last = copying.int8(int(micros[0])), copying.int8(int(micros[-1]))
        self.wire = micros.astype(">i8").tobytes()
        self._regular: tuple[int, bool] = (-1, False)

    def regular(self, interval: int) -> bool:
        """Whether each is so many microseconds after the one before."""
        if self._regular[0] != interval:
            steps = self.micros[1:] - self.micros[:-1]
            self._regular = interval, bool((steps == interval).all())
        return self._regular[1]


def encode(origin: Origin, channel: int, meaning: Meaning, stamps: Stamps, raw: Ints, status: Ints) -> bytes:
    """The row of COPY; raw and status int64[n] as the stamps."""
    said = raw.astype(">i8").tobytes()
    flagged = bool(status.any())
    flags = status.astype(">i8").tobytes() if flagged else bytes(8 * len(status))
    head, tail = _meant(meaning)
    digest = hashlib.sha256(b"".join((head, stamps.wire, said, flags))).digest()
    return copying.row(
        origin.meter,
        copying.int2(channel),
        stamps.first,
        stamps.last,
        *tail[:2],
        copying.NULL if stamps.regular(meaning.interval) else copying.instants(stamps.micros),
        copying.int8s(raw),
        copying.int8s(status) if flagged else _NO_FLAGS,
        *tail[2:],
        copying.blob(digest),
        origin.received,
        origin.poll,
    )


@lru_cache(maxsize=256)
def _meant(meaning: Meaning) -> tuple[bytes, tuple[bytes, ...]]:
    """What a digest begins with, and the fields of COPY: kind, interval; scaler, unit, OBIS code."""
    return meaning.kind.encode() + _SCALE.pack(*meaning[2:]), (
        copying.text(meaning.kind),
        copying.int4(meaning.interval // 1_000_000),
        copying.int2(meaning.scaler),
        copying.int2(meaning.unit),
        copying.text(meaning.obis),
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
