"""Reading a DLMS meter: who it is, what time it has, then profiles, registers, instants as the plan asks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from decimal import Decimal

from collector.errors import CollectorError
from collector.exchange.clock_setting import keep_clock
from collector.exchange.clocks import Along, Judged, judge, unset
from collector.exchange.conversation import Conversation
from collector.exchange.course import Course
from collector.exchange.depth import beyond_buffer
from collector.exchange.event_log import read_events
from collector.exchange.kit import Kit, Selected, kit_of
from collector.exchange.notebook import Notebook
from collector.exchange.now import instant_read
from collector.exchange.numbers import bears, clock_time, whole_number
from collector.exchange.opened import associated
from collector.exchange.profile_reader import reader_of
from collector.exchange.profiles import note_rows, read_closings, read_profile, rows_of, until
from collector.exchange.scales import TRIES_ALONG, Scales
from collector.exchange.serials import octets_text, same_serial
from collector.keys.fleet_keys import OurSide
from collector.links.wire import ByteStream
from collector.polling.grid import floor_to
from collector.polling.plan import CLOCK, INSTANTS, REGISTERS, SERIAL, Span, Wanted
from collector.polling.urgency import BACK_FILL, CLOSING, REAL_TIME, ROUTINE
from model.readout import Answer, RegisterRead
from protocols.dlms import axdr
from protocols.dlms.axdr import Data, Tag, integer_of
from protocols.dlms.events import Got
from protocols.errors import DecodeError, ProtocolError, Refused
from protocols.meter_models.model import InstantItem, MeterModel
from storage.fleet import LineMeter

FEW = timedelta(days=2)  # of rows: no more are asked for along with other values


async def converse(
    stream: ByteStream, meter: LineMeter, model: MeterModel, wanted: Wanted, notes: Notebook, course: Course,
    scales: Scales, ours: OurSide | None = None,
) -> None:  # fmt: skip
    """One association. Raises what `Conversation` raises; by then `notes` hold what had come."""
    talk = await associated(stream, meter, model, course, ours)
    kit = kit_of(model)
    judged = await opening(talk, meter, model, wanted, notes, scales, kit)
    if judged is None:
        return
    notes.asking = ("scalers", None)
    unknown = scales.unknown(kit.scaled(wanted))
    if unknown.attributes:
        await scales.learn(talk, unknown)
    meter_now = judged.now if judged.believed else None
    closings, older = _by_urgency(wanted.billing)
    if meter_now is not None and model.billing is not None and closings:
        await read_closings(talk, model, closings, meter_now, notes, scales, course)
    if wanted.closing and wanted.registers and not course.give_way(CLOSING):
        await read_registers(talk, kit, notes, scales)
    if wanted.instants and not course.give_way(REAL_TIME):
        await _instants(talk, kit, model.instants, notes, scales)
    if wanted.registers and not wanted.closing and not course.give_way(ROUTINE):
        await read_registers(talk, kit, notes, scales)
    if wanted.events and meter_now is not None and not course.give_way(ROUTINE):
        await read_events(talk, model, wanted.events, meter_now, notes)
    if meter_now is not None and model.profile is not None:
        newest, past = _by_urgency(wanted.profile)
        if judged.along is not None and (rows := talk.rows()):
            whole, asked = judged.along
            if await note_rows(rows, whole, asked, model.profile, meter_now, notes, scales):
                newest = [span for span in newest if span is not whole]
        if newest:
            await read_profile(talk, model, newest, meter_now, notes, scales, course)
        if wanted.deep and not course.give_way(BACK_FILL):
            past = await beyond_buffer(talk, model.profile, wanted.deep, past, meter_now, notes)
        if past:
            await read_profile(talk, model, past, meter_now, notes, scales, course)
    if meter_now is not None and model.billing is not None and older:
        await read_closings(talk, model, older, meter_now, notes, scales, course)
    if judged.now is not None and notes.limits is not None and not course.gave_way:
        await keep_clock(talk, model, notes, notes.limits)
    notes.all_heard()
    await take_leave(talk, stream, meter)


async def take_leave(talk: Conversation, stream: ByteStream, meter: LineMeter) -> None:
    """Release; when that goes wrong everything has been said, and only the line is not to be used again."""
    try:
        await talk.release()
    except (ProtocolError, CollectorError):
        stream.poison(f"meter {meter.serial} did not take its leave properly")


def _by_urgency(spans: Sequence[Span]) -> tuple[Sequence[Span], Sequence[Span]]:
    """What is asked before back-fill, and that."""
    late = [span for span in spans if span.urgency is BACK_FILL] if spans else []
    if not late:
        return spans, late
    return [span for span in spans if span.urgency is not BACK_FILL], late


async def opening(
    talk: Conversation, meter: LineMeter, model: MeterModel, wanted: Wanted, notes: Notebook,
    scales: Scales | None = None, kit: Kit | None = None,
) -> Judged | None:  # fmt: skip
    """Serial and clock in one question, with what comes next where `scales` are given.

    None when another meter answers: nothing of it is to be kept.
    """
    kit = kit_of(model) if kit is None else kit
    got: Iterator[Got] = iter(())
    along: Along | None = None
    if kit.base:
        notes.asking = (SERIAL, None)
        if scales is None:
            answers = await talk.get_all(kit.base)
        else:
            along = _newest_rows(model, wanted, notes) if scales.along else None
            answers = await _all_at_once(talk, kit, wanted, scales, along)
        got = iter(answers)  # in the order asked: the serial, the clock, as far as the model has them
    if model.serial is not None:
        try:
            raw = next(got).raw()
            found = meter.serial if bears(raw, meter.serial) else serial_text(axdr.decode(raw))
        except (Refused, DecodeError) as error:
            notes.reject(error.reason, error.raw)
        else:
            if found is not meter.serial and not same_serial(found, meter.serial):
                notes.event(
                    SERIAL, raw, "serial_mismatch", f"meter {found} answers where {meter.serial} should hang"
                )
                notes.ended(
                    "wrong_meter",
                    f"meter {found} answers where {meter.serial} should: nothing is kept; correct it",
                )
                return None
            notes.take(Answer(SERIAL, raw))
    if model.clock is None:
        return Judged(notes.clock(), believed=True)
    notes.asking = (CLOCK, None)
    raw = b""
    try:
        raw = next(got).raw()
        meter_now = clock_time(raw)
    except (Refused, DecodeError) as error:
        return unset(notes, error.reason, raw or error.raw)
    return judge(notes, wanted, meter_now, raw, along)


def serial_text(data: Data) -> str:
    """A meter's serial as text, however it writes it; `DecodeError` for what is none."""
    if data.tag is Tag.OCTET_STRING:
        return octets_text(data.value)
    if data.tag is Tag.VISIBLE_STRING:
        return octets_text(str(data.value).encode("latin-1"))
    if data.tag is Tag.UTF8_STRING:
        return str(data.value).strip("\0 ")
    return str(integer_of(data, "the serial"))


