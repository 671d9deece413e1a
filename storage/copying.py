"""PostgreSQL's binary COPY, written and read with numpy.

One field is its length (int32) and its bytes, big-endian; a row is the number of fields (int16) before
them; a stream has a header and a trailer (PostgreSQL manual, COPY, "Binary Format"). An array is its
dimensions, a null flag, the element's type, then per dimension its size and lower bound, then the elements
as fields (array_send in PostgreSQL's arrayfuncs.c). Instants are microseconds since 2000-01-01 UTC, days
are days since then.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from psycopg import AsyncCursor, Cursor
from psycopg.abc import Buffer
from psycopg.adapt import Loader
from psycopg.pq import Format

HEADER: Final = b"PGCOPY\n\xff\r\n\0" + struct.pack(">ii", 0, 0)
TRAILER: Final = struct.pack(">h", -1)
NULL: Final = struct.pack(">i", -1)

_EPOCH: Final = datetime(2000, 1, 1, tzinfo=UTC)
EPOCH_S: Final = 946_684_800
"""2000-01-01 UTC in seconds since 1970."""
EPOCH_DAY: Final = np.datetime64("2000-01-01", "D")
_MICROSECOND: Final = timedelta(microseconds=1)

_INT2, _INT4, _INT8 = struct.Struct(">ih"), struct.Struct(">ii"), struct.Struct(">iq")
_LENGTH, _COUNT = struct.Struct(">i"), struct.Struct(">h")
_ARRAY, _NO_ELEMENTS = struct.Struct(">iiIii"), struct.Struct(">iiI")
_OID_INT4, _OID_INT8, _OID_INSTANT = 23, 20, 1184

Ints = NDArray[np.int64]
_CELL: Final = np.dtype([("length", ">i4"), ("value", ">i8")])
NO_INTS: Final[Ints] = np.empty(0, np.int64)


def int2(value: int) -> bytes:
    return _INT2.pack(2, value)


def int4(value: int) -> bytes:
    return _INT4.pack(4, value)


def int8(value: int) -> bytes:
    return _INT8.pack(8, value)


def boolean(value: bool) -> bytes:
    return b"\0\0\0\1\1" if value else b"\0\0\0\1\0"


def blob(value: bytes) -> bytes:
    """A bytea, or a text already encoded."""
    return _LENGTH.pack(len(value)) + value


def text(value: str) -> bytes:
    """A text. PostgreSQL knows no NUL and no half of a pair in one: they are shown instead, so that a meter's
    nonsense cannot stop what comes after it."""
    return blob(value.replace("\0", "␀").encode(errors="backslashreplace"))


def micros(at: datetime) -> int:
    """An aware instant in microseconds since 2000-01-01 UTC, exactly."""
    return (at - _EPOCH) // _MICROSECOND


def instant(at: datetime | None) -> bytes:
    return NULL if at is None else int8(micros(at))


def float8(value: float | None) -> bytes:
    return NULL if value is None else struct.pack(">id", 8, value)


def float4(value: float | None) -> bytes:
    return NULL if value is None else struct.pack(">if", 4, value)


def float4s(values: Sequence[float | None]) -> bytes:
    """A real[] of one dimension, with NULL for None."""
    body = struct.pack(">iiIii", 1, int(None in values), 700, len(values), 1) + b"".join(map(float4, values))
    return blob(body)


def int8s(values: Ints) -> bytes:
    """A bigint[]."""
    return _array(values, _OID_INT8)


def instants(micros_: Ints) -> bytes:
    """A timestamptz[] of microseconds since 2000-01-01 UTC."""
    return _array(micros_, _OID_INSTANT)


def _array(values: Ints, oid: int) -> bytes:
    if not len(values):
        return blob(_NO_ELEMENTS.pack(0, 0, oid))
    cells = np.empty(len(values), _CELL)
    cells["length"] = 8
    cells["value"] = values
    body = cells.tobytes()
    return b"".join((_LENGTH.pack(_ARRAY.size + len(body)), _ARRAY.pack(1, 0, oid, len(values), 1), body))


def row(*fields: bytes) -> bytes:
    return _COUNT.pack(len(fields)) + b"".join(fields)


def stream(rows: Sequence[bytes]) -> bytes:
    """A whole COPY stream."""
    return b"".join((HEADER, *rows, TRAILER))


# -- reading: integer arrays straight into numpy


class _Array(Loader):
    format = Format.BINARY
    width = ">i4"

    def load(self, data: Buffer) -> Any:
        view = memoryview(data)
        if len(view) == _NO_ELEMENTS.size:
            return np.empty(0, self.width[1:])
        cells = np.frombuffer(view[_ARRAY.size :], [("length", ">i4"), ("value", self.width)])
        return cells["value"].astype(self.width[1:])


class Int4Array(_Array):
    """integer[] without NULLs as int32[n]."""


class Int8Array(_Array):
    """bigint[] without NULLs as int64[n]; a timestamptz[] likewise, in microseconds since 2000-01-01 UTC."""

    width = ">i8"


class Bytes(Loader):
    """bytea as uint8[n]."""

    format = Format.BINARY

    def load(self, data: Buffer) -> Any:
        return np.frombuffer(bytes(data), np.uint8)


# pg_type: _int4, _int8, _timestamptz, bytea
_LOADERS: Final[dict[int, type[Loader]]] = {1007: Int4Array, 1016: Int8Array, 1185: Int8Array, 17: Bytes}


def read_arrays(cursor: Cursor[Any] | AsyncCursor[Any]) -> None:
    """Let the cursor's binary results come as numpy arrays where they are integer arrays or bytea."""
    for oid, loader in _LOADERS.items():
        cursor.adapters.register_loader(oid, loader)
