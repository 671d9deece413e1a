"""Reading a mode C meter: who it is, what time it has, registers and instants, then its load profile.

What single values there are comes out of the read-out, which needs no password, or command by command, as the
meter's model says; the profile always by command, in programming mode.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Protocol

from collector.exchange.clocks import Judged, judge, unset
from collector.exchange.course import Course
from collector.exchange.mode_c_line import ModeCLine
from collector.exchange.mode_c_profile import read_spans
from collector.exchange.notebook import Notebook
from collector.exchange.now import instant_read
from collector.exchange.scales import Scales
from collector.exchange.serials import same_serial
from collector.links.wire import ByteStream
from collector.polling.plan import INSTANTS, REGISTERS, SERIAL, Wanted
from collector.polling.urgency import Urgency
from model.period import LOCAL
from model.readout import Answer, RegisterRead
from protocols.errors import DecodeError, ServiceRefused
from protocols.iec62056_21.client import ClientSettings
from protocols.iec62056_21.codes import code_of, text_of
from protocols.iec62056_21.data_sets import DataSet
from protocols.iec62056_21.quantities import read_quantity
from protocols.iec62056_21.stamps import read_clock
from protocols.meter_models.mode_c import Access, DeviceAddress, ModeCSettings
from protocols.meter_models.model import MeterModel, Place
from protocols.obis import Obis
from storage.fleet import LineMeter


def settings_of(meter: LineMeter, how: ModeCSettings, answer_s: float) -> ClientSettings:
    """How to speak to this meter: address and password are its own, the rest its model's."""
    addresses = {
        DeviceAddress.NONE: "",
        DeviceAddress.SERIAL: meter.serial,
        DeviceAddress.NUMBER: str(meter.address),
    }
    return ClientSettings(
        address=addresses[how.device_address],
        password=meter.password,
        password_level=how.password_level,
        parity=how.parity,
        opening_bps=how.opening_bps,
        baud=how.baud,
        answer_seconds=answer_s,
    )


class Source(Protocol):
    """Where single values come from."""

    async def value(self, address: str) -> DataSet:
        """One data set; raises `ServiceRefused` when the meter has none."""


class _Listed:
    """The values of a read-out."""

    def __init__(self, sets: Sequence[DataSet]) -> None:
        self._sets: Mapping[Obis | None, DataSet] = {code_of(each.address): each for each in reversed(sets)}

    async def value(self, address: str) -> DataSet:
        code = code_of(address)
        if code is None or code not in self._sets:
            raise ServiceRefused(f"{address} is not in the meter's read-out")
        return self._sets[code]


class _Asked:
    """Values asked for one by one."""

    def __init__(self, line: ModeCLine, command: str) -> None:
        self._line, self._command = line, command

    async def value(self, address: str) -> DataSet:
        answer = await self._line.read(address, command=self._command)
        if not answer.sets:
            raise DecodeError(f"an empty answer about {address}", answer.raw)
        return answer.sets[0]


async def converse(
    stream: ByteStream, meter: LineMeter, model: MeterModel, wanted: Wanted, notes: Notebook, course: Course,
    scales: Scales,
) -> None:  # fmt: skip
    """One conversation. Raises what `ModeCLine` raises; by then `notes` hold what had come."""
    how = model.mode_c
    line = ModeCLine(stream, settings_of(meter, how, course.answer_s), course)
    by_command = how.access is Access.COMMANDS
    if by_command:
        await line.program()
    source = _Asked(line, how.read) if by_command else _Listed((await line.read_out()).sets)
    judged = await _opening(source, meter, how, wanted, notes)
    if judged is None:
        await line.sign_off()
        return
    if wanted.closing and wanted.registers and not course.give_way(Urgency.CLOSING):
        await _registers(source, model, notes)
    if wanted.instants and not course.give_way(Urgency.REAL_TIME):
        await _instants(source, model, notes)
    if wanted.registers and not wanted.closing and not course.give_way(Urgency.ROUTINE):
        await _registers(source, model, notes)
    believed = judged.now is not None and judged.believed
    if model.profile is not None and wanted.profile and believed and not course.gave_way:
        assert judged.now is not None
        if not by_command:
            await line.sign_off()
            await line.program()
        await read_spans(line, model.profile, how, wanted.profile, judged.now, notes, course)
    await line.sign_off()


async def _opening(
    source: Source, meter: LineMeter, how: ModeCSettings, wanted: Wanted, notes: Notebook
) -> Judged | None:
    """Serial and clock. None when another meter answers: nothing of it is to be kept."""
    if how.serial:
        notes.asking = (SERIAL, None)
        try:
            held = await source.value(how.serial)
            found = held.value().text.strip()
        except (ServiceRefused, DecodeError) as error:
            notes.reject(error.reason, error.raw)
        else:
            raw = str(held).encode()
            if not same_serial(found, meter.serial):
                said = f"meter {found} answers where {meter.serial} should"
                notes.event(SERIAL, raw, "serial_mismatch", f"{said} hang")
                notes.ended("wrong_meter", f"{said}: nothing is kept; correct it")
                return None
            notes.take(Answer(SERIAL, raw))
    raw = b""
    try:
        day, hour = await source.value(how.date), await source.value(how.time)
        raw = f"{day}{hour}".encode()
        now = read_clock(day.value().text, hour.value().text, LOCAL)
    except (ServiceRefused, DecodeError) as error:
        return unset(notes, error.reason, raw or error.raw)
    return judge(notes, wanted, now, raw)


async def _registers(source: Source, model: MeterModel, notes: Notebook) -> None:
    values, raw, at = await _numbers(source, REGISTERS, [item.place for item in model.registers], notes)
    reads = tuple(
        RegisterRead(item.key.channel, item.key.rate, at, value, item.place.scaler, item.place.unit)
        for item, value in zip(model.registers, values, strict=True)
        if value is not None
    )
    if reads:
        notes.take(Answer(REGISTERS, raw, registers=reads))


async def _instants(source: Source, model: MeterModel, notes: Notebook) -> None:
    values, raw, at = await _numbers(source, INSTANTS, [item.place for item in model.instants], notes)
    found = {
        item.quantity: Decimal(value).scaleb(item.place.scaler)
        for item, value in zip(model.instants, values, strict=True)
        if value is not None
    }
    if found:
        notes.take(Answer(INSTANTS, raw, instants=(instant_read(at, found),)))


async def _numbers(
    source: Source, name: str, places: Sequence[Place], notes: Notebook
) -> tuple[list[int | None], bytes, datetime]:
    """The raw integers at these places (None where there is none to be had), their bytes, and when."""
    notes.asking = (name, None)
    values: list[int | None] = []
    raws: list[bytes] = []
    for place in places:
        raw = b""
        try:
            held = await source.value(text_of(place.named))
            raw = str(held).encode()
            values.append(_in_place(held, place))
            raws.append(raw)
        except (ServiceRefused, DecodeError) as error:
            notes.reject(error.reason, raw or error.raw)
            values.append(None)
    return values, b"".join(raws), notes.now()


def _in_place(held: DataSet, place: Place) -> int:
    """The value as whole steps of the model's scaler; a unit that is not the model's is `DecodeError`."""
    found = read_quantity(*held.value())
    if found.unit is not place.unit:
        raise DecodeError(f"{held} is not measured in {place.unit.name.lower()}, as its model says")
    power = found.scaler - place.scaler
    step: int = 10 ** abs(power)
    if power < 0 and found.raw % step:
        raise DecodeError(f"{held} has more places than its model says: correct its scaler")
    return found.raw // step if power < 0 else found.raw * step