async def _all_at_once(
    talk: Conversation, kit: Kit, wanted: Wanted, scales: Scales, along: Along | None
) -> list[Got]:
    """Serial and clock; what comes next anyway is asked along with them, where the meter takes that.

    Some meters take no list in which rows are selected: that is tried twice and then left.
    """
    unknown = scales.unknown(kit.scaled(wanted))
    if along is not None:
        listing = kit.first(unknown, wanted, along[1], _selected)
        if talk.takes(listing):
            scales.along -= 1  # until it has answered
            answers = await talk.get_along(kit.base, listing)
            scales.along = TRIES_ALONG if talk.has_rows else 0
            return answers
    listing = kit.first(unknown, wanted, None, _selected)
    if talk.takes(listing):
        return await talk.get_along(kit.base, listing)
    return await talk.get_all(kit.base)


def _selected(model: MeterModel, span: Span) -> Selected:
    """The rows of a span of a model's profile."""
    assert model.profile is not None
    reader = reader_of(model.profile)
    return reader.buffer, rows_of(span, reader.interval, model.dlms.range_with_deviation).to_access()


def _newest_rows(model: MeterModel, wanted: Wanted, notes: Notebook) -> Along | None:
    """The newest rows that are wanted, where they are few and nobody should be let go first."""
    if model.profile is None or not wanted.profile or wanted.billing:
        return None
    span = wanted.profile[0]
    if span.urgency is BACK_FILL or span.asked.end - span.asked.start > FEW:
        return None
    asked = until(span, floor_to(notes.clock(), reader_of(model.profile).interval))
    return None if asked is None else (span, asked)


async def read_registers(talk: Conversation, kit: Kit, notes: Notebook, scales: Scales) -> None:
    """The registers now; what the meter refuses is rejected, the others are taken."""
    notes.asking = (REGISTERS, None)
    answers = talk.at_hand(kit.registers.values) or await talk.get_all(kit.registers.values)
    values, raw, at = _numbers(answers, notes)
    reads = tuple(
        [
            RegisterRead(key.channel, key.rate, at, value, scaler, place.unit)
            for key, place, scaler, value in zip(
                kit.keys, kit.registers.places, scales.scalers(kit.registers), values, strict=True
            )
            if value is not None
        ]
    )
    if reads:
        notes.take(Answer(REGISTERS, raw, registers=reads))


async def _instants(
    talk: Conversation, kit: Kit, items: Sequence[InstantItem], notes: Notebook, scales: Scales
) -> None:
    notes.asking = (INSTANTS, None)
    values, raw, at = _numbers(await talk.get_all(kit.instants.values), notes)
    found = {
        item.quantity: Decimal(value).scaleb(scaler)
        for item, scaler, value in zip(items, scales.scalers(kit.instants), values, strict=True)
        if value is not None
    }
    if found:
        notes.take(Answer(INSTANTS, raw, instants=(instant_read(at, found),)))


def _numbers(answers: Sequence[Got], notes: Notebook) -> tuple[list[int | None], bytes, datetime]:
    """The raw integers of these answers (None where there is none to be had), their bytes, and when."""
    values: list[int | None] = []
    raws: list[bytes] = []
    for answer in answers:
        try:
            raw = answer.raw()
            values.append(whole_number(raw, answer.attribute))
            raws.append(raw)
        except (Refused, DecodeError) as error:
            notes.reject(error.reason, error.raw)
            values.append(None)
    return values, b"".join(raws), notes.now()
