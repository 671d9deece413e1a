"""Reading a DLMS meter: who it is, what time it has, then profiles, registers, instants as the plan asks."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

from collector.errors import CollectorError
from collector.exchange.clock_setting import clock_value, keep_clock
from collector.exchange.clocks import Judged, judge, unset
from collector.exchange.conversation import Conversation
from collector.exchange.course import Course
from collector.exchange.depth import beyond_buffer
from collector.exchange.event_log import read_events
from collector.exchange.notebook import Notebook
from collector.exchange.now import instant_read
from collector.exchange.opened import associated
from collector.exchange.profiles import read_closings, read_profile
from collector.exchange.scales import Scales
from collector.exchange.serials import octets_text, same_serial
from collector.fleet_keys import OurSide
from collector.plan import CLOCK, INSTANTS, REGISTERS, SERIAL, Span, Wanted
from collector.urgency import Urgency
from collector.wire import ByteStream
from model.period import LOCAL
from model.readout import Answer, RegisterRead
from protocols.dlms import axdr
from protocols.dlms.apdu import Attribute
from protocols.dlms.axdr import Data, Tag, integer_of
from protocols.dlms.events import Got
from protocols.errors import DecodeError, ProtocolError, Refused
from protocols.meter_models.model import InstantItem, MeterModel, Place, RegisterItem
from storage.fleet import LineMeter


async def converse(
    stream: ByteStream, meter: LineMeter, model: MeterModel, wanted: Wanted, notes: Notebook, course: Course,
    scales: Scales, ours: OurSide | None = None,
) -> None:  # fmt: skip
    """One association. Raises what `Conversation` raises; by then `notes` hold what had come."""
    talk = await associated(stream, meter, model, course, ours)
    judged = await opening(talk, meter, model, wanted, notes, scales)
    if judged is None:
        return
    notes.asking = ("scalers", None)
    await scales.learn(talk, _places(model, wanted))
    meter_now = judged.now if judged.believed else None
    if meter_now is not None and model.billing is not None:
        closings, older = _by_urgency(wanted.billing)
        await read_closings(talk, model, closings, meter_now, notes, scales, course)
    if wanted.closing and wanted.registers and not course.give_way(Urgency.CLOSING):
        await read_registers(talk, model.registers, notes, scales)
    if wanted.instants and not course.give_way(Urgency.REAL_TIME):
        await _instants(talk, model.instants, notes, scales)
    if wanted.registers and not wanted.closing and not course.give_way(Urgency.ROUTINE):
        await read_registers(talk, model.registers, notes, scales)
    if wanted.events and meter_now is not None and not course.give_way(Urgency.ROUTINE):
        await read_events(talk, model, wanted.events, meter_now, notes)
    if meter_now is not None and model.profile is not None:
        newest, past = _by_urgency(wanted.profile)
        await read_profile(talk, model, newest, meter_now, notes, scales, course)
        if wanted.deep and not course.give_way(Urgency.BACK_FILL):
            past = await beyond_buffer(talk, model.profile, wanted.deep, past, meter_now, notes)
        await read_profile(talk, model, past, meter_now, notes, scales, course)
    if meter_now is not None and model.billing is not None:
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
    late = [span for span in spans if span.urgency is Urgency.BACK_FILL]
    return [span for span in spans if span.urgency is not Urgency.BACK_FILL], late


async def opening(
    talk: Conversation, meter: LineMeter, model: MeterModel, wanted: Wanted, notes: Notebook,
    scales: Scales | None = None,
) -> Judged | None:  # fmt: skip
    """Serial and clock in one question, with what comes next where `scales` are given.

    None when another meter answers: nothing of it is to be kept.
    """
    asked = tuple(attribute for attribute in (model.serial, model.clock) if attribute is not None)
    got: dict[Attribute, Got] = {}
    if asked:
        notes.asking = (SERIAL, None)
        along = () if scales is None else (*scales.unknown(_places(model, wanted)), *_soon(model, wanted))
        got = {answer.attribute: answer for answer in await talk.get_all(asked, along)}
    if model.serial is not None:
        try:
            raw = got[model.serial].raw()
            found = serial_text(axdr.decode(raw))
        except (Refused, DecodeError) as error:
            notes.reject(error.reason, error.raw)
        else:
            if not same_serial(found, meter.serial):
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
        raw = got[model.clock].raw()
        meter_now = clock_value(axdr.decode(raw)).to_datetime(LOCAL)
    except (Refused, DecodeError) as error:
        return unset(notes, error.reason, raw or error.raw)
    return judge(notes, wanted, meter_now, raw)


def serial_text(data: Data) -> str:
    """A meter's serial as text, however it writes it; `DecodeError` for what is none."""
    if data.tag is Tag.OCTET_STRING:
        return octets_text(data.value)
    if data.tag is Tag.VISIBLE_STRING:
        return octets_text(str(data.value).encode("latin-1"))
    if data.tag is Tag.UTF8_STRING:
        return str(data.value).strip("\0 ")
    return str(integer_of(data, "the serial"))


def _places(model: MeterModel, wanted: Wanted) -> list[Place]:
    places: list[Place] = []
    if wanted.registers or wanted.billing:
        places += [item.place for item in model.registers]
    if wanted.profile and model.profile is not None:
        places += [column.place for column in model.profile.columns]
    if wanted.instants:
        places += [item.place for item in model.instants]
    return places


def _soon(model: MeterModel, wanted: Wanted) -> tuple[Attribute, ...]:
    """Instants and registers, where they are asked next anyway: their instant is when the answer came."""
    if wanted.closing or wanted.billing:
        return ()
    instants = [item.place.dlms for item in model.instants] if wanted.instants else []
    registers = [item.place.dlms for item in model.registers] if wanted.registers else []
    return (*instants, *registers)


async def read_registers(
    talk: Conversation, items: Sequence[RegisterItem], notes: Notebook, scales: Scales
) -> None:
    """The registers now; what the meter refuses is rejected, the others are taken."""
    values, raw, at = await _numbers(talk, REGISTERS, [item.place for item in items], notes)
    reads = tuple(
        RegisterRead(item.key.channel, item.key.rate, at, value, scales.scaler(item.place), item.place.unit)
        for item, value in zip(items, values, strict=True)
        if value is not None
    )
    if reads:
        notes.take(Answer(REGISTERS, raw, registers=reads))


async def _instants(
    talk: Conversation, items: Sequence[InstantItem], notes: Notebook, scales: Scales
) -> None:
    values, raw, at = await _numbers(talk, INSTANTS, [item.place for item in items], notes)
    found = {
        item.quantity: Decimal(value).scaleb(scales.scaler(item.place))
        for item, value in zip(items, values, strict=True)
        if value is not None
    }
    if found:
        notes.take(Answer(INSTANTS, raw, instants=(instant_read(at, found),)))


async def _numbers(
    talk: Conversation, name: str, places: Sequence[Place], notes: Notebook
) -> tuple[list[int | None], bytes, datetime]:
    """The raw integers at these places (None where there is none to be had), their bytes, and when."""
    notes.asking = (name, None)
    values: list[int | None] = []
    raws: list[bytes] = []
    for answer in await talk.get_all(tuple(place.dlms for place in places)):
        try:
            raw = answer.raw()
            values.append(integer_of(axdr.decode(raw), str(answer.attribute)))
            raws.append(raw)
        except (Refused, DecodeError) as error:
            notes.reject(error.reason, error.raw)
            values.append(None)
    return values, b"".join(raws), notes.now()
