"""What meters said, appended: each answer with its bytes, each value once, however often it is brought."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final, LiteralString

from psycopg import AsyncConnection
from psycopg.rows import TupleRow

from model.period import local_day
from storage import block_rows, copying, rereads
from storage.evidence_rows import Batch, Brought, Incoming, encode, encode_blocks

_INCOMING: Final = """
    CREATE TEMP TABLE IF NOT EXISTS incoming_poll (LIKE poll) ON COMMIT DELETE ROWS;
    CREATE TEMP TABLE IF NOT EXISTS incoming_answer (meter_id integer, poll_id uuid, item text,
        asked_from timestamptz, asked_to timestamptz, complete boolean, received_at timestamptz,
        digest bytea, raw bytea COMPRESSION lz4) ON COMMIT DELETE ROWS;
    CREATE TEMP TABLE IF NOT EXISTS incoming_rejected (meter_id integer, modem text, poll_id uuid, item text,
        asked_from timestamptz, asked_to timestamptz, received_at timestamptz, reason text, raw bytea,
        digest bytea) ON COMMIT DELETE ROWS;
    CREATE TEMP TABLE IF NOT EXISTS incoming_block (LIKE profile_block INCLUDING COMPRESSION)
        ON COMMIT DELETE ROWS;
    CREATE TEMP TABLE IF NOT EXISTS incoming_register (LIKE register_read) ON COMMIT DELETE ROWS;
    CREATE TEMP TABLE IF NOT EXISTS incoming_instant (LIKE instant_read) ON COMMIT DELETE ROWS;
    CREATE TEMP TABLE IF NOT EXISTS incoming_event (LIKE meter_event) ON COMMIT DELETE ROWS;
    DELETE FROM incoming_poll; DELETE FROM incoming_answer; DELETE FROM incoming_rejected;
    DELETE FROM incoming_block; DELETE FROM incoming_register; DELETE FROM incoming_instant;
    DELETE FROM incoming_event"""

# Two head-ends that bring the same meter's answers at the same time do so one after the other.
_ALONE: Final = "SELECT FROM meter WHERE id = ANY (%s) ORDER BY id FOR NO KEY UPDATE"
_COPY_POLL: Final = "COPY incoming_poll FROM STDIN (FORMAT binary)"
_COPY_ANSWER: Final = "COPY incoming_answer FROM STDIN (FORMAT binary)"
_COPY_REJECTED: Final = "COPY incoming_rejected FROM STDIN (FORMAT binary)"
_COPY_REGISTER: Final = "COPY incoming_register FROM STDIN (FORMAT binary)"
_COPY_INSTANT: Final = "COPY incoming_instant FROM STDIN (FORMAT binary)"
_COPY_EVENT: Final = "COPY incoming_event FROM STDIN (FORMAT binary)"

# Each in the order of its key, so that two writers never wait for each other crosswise.
_TAKE_POLL: Final = """
    INSERT INTO poll SELECT * FROM incoming_poll ORDER BY id ON CONFLICT (id) DO NOTHING"""
# The same bytes may have been judged incomplete before: a later, better judgement stands.
_TAKE_ANSWER: Final = """
    INSERT INTO answer (meter_id, poll_id, item, asked_from, asked_to, complete, received_at, digest, raw)
    SELECT DISTINCT ON (meter_id, item, asked_from, asked_to, digest)
        meter_id, poll_id, item, asked_from, asked_to, complete, received_at, digest, raw
    FROM incoming_answer
    ORDER BY meter_id, item, asked_from, asked_to, digest, complete DESC, received_at
    ON CONFLICT (meter_id, item, asked_from, asked_to, digest)
        DO UPDATE SET complete = true WHERE NOT answer.complete AND excluded.complete
    RETURNING xmax = 0"""
_TAKE_ANSWERED: Final = """
    INSERT INTO answered AS old (meter_id, item, spans)
    SELECT meter_id, item, range_agg(tstzrange(asked_from, asked_to)) FROM incoming_answer
    WHERE complete AND asked_from < asked_to GROUP BY meter_id, item ORDER BY meter_id, item
    ON CONFLICT (meter_id, item) DO UPDATE SET spans = old.spans + excluded.spans
        WHERE NOT old.spans @> excluded.spans"""
_TAKE_REJECTED: Final = """
    INSERT INTO rejected_frame (meter_id, modem, poll_id, item, asked_from, asked_to, received_at, reason,
        raw, digest)
    SELECT meter_id, modem, poll_id, item, asked_from, asked_to, received_at, reason, raw, digest
    FROM incoming_rejected ORDER BY poll_id, item, digest, reason
    ON CONFLICT (poll_id, item, digest, reason) DO NOTHING"""
_TAKE_BLOCK: Final = """
    INSERT INTO profile_block SELECT * FROM incoming_block ORDER BY meter_id, channel, obis, at, digest
    ON CONFLICT (meter_id, channel, obis, at, digest) DO NOTHING
    RETURNING meter_id, at, last, kind = 'index'"""
_TAKE_REGISTER: Final = """
    INSERT INTO register_read SELECT * FROM incoming_register
    ORDER BY meter_id, channel, rate, at, source, raw, scaler
    ON CONFLICT (meter_id, channel, rate, at, source, raw, scaler) DO NOTHING
    RETURNING meter_id, at"""
_TAKE_INSTANT: Final = """
    INSERT INTO instant_read SELECT * FROM incoming_instant ORDER BY meter_id, at
    ON CONFLICT (meter_id, at) DO NOTHING"""
_TAKE_EVENT: Final = """
    INSERT INTO meter_event SELECT * FROM incoming_event ORDER BY meter_id, at, code
    ON CONFLICT (meter_id, at, code) DO NOTHING"""
# For the rules (storage.watched): an event at once, voltages and currents as one moment of an hour.
_WATCH_EVENTS: Final = """
    INSERT INTO watch_due (meter_id, soon) SELECT DISTINCT meter_id, true FROM incoming_event ORDER BY 1"""
_WATCH_INSTANTS: Final = """
    INSERT INTO watch_due (meter_id, soon) SELECT DISTINCT meter_id, false FROM incoming_instant i
    WHERE NOT EXISTS (SELECT FROM watch_due w WHERE w.meter_id = i.meter_id
        AND w.since > clock_timestamp() - interval '1 hour') ORDER BY 1"""
_CONTACT: Final = """
    WITH heard AS MATERIALIZED (
        SELECT modem.code, new.at FROM unnest(%s::text[], %s::timestamptz[]) AS new (code, at)
        JOIN modem USING (code) ORDER BY modem.code FOR UPDATE OF modem)
    UPDATE modem SET last_contact = heard.at FROM heard
    WHERE modem.code = heard.code AND (modem.last_contact IS NULL OR modem.last_contact < heard.at)"""
# The server's clock, for what arrives while a day is validated must move it: ours may stand still.
_DUE: Final = """
    INSERT INTO validation_due (meter_id, day, since)
    SELECT meter_id, day, clock_timestamp() FROM unnest(%s::integer[], %s::date[]) AS new (meter_id, day)
    ORDER BY meter_id, day
    ON CONFLICT (meter_id, day) DO UPDATE SET since = excluded.since"""

_INSTANT_BEFORE: Final = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class StoreCounts:
    """What a batch added. `identical` blocks were there already; `differing` ones (counted among `blocks`)
    say something else than an earlier reading of the same stamps; of a block that was there in part, only
    the new rows are added."""

    answers: int = 0
    blocks: int = 0
    identical: int = 0
    differing: int = 0
    registers: int = 0
    instants: int = 0
    events: int = 0
    rejected: int = 0
    polls: int = 0


async def store(conn: AsyncConnection[TupleRow], readouts: Sequence[Incoming]) -> StoreCounts:
    """Append the readouts, each with its meter, its modem and when it was received; all of them or none.

    What is there already is left alone, so that a batch may be brought again. A block that contradicts an
    earlier one is appended as well and leaves a finding. Days touched by something new become due for
    validation. What no column can hold goes to rejected_frame with its bytes. The caller commits.
    """
    batch = encode(readouts)
    async with conn.transaction():
        await conn.execute(_INCOMING)
        await conn.execute(_ALONE, [sorted({meter for meter, *_ in readouts})])
        polls = await _bring(conn, _COPY_POLL, batch.polls, _TAKE_POLL)
        answers = await _answers(conn, batch)
        rejected = await _bring(conn, _COPY_REJECTED, batch.rejected, _TAKE_REJECTED)
        instants = await _bring(conn, _COPY_INSTANT, batch.instants, _TAKE_INSTANT)
        events = await _bring(conn, _COPY_EVENT, batch.events, _TAKE_EVENT)
        if instants:
            await conn.execute(_WATCH_INSTANTS)
        if events:
            await conn.execute(_WATCH_EVENTS)
        due: set[tuple[int, date]] = set()
        blocks, differing = await _blocks(conn, batch, due)
        registers = await _registers(conn, batch, due)
        await _mark_due(conn, due)
        if batch.contacts:
            await conn.execute(_CONTACT, [list(batch.contacts), list(batch.contacts.values())])
    return StoreCounts(
        answers=answers,
        blocks=blocks,
        identical=len(batch.blocks) - blocks,
        differing=differing,
        registers=registers,
        instants=instants,
        events=events,
        rejected=rejected,
        polls=polls,
    )


async def store_blocks(conn: AsyncConnection[TupleRow], brought: Sequence[Brought]) -> StoreCounts:
    """Append profile blocks whose conversations are kept already; all of them or none, as `store` does.

    The days they touch are not marked due. Raises StorageError for a block that no column can hold.
    """
    batch = encode_blocks(brought)
    async with conn.transaction():
        await conn.execute(_INCOMING)
        taken, differing = await _take_blocks(conn, batch)
    return StoreCounts(blocks=len(taken), identical=len(batch.blocks) - len(taken), differing=differing)


async def _copy(conn: AsyncConnection[TupleRow], statement: LiteralString, rows: Sequence[bytes]) -> None:
    async with conn.cursor() as cursor, cursor.copy(statement) as copy:
        await copy.write(copying.stream(rows))


async def _bring(
    conn: AsyncConnection[TupleRow], copy: LiteralString, rows: Sequence[bytes], take: LiteralString
) -> int:
    """COPY the rows and take over what is new; how many."""
    if not rows:
        return 0
    await _copy(conn, copy, rows)
    return (await conn.execute(take)).rowcount


async def _answers(conn: AsyncConnection[TupleRow], batch: Batch) -> int:
    if not batch.answers:
        return 0
    await _copy(conn, _COPY_ANSWER, batch.answers)
    taken = await (await conn.execute(_TAKE_ANSWER)).fetchall()
    await conn.execute(_TAKE_ANSWERED)
    return sum(new for (new,) in taken)


async def _blocks(
    conn: AsyncConnection[TupleRow], batch: Batch, due: set[tuple[int, date]]
) -> tuple[int, int]:
    """How many blocks brought something new, and how many of these contradict an earlier one."""
    taken, differing = await _take_blocks(conn, batch)
    for meter_id, at, last, is_index in taken:
        # An index at midnight closes the day before.
        due.update(_days(meter_id, at - _INSTANT_BEFORE if is_index else at, last))
    return len(taken), differing


async def _take_blocks(conn: AsyncConnection[TupleRow], batch: Batch) -> tuple[list[TupleRow], int]:
    """Meter, first and last stamp and whether an index, of what was new; how many blocks contradict."""
    if not batch.blocks:
        return [], 0
    await block_rows.bring(conn, batch.blocks)
    differing = await rereads.sift(conn, batch)
    async with conn.cursor(binary=True) as cursor:
        return await (await cursor.execute(_TAKE_BLOCK)).fetchall(), differing


async def _registers(conn: AsyncConnection[TupleRow], batch: Batch, due: set[tuple[int, date]]) -> int:
    if not batch.registers:
        return 0
    await _copy(conn, _COPY_REGISTER, batch.registers)
    taken = await (await conn.execute(_TAKE_REGISTER)).fetchall()
    for meter_id, at in taken:
        due.update(_days(meter_id, at - _INSTANT_BEFORE, at))
    return len(taken)


def _days(meter_id: int, first: datetime, last: datetime) -> Collection[tuple[int, date]]:
    day, end = local_day(first), local_day(last)
    return [(meter_id, day + timedelta(days=i)) for i in range((end - day).days + 1)]


async def _mark_due(conn: AsyncConnection[TupleRow], due: set[tuple[int, date]]) -> None:
    if due:
        meters, days = zip(*sorted(due), strict=True)
        await conn.execute(_DUE, [list(meters), list(days)])
