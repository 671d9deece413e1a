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
_FIELDS: Final = struct.pack(">h", 15)
_DIGEST: Final = struct.pack(">i", 32)
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

    __slots__ = ("_fields", "begin", "end", "micros", "no_flags", "wire")

    def __init__(self, micros: Ints) -> None:
        self.micros = micros
        self.begin, self.end = int(micros[0]), int(micros[-1])
        self.wire, self.no_flags = micros.astype(">i8").tobytes(), bytes(8 * len(micros))
        self._fields: dict[tuple[int, Meaning], bytes] = {}

    def fields(self, channel: int, meaning: Meaning) -> bytes:
        """The fields of COPY from the channel to the stamps, which are listed where they are not regular."""
        found = self._fields.get((channel, meaning))
        if found is None:
            regular = bool((self.micros[1:] - self.micros[:-1] == meaning.interval).all())
            found = self._fields[channel, meaning] = b"".join(
                (
                    copying.int2(channel),
                    copying.int8(self.begin),
                    copying.int8(self.end),
                    copying.text(meaning.kind),
                    copying.int4(meaning.interval // 1_000_000),
                    copying.NULL if regular else copying.instants(self.micros),
                )
            )
        return found


def encode(
    origin: Origin, channel: int, meaning: Meaning, stamps: Stamps, raw: Ints, status: Ints | None,
    salt: bytes = b"",
) -> bytes:  # fmt: skip
    """The row of COPY; raw and status int64[n] as the stamps. Of a block whose statuses are all 0, `status`
    may be None, and none are kept. With a `salt` the digest is not that of the same block without."""
    if status is not None and not status.any():
        status = None
    flags = stamps.no_flags if status is None else status.astype(">i8").tobytes()
    head, tail = _meant(meaning)
    values = copying.int8s(raw)
    digest = hashlib.sha256(b"".join((salt, head, stamps.wire, raw.astype(">i8").tobytes(), flags))).digest()
    return b"".join(
        (
            _FIELDS,
            origin.meter,
            stamps.fields(channel, meaning),
            values,
            _NO_FLAGS if status is None else copying.int8s(status),
            tail,
            _DIGEST,
            digest,
            origin.received,
            origin.poll,
        )
    )


@lru_cache(maxsize=256)
def _meant(meaning: Meaning) -> tuple[bytes, bytes]:
    """What a digest begins with, and the fields of COPY from the scaler to the OBIS code."""
    return meaning.kind.encode() + _SCALE.pack(*meaning[2:]), b"".join(
        (copying.int2(meaning.scaler), copying.int2(meaning.unit), copying.text(meaning.obis))
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
