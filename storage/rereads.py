"""A meter that says something else of the same stamps: both are kept, and a finding says so."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from datetime import date, datetime
from typing import Any, Final

import numpy as np
from psycopg import AsyncConnection
from psycopg.rows import TupleRow
from psycopg.types.json import Jsonb

from model.period import LOCAL, local_day
from model.quality import Severity
from storage import copying
from storage.copying import EPOCH_S, Ints

Key = tuple[int, int, str, datetime, bytes]
"""Meter, channel, OBIS, first stamp, digest of a block."""

# OFFSET 0 keeps the planner, which knows nothing of a temporary table, from reading every block there is.
_OVERLAPPING: Final = """
    SELECT n.meter_id, n.channel, n.obis, n.at, n.digest, o.at, o.digest,
        n.interval_s, n.instants, n.raw, n.scaler, n.unit, n.kind,
        o.interval_s, o.instants, o.raw, o.scaler, o.unit, o.kind
    FROM incoming_block n CROSS JOIN LATERAL (
        SELECT * FROM profile_block b
        WHERE b.meter_id = n.meter_id AND b.channel = n.channel AND b.obis = n.obis
          AND b.at BETWEEN n.at - INTERVAL '32 days' AND n.last AND b.last >= n.at AND b.digest <> n.digest
        OFFSET 0) o"""
_FINDING: Final = """
    INSERT INTO finding (meter_id, day, kind, severity, detail, origin)
    SELECT meter_id, day, 'differing_reread', %s, detail, 'evidence'
    FROM unnest(%s::integer[], %s::date[], %s::jsonb[]) AS new (meter_id, day, detail)
    ORDER BY meter_id, day ON CONFLICT (meter_id, day, kind) DO NOTHING"""


def stamps_of(at: datetime, interval_s: int, instants: Ints | None, count: int) -> Ints:
    """The stamps of a stored block in seconds since 1970: int64[count]."""
    if instants is not None:
        return instants // 1_000_000 + EPOCH_S
    return round(at.timestamp()) + interval_s * np.arange(count, dtype=np.int64)


async def note(conn: AsyncConnection[TupleRow], fresh: Collection[Key]) -> int:
    """Compare the blocks just taken from `incoming_block` with those stored before; how many of them
    differ."""
    differing: set[Key] = set()
    slots: defaultdict[tuple[int, date], dict[int, tuple[int, int, int]]] = defaultdict(dict)
    async with conn.cursor(binary=True) as cursor:
        copying.read_arrays(cursor)
        await cursor.execute(_OVERLAPPING)
        async for meter_id, channel, obis, at, digest, old_at, old_digest, *values in cursor:
            key = (meter_id, channel, obis, at, bytes(digest))
            rival = (meter_id, channel, obis, old_at, bytes(old_digest))
            if key not in fresh or (rival in fresh and rival > key):
                continue  # stored before, or the other of two that came together is to be blamed
            for stamp, stored, read in _contradictions(at, old_at, *values):
                differing.add(key)
                day = local_day(datetime.fromtimestamp(stamp, LOCAL))
                slots[meter_id, day].setdefault(stamp, (channel, stored, read))
    if slots:
        meters, days = zip(*sorted(slots), strict=True)
        details = [Jsonb(_detail(slots[key])) for key in sorted(slots)]
        await conn.execute(_FINDING, [Severity.AMBER, list(meters), list(days), details])
    return len(differing)


def _contradictions(
    at: datetime,
    old_at: datetime,
    interval_s: int,
    instants: Ints | None,
    raw: Ints,
    scaler: int,
    unit: int,
    kind: str,
    *stored: Any,
) -> list[tuple[int, int, int]]:
    """Stamps that both have with other values: (seconds, what was stored, what was read)."""
    old_interval_s, old_instants, old_raw, old_scaler, old_unit, old_kind = stored
    if kind != old_kind:
        return []
    _, new, old = np.intersect1d(
        stamps := stamps_of(at, interval_s, instants, len(raw)),
        stamps_of(old_at, old_interval_s, old_instants, len(old_raw)),
        assume_unique=True,
        return_indices=True,
    )
    other = raw[new] != old_raw[old]
    if (scaler, unit) != (old_scaler, old_unit):
        other[:] = True
    return [
        (int(stamps[i]), int(old_raw[j]), int(raw[i])) for i, j in zip(new[other], old[other], strict=True)
    ]


def _detail(slots: dict[int, tuple[int, int, int]]) -> dict[str, int | str]:
    first = min(slots)
    channel, stored, read = slots[first]
    at = datetime.fromtimestamp(first, LOCAL).isoformat()
    return {"slots": len(slots), "first": at, "channel": channel, "stored": stored, "read": read}
