"""Load and billing profiles of a DLMS meter, span by span: decoded whole, checked against what was asked."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial

import numpy as np

from collector.decoding import decoded
from collector.exchange.conversation import Conversation
from collector.exchange.course import Course
from collector.exchange.notebook import Notebook
from collector.exchange.profile_reader import ProfileReader, reader_of
from collector.exchange.rows import Accepted, accept, spoken
from collector.exchange.scales import Scales
from collector.polling.grid import floor_to, month_floor
from collector.polling.plan import SETTLING, Span
from model.period import LOCAL, Period, local_day, midnight
from model.readout import Answer, MeterEvent, RegisterRead
from model.series import ReadingSource
from protocols.dlms.objects import buffer
from protocols.dlms.profile import ProfileRows, decode_rows
from protocols.dlms.reference import Attribute
from protocols.dlms.selection import RangeSelection
from protocols.errors import DecodeError, Refused, ServiceRefused
from protocols.meter_models.model import BillingProfile, LoadProfile, MeterModel

FAR_S = 0.4  # a round trip over a line that is far away


def until(span: Span, end: datetime) -> Span | None:
    """The span as far as the meter's own clock has come; None when it has not begun."""
    if span.asked.end <= end:
        return span
    return Span(span.item, Period(span.asked.start, end), span.opening) if end > span.asked.start else None


async def read_profile(
    talk: Conversation, model: MeterModel, spans: Iterable[Span], meter_now: datetime, notes: Notebook,
    scales: Scales, course: Course,
) -> None:  # fmt: skip
    """Ask for the spans one by one, until somebody more urgent waits.

    One that is refused or makes no sense is noted, the next one asked.
    """
    assert model.profile is not None
    reader, deviation = reader_of(model.profile), model.dlms.range_with_deviation
    refused: Span | None = None
    for whole, piece in pieces(spans, course):
        if whole is refused:
            continue
        if course.give_way(whole.urgency):
            return
        span = until(piece, floor_to(min(notes.clock(), meter_now), reader.interval))
        if span is None:
            continue
        selection = rows_of(span, reader.interval, deviation)
        raw = await _ask(talk, reader.buffer, whole, selection, notes)
        if raw is None or not await _noted(raw, span, reader, meter_now, notes, scales):
            refused = whole


async def note_rows(
    raw: bytes, whole: Span, asked: Span, profile: LoadProfile, meter_now: datetime, notes: Notebook,
    scales: Scales,
) -> bool:  # fmt: skip
    """Note rows that came along with the meter's clock; False where that has not come so far as was asked."""
    reader = reader_of(profile)
    if asked.asked.end > meter_now:
        return False
    notes.asking = (whole.item, whole.asked)
    await _noted(raw, asked, reader, meter_now, notes, scales)
    return True


async def _noted(
    raw: bytes, span: Span, reader: ProfileReader, meter_now: datetime, notes: Notebook, scales: Scales
) -> bool:
    """Whether these rows answer what was asked; the notes say so or why not."""
    try:
        rows = reader.alike(raw, scales) or await reader.anew(raw, scales)
    except DecodeError as error:
        notes.reject_rows(error, raw)
        return False
    match accept(rows, span, reader.interval, notes.clock(), meter_now):
        case Accepted(blocks, answered, events):
            asked = span.asked if answered is None else answered
            notes.take(Answer(span.item, raw, asked, answered is not None, blocks, events=events))
            return True
        case str(reason):
            notes.reject(reason, raw)
    return False


def pieces(spans: Iterable[Span], course: Course) -> Iterator[tuple[Span, Span]]:
    """Each span with what is asked of it at a time: all, or over a far line a local day.

    A week comes in blocks, each a round trip for itself: as many days cost little more, and whoever waits for
    the line need not wait for all of them.
    """
    for whole in spans:
        if (course.rtt_s or 0.0) < FAR_S:
            yield whole, whole
            continue
        start = whole.asked.start
        while start < whole.asked.end:
            end = min(whole.asked.end, midnight(local_day(start) + timedelta(days=1)))
            opening = whole.opening and start == whole.asked.start
            yield whole, replace(whole, asked=Period(start, end), opening=opening)
            start = end


