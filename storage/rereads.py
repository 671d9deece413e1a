"""What a meter says again: rows that are there already are left out, rows that differ stand beside the first.

A head-end that died with answers in its spool and the one that took over may both bring the same half-hours,
cut differently. Evidence has each of them once; the answers' bytes keep the rest.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from psycopg import AsyncConnection
from psycopg.rows import TupleRow
from psycopg.types.json import Jsonb

from model.period import LOCAL, local_day
from model.quality import Severity
from storage import block_rows, copying
from storage.copying import EPOCH_S, Ints
from storage.evidence_rows import Batch

# The span of a batch is said as constants, so that chunks are chosen when the statement is planned, each time
# (`prepare=False`): chosen anew for each block (ChunkAppend), that takes longer than all the rest.
_PLANNED: Final = "SET LOCAL timescaledb.enable_chunk_append = off"
# Stored blocks that have a stamp's room in common with an incoming one. Most are a day long at most and lie
# close together in the index by `at`; longer ones that begin before have an index of their own. OFFSET 0
# keeps the planner, which knows nothing of a temporary table, from reading every block there is.
_BESIDE: Final = """
    (SELECT * FROM profile_block b
    WHERE b.meter_id = n.meter_id AND b.channel = n.channel AND b.obis = n.obis
      AND b.at BETWEEN n.at - INTERVAL '1 day' AND n.last AND b.last >= n.at
      AND b.at BETWEEN %(begin)s - INTERVAL '1 day' AND %(end)s
    UNION ALL
    SELECT * FROM profile_block b
    WHERE b.meter_id = n.meter_id AND b.channel = n.channel AND b.obis = n.obis
      AND b.at >= n.at - INTERVAL '32 days' AND b.at < n.at - INTERVAL '1 day'
      AND b.at BETWEEN %(begin)s - INTERVAL '32 days' AND %(end)s
      AND b.last BETWEEN n.at AND n.at + INTERVAL '31 days'
      AND (b.instants IS NOT NULL OR cardinality(b.raw) * b.interval_s > 86400)
    OFFSET 0) o"""
# Whether anything is stored between the first and the last stamp of what is brought of a meter's channel.
_ANY: Final = (
    """
    SELECT EXISTS (SELECT FROM (
        SELECT meter_id, channel, obis, min(at) AS at, max(last) AS last FROM incoming_block
        GROUP BY meter_id, channel, obis) n CROSS JOIN LATERAL """
    + _BESIDE
    + ")"
)
# What was brought before as it is, and not unsaid since, is looked up by its key and need not be compared row
# by row.
_THE_SAME: Final = (
    """
    DELETE FROM incoming_block n WHERE EXISTS (
        SELECT FROM profile_block b WHERE b.meter_id = n.meter_id AND b.channel = n.channel
          AND b.obis = n.obis AND b.at = n.at AND b.digest = n.digest
          AND b.at BETWEEN %(begin)s AND %(end)s
          AND (b.received_at >= n.received_at OR NOT EXISTS (SELECT FROM """
    + _BESIDE
    + """
            WHERE o.digest <> n.digest AND o.received_at BETWEEN b.received_at AND n.received_at))
        OFFSET 0)"""
)
_OVERLAPPING: Final = (
    """
    SELECT n.meter_id, n.channel, n.obis, n.at, n.digest, n.kind, n.interval_s, n.scaler, n.unit,
        n.instants, n.raw, n.status, n.received_at, n.poll_id,
        o.at, o.kind, o.interval_s, o.scaler, o.unit, o.instants, o.raw, o.status, o.received_at
    FROM incoming_block n CROSS JOIN LATERAL """
    + _BESIDE
    + """
    UNION ALL
    SELECT n.meter_id, n.channel, n.obis, n.at, n.digest, n.kind, n.interval_s, n.scaler, n.unit,
        n.instants, n.raw, n.status, n.received_at, n.poll_id,
        o.at, o.kind, o.interval_s, o.scaler, o.unit, o.instants, o.raw, o.status, o.received_at
    FROM incoming_block n JOIN incoming_block o USING (meter_id, channel, obis)
    WHERE o.at <= n.last AND o.last >= n.at AND (o.at, o.digest) < (n.at, n.digest)"""
)
_FORGET: Final = """
    DELETE FROM incoming_block n USING unnest(%s::integer[], %s::smallint[], %s::text[], %s::timestamptz[],
        %s::bytea[]) AS gone (meter_id, channel, obis, at, digest)
    WHERE (n.meter_id, n.channel, n.obis, n.at, n.digest)
        = (gone.meter_id, gone.channel, gone.obis, gone.at, gone.digest)"""
_FINDING: Final = """
    INSERT INTO finding (meter_id, day, kind, severity, detail, origin)
    SELECT meter_id, day, 'differing_reread', %s, detail, 'evidence'
    FROM unnest(%s::integer[], %s::date[], %s::jsonb[]) AS new (meter_id, day, detail)
    ORDER BY meter_id, day ON CONFLICT (meter_id, day, kind) DO NOTHING"""

_NEVER: Final = np.iinfo(np.int64).min

Key = tuple[int, int, str, datetime, bytes]
"""Meter, channel, OBIS, first stamp, digest of a block."""
Slots = defaultdict[tuple[int, date], dict[int, tuple[int, int, int]]]
"""By meter and day: stamp → channel, what was stored, what was read."""


class Block(NamedTuple):
    """A block's columns that say what it means, and its rows."""

    at: datetime
    kind: str
    interval_s: int
    scaler: int
    unit: int
    instants: Ints | None
    raw: Ints
    status: Ints

    @property
    def stamps(self) -> Ints:
        """Microseconds since 2000-01-01 UTC: int64[n]."""
        return copying.micros(self.at) + self._steps() if self.instants is None else self.instants

    def _steps(self) -> Ints:
        return self.interval_s * 1_000_000 * np.arange(len(self.raw), dtype=np.int64)

    @property
    def statuses(self) -> Ints:
        """int64[n]; an empty column says that all are 0."""
        return self.status if len(self.status) else np.zeros(len(self.raw), np.int64)


@dataclass(slots=True)
class _Sifted:
    """One incoming block, and when its rows were last said elsewhere, in microseconds: `same_at` the same,
    `other_at` something else before it; `_NEVER` where it was not."""

    block: Block
    received_at: datetime
    poll_id: Any
    same_at: Ints
    other_at: Ints
    differs: dict[int, tuple[int, int]] = field(default_factory=dict)  # row → what was stored, what was read

    @classmethod
    def of(cls, block: Block, received_at: datetime, poll_id: Any) -> _Sifted:
        never = np.full(len(block.raw), _NEVER)
        return cls(block, received_at, poll_id, never, never.copy())

    @property
    def known(self) -> NDArray[np.bool_]:
        """Rows that need not be stored: said since, or the last word before."""
        return (self.same_at >= copying.micros(self.received_at)) | (self.same_at > self.other_at)

    @property
    def returns(self) -> bool:
        """Whether it says again what something else was said instead of in between."""
        return bool(((self.same_at > _NEVER) & ~self.known).any())


async def sift(conn: AsyncConnection[TupleRow], batch: Batch) -> int:
    """Leave in `incoming_block`, where the batch's blocks are, what the store has not got, before it is
    taken.

    A row that says something else of a stamp stays and leaves a finding; returns how many blocks have such.
    """
    span = {"begin": batch.span.start, "end": batch.span.end}
    await conn.execute(_PLANNED)
    if not batch.crossed:
        any_ = await (await conn.execute(_ANY, span, prepare=False)).fetchone()
        if any_ == (False,):
            return 0
    found: dict[Key, _Sifted] = {}
    if (await conn.execute(_THE_SAME, span, prepare=False)).rowcount == len(batch.blocks):
        return 0
    async with conn.cursor(binary=True) as cursor:
        copying.read_arrays(cursor)
        await cursor.execute(_OVERLAPPING, span, prepare=False)
        async for meter_id, channel, obis, at, digest, *values in cursor:
            key = (meter_id, channel, obis, at, bytes(digest))
            block, other = Block(at, *values[:7]), Block(*values[9:17])
            sifted = found.get(key)
            if sifted is None:
                sifted = found[key] = _Sifted.of(block, values[7], values[8])
            _compare(sifted, other, values[17])
    if not found:
        return 0
    await _shorten(conn, found)
    return await _tell(conn, found)


def _compare(sifted: _Sifted, other: Block, said_at: datetime) -> None:
    block = sifted.block
    if block.kind != other.kind:
        return
    stamps = block.stamps
    _, new, old = np.intersect1d(stamps, other.stamps, assume_unique=True, return_indices=True)
    same = block.raw[new] == other.raw[old]
    if (block.scaler, block.unit) != (other.scaler, other.unit):
        same[:] = False
    differ = ~same
    for i, j in zip(new[differ].tolist(), old[differ].tolist(), strict=True):
        sifted.differs.setdefault(i, (int(other.raw[j]), int(block.raw[i])))
    same &= (block.interval_s == other.interval_s) & (block.statuses[new] == other.statuses[old])
    at, rows = copying.micros(said_at), new[same]
    sifted.same_at[rows] = np.maximum(sifted.same_at[rows], at)
    if said_at < sifted.received_at:
        rows = new[~same]
        sifted.other_at[rows] = np.maximum(sifted.other_at[rows], at)


async def _shorten(conn: AsyncConnection[TupleRow], found: dict[Key, _Sifted]) -> None:
    """Put what is new of the blocks in their place."""
    partly = {key: one for key, one in found.items() if one.known.any() or one.returns}
    if not partly:
        return
    await conn.execute(_FORGET, [list(column) for column in zip(*partly, strict=True)])
    rows = []
    for (meter_id, channel, obis, _, _), one in partly.items():
        new, block = ~one.known, one.block
        if new.any():
            meaning = block_rows.Meaning(
                block.kind, obis, block.interval_s * 1_000_000, block.scaler, block.unit
            )
            origin = block_rows.Origin(
                copying.int4(meter_id), copying.instant(one.received_at), copying.blob(one.poll_id.bytes)
            )
            kept = (block_rows.Stamps(block.stamps[new]), block.raw[new], block.statuses[new])
            # The key holds a thing once: what is said again has its poll in the digest.
            salt = one.poll_id.bytes if one.returns else b""
            rows.append(block_rows.encode(origin, channel, meaning, *kept, salt))
    if rows:
        await block_rows.bring(conn, rows)


async def _tell(conn: AsyncConnection[TupleRow], found: dict[Key, _Sifted]) -> int:
    """Findings for what differs and was not known before."""
    slots: Slots = defaultdict(dict)
    differing = 0
    for (meter_id, channel, *_), one in found.items():
        stamps = one.block.stamps
        fresh = {row: said for row, said in one.differs.items() if not one.known[row]}
        differing += bool(fresh)
        for row, (stored, read) in fresh.items():
            second = int(stamps[row]) // 1_000_000 + EPOCH_S
            day = local_day(datetime.fromtimestamp(second, LOCAL))
            slots[meter_id, day].setdefault(second, (channel, stored, read))
    if slots:
        meters, days = zip(*sorted(slots), strict=True)
        details = [Jsonb(_detail(slots[key])) for key in sorted(slots)]
        await conn.execute(_FINDING, [Severity.AMBER, list(meters), list(days), details])
    return differing


def _detail(slots: dict[int, tuple[int, int, int]]) -> dict[str, int | str]:
    first = min(slots)
    channel, stored, read = slots[first]
    at = datetime.fromtimestamp(first, LOCAL).isoformat()
    return {"slots": len(slots), "first": at, "channel": channel, "stored": stored, "read": read}
