"""Days out of the store by binary COPY: what lies alike, one row after the other, is read in one piece.

A row of 48 half-hours is 496 bytes, each at its place; only where the number of slots changes, or whether
methods are kept, does another piece begin.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import Any, Final, LiteralString

import numpy as np
from numpy.typing import NDArray
from psycopg import Connection
from psycopg.rows import TupleRow

from storage.copying import HEADER, TRAILER

COLUMNS: Final = "meter_id, day, interval_s, scaler, energy, quality, coalesce(method, '')"
"""What a statement selects, in this order, of `profile_day`."""
_EPOCH: Final = date(2000, 1, 1).toordinal()
_ENERGY_AT: Final = 32  # bytes from a row's beginning to its energy's length
_EMPTY: Final = 12  # bytes of an array without elements
_LOOK: Final = 32  # rows that are looked at first when a piece begins; four times as many each time
_FRAME: Final = (
    "fields", "meter_bytes", "day_bytes", "interval_bytes", "scaler_bytes", "energy_bytes", "quality_bytes",
    "method_bytes",
)  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class Days:
    """n days of as many slots: `meter_id` int32[n], `day` int32[n] (`date.toordinal`), `interval_s` int32[n],
    `scaler` int16[n], `energy` int32[n, slots], `quality` uint8[n, slots], `method` likewise or None where
    none is kept."""

    meter_id: NDArray[np.int32]
    day: NDArray[np.int32]
    interval_s: NDArray[np.int32]
    scaler: NDArray[np.int16]
    energy: NDArray[np.int32]
    quality: NDArray[np.uint8]
    method: NDArray[np.uint8] | None

    def __len__(self) -> int:
        return len(self.day)

    def of(self, chosen: NDArray[np.bool_]) -> Days:
        """Those that are chosen."""
        return Days(
            self.meter_id[chosen],
            self.day[chosen],
            self.interval_s[chosen],
            self.scaler[chosen],
            self.energy[chosen],
            self.quality[chosen],
            None if self.method is None else self.method[chosen],
        )

    def layouts(self) -> Iterator[tuple[int, int, Days]]:
        """By interval in seconds and scaler."""
        for interval_s, scaler in np.unique(np.stack([self.interval_s, self.scaler]), axis=1).T.tolist():
            yield interval_s, scaler, self.of((self.interval_s == interval_s) & (self.scaler == scaler))


def read(conn: Connection[TupleRow], select: LiteralString, given: dict[str, Any]) -> Iterator[Days]:
    """The rows that `select` (of `COLUMNS`) finds, in its order, in pieces of one number of slots."""
    with conn.cursor() as cursor:
        copy_out: LiteralString = "COPY (" + select + ") TO STDOUT (FORMAT binary)"
        with cursor.copy(copy_out, given) as copy:
            raw = b"".join(copy)
    return pieces(raw)


def pieces(raw: bytes) -> Iterator[Days]:
    """A whole COPY stream of `COLUMNS`."""
    at, end = len(HEADER), len(raw) - len(TRAILER)
    while at < end:
        (energy_bytes,) = struct.unpack_from(">i", raw, at + _ENERGY_AT)
        quality_at = at + _ENERGY_AT + 4 + energy_bytes
        (slots,) = struct.unpack_from(">i", raw, quality_at)
        (methods,) = struct.unpack_from(">i", raw, quality_at + 4 + slots)
        layout = _layout(slots, methods)
        whole, count, look = (end - at) // layout.itemsize, 0, _LOOK
        while count < whole:
            rows = np.frombuffer(raw, layout, min(look, whole - count), at + count * layout.itemsize)
            alike = np.logical_and.reduce([rows[name] == _shape(layout)[name] for name in _FRAME])
            if not alike.all():
                count += int(alike.argmin())
                break
            count, look = count + len(rows), 4 * look
        rows = np.frombuffer(raw, layout, count, at)
        at += count * layout.itemsize
        yield Days(
            rows["meter"].astype(np.int32),
            (rows["day"] + _EPOCH).astype(np.int32),
            rows["interval_s"].astype(np.int32),
            rows["scaler"].astype(np.int16),
            rows["energy"]["value"].astype(np.int32),
            rows["quality"],
            rows["method"] if methods else None,
        )


@cache
def _layout(slots: int, methods: int) -> np.dtype[Any]:
    """A row of so many slots (array_send in PostgreSQL's arrayfuncs.c writes no bounds of an empty array)."""
    bounds = [("slots", ">i4"), ("lower", ">i4")] if slots else []
    return np.dtype(
        [
            ("fields", ">i2"),
            ("meter_bytes", ">i4"), ("meter", ">i4"),
            ("day_bytes", ">i4"), ("day", ">i4"),
            ("interval_bytes", ">i4"), ("interval_s", ">i4"),
            ("scaler_bytes", ">i4"), ("scaler", ">i2"),
            ("energy_bytes", ">i4"), ("dimensions", ">i4"), ("nulls", ">i4"), ("type", ">i4"), *bounds,
            ("energy", [("bytes", ">i4"), ("value", ">i4")], (slots,)),
            ("quality_bytes", ">i4"), ("quality", np.uint8, (slots,)),
            ("method_bytes", ">i4"), ("method", np.uint8, (methods,)),
        ]
    )  # fmt: skip


@cache
def _shape(layout: np.dtype[Any]) -> dict[str, int]:
    """What the lengths of a row of this layout are."""
    slots, methods = layout["quality"].shape[0], layout["method"].shape[0]
    energy = 20 + 8 * slots if slots else _EMPTY
    return dict(zip(_FRAME, (7, 4, 4, 4, 2, energy, slots, methods), strict=True))
