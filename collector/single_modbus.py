"""Reading a Modbus meter by address: ADDRESS:COUNT as raw registers, or everything its model describes."""

from __future__ import annotations

import re
from collections.abc import Sequence

from collector.address import ModbusAddress
from collector.exchange.abilities import model_of
from collector.exchange.mbap import ModbusLine
from collector.found import Asked, Found, unit_word
from collector.wire import ByteStream
from protocols.errors import DecodeError, LocalError, ServiceRefused
from protocols.meter_models.model import MeterModel, Place
from protocols.modbus.registers import MAX_REGISTERS, Block, pick, read_plan

_RANGE = re.compile(r"(\d{1,5}):(\d{1,3})")


async def read(stream: ByteStream, address: ModbusAddress, asked: Asked) -> Found:
    """See `collector.single_read.read`. Without items the model's registers and quantities are read."""
    line = ModbusLine(stream, address.unit, address.timeout_s)
    found = Found()
    for item in asked.items:
        await _range(line, address.function, item, found)
    if not asked.items and address.model:
        await _model(line, model_of(address.model), found)
    for wanted, name in ((asked.profile, "profile"), (asked.objects, "objects"), (asked.clock, "clock")):
        if wanted:
            found.refuse(name, f"a Modbus meter has no {name} that can be asked for by address")
    return found


async def _range(line: ModbusLine, function: int, item: str, found: Found) -> None:
    match = _RANGE.fullmatch(item)
    count = int(match[2]) if match else 0
    if match is None or not 0 < count <= MAX_REGISTERS or int(match[1]) + count > 0x10000:
        found.refuse(item, f"an item is ADDRESS:COUNT with at most {MAX_REGISTERS} registers, like 52:2")
        return
    try:
        words, _ = await line.read(Block(function, int(match[1]), count))
    except ServiceRefused as error:
        found.refuse(item, error.reason)
        return
    found.register(item, words)


async def _model(line: ModbusLine, model: MeterModel, found: Found) -> None:
    named = [
        (f"{item.key.channel.name.lower()} {item.key.rate.code}", item.place) for item in model.registers
    ]
    named += [(item.quantity.value, item.place) for item in model.instants]
    try:
        plan = read_plan([place.modbus for _, place in named], max_gap=model.modbus.max_gap)
    except LocalError as error:
        found.refuse(model.name, error.reason)
        return
    answers: dict[Block, Sequence[int]] = {}
    declined: dict[Block, str] = {}
    for block in plan:
        try:
            answers[block], _ = await line.read(block)
        except ServiceRefused as error:
            declined[block] = error.reason
    for name, place in named:
        _named(name, place, answers, declined, found)


def _named(
    name: str, place: Place, answers: dict[Block, Sequence[int]], declined: dict[Block, str], found: Found
) -> None:
    reason = next((why for block, why in declined.items() if block.holds(place.modbus)), "")
    if reason:
        found.refuse(name, reason)
        return
    try:
        found.register(
            name,
            pick(place.modbus, answers, place.scaler - place.exponent),
            place.scaler,
            unit_word(place.unit),
        )
    except DecodeError as error:
        found.refuse(name, error.reason)
