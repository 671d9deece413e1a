"""Where an index comes from: its reading, the profile that has it, the answers behind it, who entered it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from psycopg import Connection
from psycopg.rows import TupleRow

from model.bill import ClosingIndex
from model.period import Period

_CLOSED: Final = """
    SELECT m.id, c.closed_at FROM closing_index c JOIN meter m ON m.id = c.meter_id
    WHERE m.serial = %(serial)s AND c.channel = %(channel)s AND c.rate = %(rate)s AND c.at = %(at)s"""
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


@dataclass(frozen=True, slots=True)
class Entry:
    """Who entered an index by hand, when, and what was written down with it."""

    at: datetime
    login: str
    detail: dict[str, Any]


def closed_at(conn: Connection[TupleRow], index: ClosingIndex) -> datetime | None:
    """When an index was closed; None where none is for its register and instant."""
    row = conn.execute(_CLOSED, _asked(index)).fetchone()
    return None if row is None else row[1]


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
