"""Where an index comes from: its reading, the profile that has it, the answers behind it, who entered it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

import numpy as np
from numpy.typing import NDArray
from psycopg import Connection
from psycopg.rows import TupleRow

from model.bill import ClosingIndex
from model.period import Period
from model.quality import Quality
from model.series import Channel, ProfileKind, Rate
from storage import copying
from storage.block_rows import stamps_of

# What stood when a bill was issued: an index put right since then is kept as it was.
_STOOD: Final = """
    SELECT DISTINCT ON (m.serial, c.channel, c.rate, c.at) c.point, m.serial, c.channel, c.rate, c.at,
        c.raw, c.scaler, c.status, c.method, c.quality, c.closed_at
    FROM (SELECT point, meter_id, channel, rate, at, raw, scaler, status, method, quality, closed_at,
            'infinity'::timestamptz AS until FROM closing_index
        UNION ALL SELECT point, meter_id, channel, rate, at, raw, scaler, status, method, quality, closed_at,
            replaced_at FROM closing_index_past) c
    JOIN meter m ON m.id = c.meter_id
    WHERE c.point = %(point)s AND c.channel = ANY (%(channels)s)
    ORDER BY m.serial, c.channel, c.rate, c.at, c.until > %(issued)s DESC, c.until"""
_CARRIED: Final = """
    SELECT u.rate, sum(u.wh + u.carried_wh - u.kwh * 1000)
    FROM bill b JOIN bill_use u ON u.bill_id = b.id
    WHERE b.point = %(point)s AND b.to_at = %(at)s AND b.issued_at <= %(issued)s
      AND NOT EXISTS (SELECT FROM bill r WHERE r.corrects = b.id AND r.correction = 'replaces'
        AND r.issued_at <= %(issued)s)
    GROUP BY u.rate"""
_CORRECTED: Final = """
    SELECT coalesce(o.ordered_at, p.replaced_at), coalesce(o.ordered_by, p.put_right_by),
        jsonb_strip_nulls(jsonb_build_object('correction', o.id, 'reason', coalesce(o.reason, p.reason),
            'approved_by', o.approved_by, 'before', p.raw))
    FROM closing_index_past p JOIN meter m ON m.id = p.meter_id
    LEFT JOIN bill_correction o ON o.id = p.correction
    WHERE m.serial = %(serial)s AND p.channel = %(channel)s AND p.rate = %(rate)s AND p.at = %(at)s
    ORDER BY p.replaced_at DESC LIMIT 1"""
# The reading of the very instant first; of those of one instant that which was received first.
_READS: Final = """
    SELECT r.source, r.at, r.raw, r.scaler, r.received_at, r.poll_id, NULL::text, NULL::bytea
    FROM register_read r JOIN meter m ON m.id = r.meter_id
    WHERE m.serial = %(serial)s AND r.channel = %(channel)s AND r.rate = %(rate)s
      AND r.raw = %(raw)s AND r.scaler = %(scaler)s
      AND r.at BETWEEN %(at)s - %(within)s::interval AND %(at)s + %(within)s::interval
    ORDER BY abs(extract(epoch FROM r.at - %(at)s)), r.source, r.received_at"""
_PROFILES: Final = """
    SELECT 'load_profile', %(at)s::timestamptz, b.raw[b.slot], b.scaler, b.received_at, b.poll_id, b.obis,
        b.digest
    FROM (SELECT p.*, CASE WHEN instants IS NULL THEN
            CASE WHEN mod(extract(epoch FROM %(at)s - at)::bigint, interval_s) = 0
                 THEN extract(epoch FROM %(at)s - at)::bigint / interval_s + 1 END
            ELSE array_position(instants, %(at)s) END AS slot
        FROM profile_block p JOIN meter m ON m.id = p.meter_id
        WHERE m.serial = %(serial)s AND kind = 'index' AND channel = %(channel)s AND %(rate)s = 0
          AND at BETWEEN %(at)s - INTERVAL '32 days' AND %(at)s AND last >= %(at)s OFFSET 0) b
    WHERE b.slot IS NOT NULL AND b.raw[b.slot] = %(raw)s AND b.scaler = %(scaler)s
    ORDER BY b.received_at"""
_ANSWERS: Final = """
    SELECT a.id, a.poll_id, a.item, a.asked_from, a.asked_to, a.received_at, a.digest, a.raw
    FROM answer a JOIN meter m ON m.id = a.meter_id
    WHERE m.serial = %(serial)s AND a.poll_id = %(poll)s ORDER BY a.id"""
# The same bytes to the same question are kept once, with the poll that had them first.
_EARLIER: Final = """
    SELECT a.id, a.poll_id, a.item, a.asked_from, a.asked_to, a.received_at, a.digest, a.raw
    FROM answer a JOIN meter m ON m.id = a.meter_id
    WHERE m.serial = %(serial)s AND a.received_at <= %(before)s AND a.poll_id <> %(poll)s
      AND a.item = ANY (%(items)s)
    ORDER BY a.received_at DESC LIMIT %(limit)s"""
_BLOCKS: Final = """
    SELECT m.serial, b.channel, b.kind, b.interval_s, b.at, b.instants, b.raw, b.obis,
        encode(b.digest, 'hex'), b.poll_id
    FROM profile_block b JOIN meter m ON m.id = b.meter_id
    WHERE b.meter_id = ANY (%(meters)s) AND b.channel = %(channel)s AND b.at < %(end)s
      AND b.last >= %(start)s AND b.at >= %(start)s - INTERVAL '32 days'
    ORDER BY m.serial, b.at, b.received_at, b.digest"""
_ENTERED: Final = """
    SELECT at, login, detail FROM audit
    WHERE action = 'meter.index' AND object = %(serial)s AND (detail->>'at')::timestamptz = %(at)s
    ORDER BY at DESC LIMIT 1"""
_LOOKED_AT: Final = 500


@dataclass(frozen=True, slots=True)
class Reading:
    """A reading with the raw value of an index: raw × 10^scaler at its instant, and when it came in which
    poll (None: no conversation brought it). `source`: a `ReadingSource` value or `load_profile`, then with
    the OBIS code and the digest (SHA-256) of the block."""

    source: str
    at: datetime
    raw: int
    scaler: int
    received_at: datetime
    poll: UUID | None
    obis: str | None
    block_digest: bytes | None


@dataclass(frozen=True, slots=True)
class StoredAnswer:
    """An answer as it was kept. `digest` is what its SHA-256 was then."""

    id: int
    poll: UUID
    item: str
    asked: Period | None
    received_at: datetime
    digest: bytes
    raw: bytes


@dataclass(frozen=True, slots=True, eq=False)
class TracedBlock:
    """A profile block: int64[n] stamps (seconds since 1970) and raw values, its digest in hex, its poll."""

    serial: str
    channel: Channel
    kind: ProfileKind
    stamps: NDArray[np.int64]
    raw: NDArray[np.int64]
    obis: str
    digest: str
    poll: UUID


@dataclass(frozen=True, slots=True)
class Entry:
    """Who entered an index by hand, when, and what was written down with it."""

    at: datetime
    login: str
    detail: dict[str, Any]


def stood(conn: Connection[TupleRow], point: str, issued_at: datetime) -> list[tuple[ClosingIndex, datetime]]:
    """The indices of active and reactive import of a point as they stood when a bill was issued, each with
    when it was closed."""
    channels = [int(Channel.ACTIVE_IMPORT), int(Channel.REACTIVE_IMPORT)]
    asked = {"point": point, "channels": channels, "issued": issued_at}
    return [
        (
            ClosingIndex(
                name, serial, Channel(channel), Rate(rate), at, raw, scaler, status, method, Quality(quality)
            ),
            closed_at,
        )
        for name, serial, channel, rate, at, raw, scaler, status, method, quality, closed_at in conn.execute(
            _STOOD, asked
        )
    ]


def carried(conn: Connection[TupleRow], point: str, at: datetime, issued_at: datetime) -> dict[Rate, Decimal]:
    """Wh by register that the bills ending at `at` had left over by the time a bill was issued."""
    asked = {"point": point, "at": at, "issued": issued_at}
    return {Rate(rate): left for rate, left in conn.execute(_CARRIED, asked) if left}


def corrected(conn: Connection[TupleRow], index: ClosingIndex) -> Entry | None:
    """Who ordered that the index be put right, with who approved it and why; None where nobody did."""
    row = conn.execute(_CORRECTED, _asked(index)).fetchone()
    return None if row is None else Entry(*row)


def readings(conn: Connection[TupleRow], index: ClosingIndex, within: timedelta) -> list[Reading]:
    """What was read with this very value: registers up to `within` of its instant, the nearest first, and
    the indices of load profiles at it."""
    asked = {**_asked(index), "within": within}
    registers = [Reading(*row) for row in conn.execute(_READS, asked)]
    exact = [read for read in registers if read.at == index.at]
    profiles = [Reading(*row) for row in conn.execute(_PROFILES, asked)]
    return [*exact, *profiles, *(read for read in registers if read.at != index.at)]


def answers(conn: Connection[TupleRow], serial: str, poll: UUID) -> list[StoredAnswer]:
    """The answers of one conversation with a meter, in their order."""
    return [_answer(*row) for row in conn.execute(_ANSWERS, {"serial": serial, "poll": poll})]


def earlier_answers(
    conn: Connection[TupleRow], serial: str, poll: UUID, before: datetime, items: Collection[str]
) -> list[StoredAnswer]:
    """Answers about these items in other conversations with the meter, received up to an instant: the latest
    first, some hundreds at most."""
    asked = {
        "serial": serial, "poll": poll, "before": before, "items": list(items), "limit": _LOOKED_AT
    }  # fmt: skip
    return [_answer(*row) for row in conn.execute(_EARLIER, asked)]


def blocks(
    conn: Connection[TupleRow], meter_ids: Collection[int], channel: Channel, period: Period
) -> list[TracedBlock]:
    """The profile blocks of these meters that have a stamp in the period, by meter and first stamp."""
    asked = {
        "meters": list(meter_ids), "channel": int(channel), "start": period.start, "end": period.end
    }  # fmt: skip
    with conn.cursor(binary=True) as cursor:
        copying.read_arrays(cursor)
        return [
            TracedBlock(
                serial, Channel(number), ProfileKind(kind), stamps_of(at, interval_s, instants, len(raw)),
                raw, *rest,
            )
            for serial, number, kind, interval_s, at, instants, raw, *rest in cursor.execute(_BLOCKS, asked)
        ]  # fmt: skip


def entered(conn: Connection[TupleRow], serial: str, at: datetime) -> Entry | None:
    """Who entered the index of a meter at an instant, the last one; None where nobody did."""
    row = conn.execute(_ENTERED, {"serial": serial, "at": at}).fetchone()
    return None if row is None else Entry(*row)


def _answer(
    number: int, poll: UUID, item: str, start: datetime | None, end: datetime | None, *rest: Any
) -> StoredAnswer:
    asked = Period(start, end) if start is not None and end is not None and start < end else None
    received_at, digest, raw = rest
    return StoredAnswer(number, poll, item, asked, received_at, bytes(digest), bytes(raw))


def _asked(index: ClosingIndex) -> dict[str, Any]:
    return {
        "serial": index.serial,
        "channel": int(index.channel),
        "rate": int(index.rate),
        "at": index.at,
        "raw": index.raw,
        "scaler": index.scaler,
    }