def rows_of(span: Span, interval: timedelta, deviation: bool) -> RangeSelection:
    """The rows whose intervals begin in a span; they are stamped at the end."""
    first = span.asked.start if span.opening else span.asked.start + interval
    return RangeSelection(first.astimezone(LOCAL), span.asked.end.astimezone(LOCAL), deviation=deviation)


async def _ask(
    talk: Conversation, profile: Attribute, span: Span, selection: RangeSelection, notes: Notebook
) -> bytes | None:
    notes.asking = (span.item, span.asked)
    try:
        return await talk.get(profile, selection)
    except (Refused, ServiceRefused) as error:
        notes.reject(error.reason, error.raw)
        return None


async def read_closings(
    talk: Conversation, model: MeterModel, spans: Iterable[Span], meter_now: datetime, notes: Notebook,
    scales: Scales, course: Course,
) -> None:  # fmt: skip
    """The meter's own snapshots at the ends of the months asked for, until somebody more urgent waits."""
    billing, deviation = model.billing, model.dlms.range_with_deviation
    assert billing is not None
    for whole in spans:
        if course.give_way(whole.urgency):
            return
        now = notes.clock()
        span = until(whole, month_floor(min(now, meter_now)))
        if span is None:
            continue
        # The row at the very beginning closes the month before, which has been asked for or is not wanted.
        first = span.asked.start + timedelta(seconds=1)
        selection = RangeSelection(
            first.astimezone(LOCAL), span.asked.end.astimezone(LOCAL), deviation=deviation
        )
        raw = await _ask(talk, buffer(billing.obis), span, selection, notes)
        if raw is None:
            continue
        try:
            rows = await decoded(partial(decode_rows, captures=billing.captures, zone=LOCAL), raw)
            reads, events = _closings(rows, billing, scales, now)
        except DecodeError as error:
            notes.reject_rows(error, raw)
            continue
        stamps = rows.stamps
        if (
            len(stamps)
            and not span.asked.start.timestamp() < stamps.min() <= stamps.max() <= span.asked.end.timestamp()
        ):
            notes.reject(
                f"a closing row is stamped {spoken(int(stamps.max()))}, outside of what was asked", raw
            )
            continue
        newest = datetime.fromtimestamp(int(stamps.max()), UTC) if len(stamps) else span.asked.start
        end = min(span.asked.end, max(newest, month_floor(meter_now - SETTLING)))
        asked = Period(span.asked.start, end) if end > span.asked.start else span.asked
        complete = end > span.asked.start
        notes.take(Answer(span.item, raw, asked, complete, registers=reads, events=events))


def _closings(
    rows: ProfileRows, billing: BillingProfile, scales: Scales, now: datetime
) -> tuple[tuple[RegisterRead, ...], tuple[MeterEvent, ...]]:
    reads: dict[tuple[int, int], RegisterRead] = {}
    torn: set[tuple[int, int]] = set()
    for number, (item, column) in enumerate(zip(billing.registers, rows.columns, strict=True)):
        if column.values.dtype != np.int64:
            raise DecodeError(f"column {column.capture.obis} holds values that are no integers")
        scaler = scales.scaler(item.place)
        for stamp, raw, present in zip(
            rows.stamps.tolist(), column.values.tolist(), column.present, strict=True
        ):
            if not present:
                continue
            read = RegisterRead(
                item.key.channel, item.key.rate, datetime.fromtimestamp(stamp, UTC), raw, scaler,
                item.place.unit, ReadingSource.BILLING_PROFILE,
            )  # fmt: skip
            if reads.setdefault((number, stamp), read) != read:
                torn.add((number, stamp))
    events: tuple[MeterEvent, ...] = ()
    if torn:
        # Two snapshots of one instant that differ: neither can close a bill. The answer's bytes keep both.
        events = (
            MeterEvent(now, "duplicate_rows", f"{len(torn)} closing values came twice and differ (unused)"),
        )
    return tuple(read for key, read in reads.items() if key not in torn), events
