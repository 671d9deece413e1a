"""Reading a Modbus meter: serial, clock, its logger where it has one, registers and instants.

A meter without a logger gives its index only. Read at the half-hour, that is the index of the half-hour; read
at any other time it is a reading like any other, and the half-hours between stay unknown.
"""

from __future__ import annotations

import random
import struct
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from collector.exchange.abilities import HALF_HOURS
from collector.exchange.clocks import Judged, judge
from collector.exchange.course import Course
from collector.exchange.logger import read_logger
from collector.exchange.modbus_line import ModbusLine
from collector.exchange.notebook import Notebook
from collector.exchange.now import instant_read
from collector.exchange.scales import Scales
from collector.exchange.serials import octets_text, same_serial
from collector.links.wire import ByteStream, Medium
from collector.polling.grid import floor_to
from collector.polling.plan import CLOCK, INSTANTS, REGISTERS, SERIAL, Wanted
from collector.polling.urgency import Urgency
from model.period import HALF_HOUR, LOCAL
from model.readout import Answer, ProfileBlock, RegisterRead
from model.series import ProfileKind, Rate
from protocols.errors import DecodeError, ServiceRefused
from protocols.meter_models.model import MeterModel, Place
from protocols.modbus.framing import Carrier, framing
from protocols.modbus.registers import Block, pick
from storage.fleet import LineMeter

TIMELY = timedelta(seconds=60)  # read this soon after the half-hour, an index is that of the half-hour


async def converse(
    stream: ByteStream, meter: LineMeter, model: MeterModel, wanted: Wanted, notes: Notebook, course: Course,
    scales: Scales,
) -> None:  # fmt: skip
    """One conversation. Raises what `ModbusLine` raises; by then `notes` hold what had come."""
    carrier = model.modbus.carrier
    if stream.medium is Medium.BARE:  # a bus: what the model's own port takes is not spoken here
        carrier = Carrier.RTU
    elif stream.gateway:
        carrier = Carrier.MBAP
    # A number drawn: what an earlier conversation left behind does not bear it.
    talk = framing(carrier, meter.address, random.randrange(0x10000))
    line = ModbusLine(stream, talk, course.answer_s, course=course)
    if not await _is_meter(line, meter, model, notes):
        return
    judged = await _clock(line, model, wanted, notes)
    if judged is None:
        return
    if wanted.closing and wanted.registers and not course.give_way(Urgency.CLOSING):
        await _registers(line, model, notes)
    if wanted.instants and not course.give_way(Urgency.REAL_TIME):
        await _instants(line, model, notes)
    if wanted.registers and not wanted.closing and not course.give_way(Urgency.ROUTINE):
        await _registers(line, model, notes)
    logger = model.modbus.logger
    if logger is not None and judged.now is not None and judged.believed:
        await read_logger(line, model, logger, wanted.profile, judged.now, notes, course)


async def _is_meter(line: ModbusLine, meter: LineMeter, model: MeterModel, notes: Notebook) -> bool:
    settings = model.modbus
    notes.asking = (SERIAL, None)
    if settings.serial is None:
        return True
    try:
        words, raw = await line.read(Block(settings.function, settings.serial, settings.serial_words))
    except ServiceRefused as error:
        notes.reject(error.reason, error.raw)
        return True
    found = octets_text(struct.pack(f">{len(words)}H", *words))
    if same_serial(found, meter.serial):
        notes.take(Answer(SERIAL, raw))
        return True
    notes.event(SERIAL, raw, "serial_mismatch", f"meter {found} answers where {meter.serial} should hang")
    notes.ended(
        "wrong_meter",
        f"meter {found} answers where {meter.serial} should: nothing is kept; correct it",
    )
    return False


async def _clock(line: ModbusLine, model: MeterModel, wanted: Wanted, notes: Notebook) -> Judged | None:
    settings = model.modbus
    if settings.clock is None or settings.epoch is None:
        return Judged(notes.clock(), believed=True)
    notes.asking = (CLOCK, None)
    try:
        words, raw = await line.read(
            Block(settings.function, settings.clock.address, settings.clock.type.words)
        )
        local = settings.epoch + timedelta(seconds=settings.clock.decode(words))
    except (ServiceRefused, DecodeError, OverflowError) as error:
        notes.reject(str(error), getattr(error, "raw", b""))
        return Judged(None, believed=False)
    return judge(notes, wanted, local.replace(tzinfo=LOCAL).astimezone(UTC), raw)


async def _registers(line: ModbusLine, model: MeterModel, notes: Notebook) -> None:
    values, raw, at = await _numbers(line, REGISTERS, model, [item.place for item in model.registers], notes)
    reads = tuple(
        RegisterRead(item.key.channel, item.key.rate, at, value, item.place.scaler, item.place.unit)
        for item, value in zip(model.registers, values, strict=True)
        if value is not None
    )
    if not reads:
        return
    blocks = () if model.modbus.logger is not None else half_hours(reads, at)
    notes.take(Answer(REGISTERS, raw, registers=reads, blocks=blocks))


def half_hours(reads: Sequence[RegisterRead], at: datetime) -> tuple[ProfileBlock, ...]:
    """Indices read within a minute after a half-hour, as the indices of that half-hour; else nothing."""
    stamp = floor_to(at, HALF_HOUR)
    if at - stamp > TIMELY:
        return ()
    return tuple(
        ProfileBlock(
            read.channel, ProfileKind.INDEX, HALF_HOURS, HALF_HOUR, (stamp,), (read.raw,), (read.status,),
            read.scaler, read.unit,
        )
        for read in reads
        if read.rate is Rate.TOTAL
    )  # fmt: skip


async def _instants(line: ModbusLine, model: MeterModel, notes: Notebook) -> None:
    values, raw, at = await _numbers(line, INSTANTS, model, [item.place for item in model.instants], notes)
    found = {
        item.quantity: Decimal(value).scaleb(item.place.scaler)
        for item, value in zip(model.instants, values, strict=True)
        if value is not None
    }
    if found:
        notes.take(Answer(INSTANTS, raw, instants=(instant_read(at, found),)))


async def _numbers(
    line: ModbusLine, name: str, model: MeterModel, places: Sequence[Place], notes: Notebook
) -> tuple[list[int | None], bytes, datetime]:
    """The raw integers at these places (None where there is none to be had), their bytes, and when."""
    notes.asking = (name, None)
    answers: dict[Block, Sequence[int]] = {}
    raws: list[bytes] = []
    for block in model.modbus.plan(places):
        try:
            answers[block], raw = await line.read(block)
            raws.append(raw)
        except ServiceRefused as error:
            notes.reject(error.reason, error.raw)
    values: list[int | None] = []
    for place in places:
        if not any(block.holds(place.modbus) for block in answers):
            values.append(None)
            continue
        try:
            values.append(pick(place.modbus, answers, place.scaler - place.exponent))
        except DecodeError as error:
            notes.reject(error.reason, error.raw)
            values.append(None)
    return values, b"".join(raws), notes.now()
