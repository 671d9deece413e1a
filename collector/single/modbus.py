"""Reading a Modbus meter by address: ADDRESS:COUNT as raw registers, or what its model describes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from collector.errors import AnswerTimeout, LinkDown
from collector.exchange.abilities import model_of
from collector.exchange.logger import LoggerReader
from collector.single.found import Asked, Found, ProfileAsked, unit_word
from collector.single.item_forms import MODBUS_FORM, range_of
from collector.single.modbus_calls import OpenLine, Said, modbus_line, read_blocks, spoken_of
from collector.single.routes import ModbusAddress
from model.period import LOCAL
from protocols.dlms.selection import CLOCK_OBIS
from protocols.errors import DecodeError, LocalError, RemoteError, ServiceRefused
from protocols.meter_models.model import MeterModel, Place
from protocols.modbus.logger import Logger
from protocols.modbus.registers import Block, Register, pick
from protocols.obis import Obis

_ALWAYS = (datetime(1970, 1, 1, tzinfo=UTC), datetime(9999, 1, 1, tzinfo=UTC))


async def read(open_line: OpenLine, address: ModbusAddress, asked: Asked) -> Found:
    """See `collector.single.read.read`. Without items all registers and quantities of the model are read.

    An answer that does not come costs its own items only: see `read_blocks`.
    """
    model = model_of(address.model) if address.model else None
    found = Found()
    questions = _Questions(address, model, found)
    for item in asked.items:
        questions.item(item)
    if asked == Asked() and model is not None:
        questions.everything(model)
    clock = _clock(model, found) if asked.clock else None
    blocks = questions.blocks()
    if clock is not None and model is not None:
        blocks.append(Block(clock.function, clock.address, clock.type.words))
    if asked.objects:
        found.refuse("objects", "a Modbus meter has no list of objects")
    said = await read_blocks(open_line, address, blocks)
    questions.answer(said)
    if clock is not None and model is not None:
        _told_time(clock, model, said, found)
    if asked.profile is not None:
        await _profile(open_line, address, model, asked.profile, found, spoken=bool(blocks))
    return found


class _Questions:
    """Items in their order, each with the registers it needs, or with the reason why it makes no sense."""

    def __init__(self, address: ModbusAddress, model: MeterModel | None, found: Found) -> None:
        self._function, self._model, self._found = address.function, model, found
        self._asked: list[tuple[str, Block | Place | str]] = []

    def item(self, item: str) -> None:
        """ADDRESS:COUNT, or an OBIS code of the model."""
        if (found := range_of(item)) is not None:
            self._asked.append((item, Block(self._function, *found)))
        else:
            self._asked.append((item, self._named(item)))

    def _named(self, item: str) -> Place | str:
        try:
            code = Obis.parse(item)
        except LocalError:
            return f"an item is {MODBUS_FORM}"
        if self._model is None:
            return "an OBIS code says nothing of registers: name the meter's model in its address"
        known = [place for place in _places(self._model) if place.obis == code]
        if known:
            return known[0]
        logger = self._model.modbus_settings and self._model.modbus_settings.logger
        if logger and logger.obis == code:
            return f"this is the meter's load profile: read it with --profile {item}"
        return f"the model {self._model.name} has no register of this code"

    def everything(self, model: MeterModel) -> None:
        """All that the model describes, by the names it can be asked for."""
        for place in _places(model):
            self._asked.append((str(place.named), place))

    def blocks(self) -> list[Block]:
        """What to read: ranges as they were asked for, the model's registers in as few reads as it allows."""
        ranges = [what for _, what in self._asked if isinstance(what, Block)]
        if self._model is None:
            return ranges
        try:
            return ranges + list(self._model.modbus.plan(w for _, w in self._asked if isinstance(w, Place)))
        except LocalError as error:  # a model of another protocol
            self._asked = [(item, error.reason if isinstance(w, Place) else w) for item, w in self._asked]
            return ranges

    def answer(self, said: Said) -> None:
        """Every item with its value, or with the reason why there is none."""
        for item, what in self._asked:
            if isinstance(what, Place):
                self._number(item, what, said)
            elif isinstance(what, str):
                self._found.refuse(item, what)
            elif what in said.words:
                self._found.register(item, list(said.words[what]))
            else:
                self._found.refuse(item, said.refused[what])

    def _number(self, item: str, place: Place, said: Said) -> None:
        if reason := said.reason(place):
            self._found.refuse(item, reason)
            return
        try:
            raw = pick(place.modbus, said.words, place.scaler - place.exponent)
        except DecodeError as error:
            self._found.refuse(item, error.reason)
        else:
            self._found.register(item, raw, place.scaler, unit_word(place.unit))


def _places(model: MeterModel) -> list[Place]:
    """Where everything stands that has a code."""
    return [one.place for one in model.registers] + [one.place for one in model.instants]


def _clock(model: MeterModel | None, found: Found) -> Register | None:
    settings = None if model is None else model.modbus_settings
    if settings is None or settings.clock is None:
        found.refuse("clock", "no register of a clock is known of this meter: name a model that has one")
        return None
    return settings.clock


def _told_time(clock: Register, model: MeterModel, said: Said, found: Found) -> None:
    block = Block(clock.function, clock.address, clock.type.words)
    epoch = model.modbus.epoch
    if block in said.refused or epoch is None:
        found.refuse("clock", said.refused.get(block, "its model does not say what it counts from"))
        return
    try:
        local = epoch + timedelta(seconds=clock.decode(said.words[block]))
    except (DecodeError, OverflowError) as error:
        found.refuse("clock", str(error))
    else:
        found.clock = local.replace(tzinfo=LOCAL).isoformat()


async def _profile(
    open_line: OpenLine,
    address: ModbusAddress,
    model: MeterModel | None,
    asked: ProfileAsked,
    found: Found,
    *,
    spoken: bool,
) -> None:
    """The records of the meter's own logger, where its model describes one under the code asked for.

    A line that breaks is raised where the meter has not `spoken`, for then there is nothing else to show.
    """
    logger = model.modbus_settings.logger if model is not None and model.modbus_settings else None
    try:
        code = Obis.parse(asked.obis)
    except LocalError as error:
        found.refuse(asked.obis, error.reason)
        return
    if model is not None and code in [place.obis for place in _places(model)]:
        found.refuse(asked.obis, "this is a register: name it as an item, without --profile")
        return
    if model is None or logger is None or logger.obis != code:
        found.refuse(
            asked.obis, "no load profile of this code is known of this meter: name a model that has it"
        )
        return
    try:
        async with open_line() as stream:
            reader = LoggerReader(modbus_line(stream, address), model, logger)
            await reader.open()
            if asked.entries is not None:
                stamps, columns, _ = await reader.entries(*asked.entries)
            else:
                first, last = asked.first or _ALWAYS[0], asked.last or _ALWAYS[1]
                stamps, columns, _ = await reader.records(first, last)
    except (ServiceRefused, DecodeError) as error:
        found.refuse(asked.obis, error.reason)
        return
    except (AnswerTimeout, LinkDown, RemoteError) as error:
        if not spoken:
            raise
        found.refuse(asked.obis, spoken_of(error))
        return
    found.profile = _table(model, logger, stamps.tolist(), {name: c.tolist() for name, c in columns.items()})


def _table(
    model: MeterModel, logger: Logger, stamps: list[int], columns: dict[str, list[int]]
) -> dict[str, Any]:
    described: list[dict[str, Any]] = [{"item": str(CLOCK_OBIS), "scaler": None, "unit": None}]
    cells: list[list[Any]] = [
        [datetime.fromtimestamp(at, UTC).astimezone(LOCAL).isoformat() for at in stamps]
    ]
    if "status" in columns:
        described.append({"item": "status", "scaler": None, "unit": None})
        cells.append(columns["status"])
    for name, column in model.logger_columns:
        place = column.place
        described.append({"item": str(place.obis), "scaler": place.scaler, "unit": unit_word(place.unit)})
        cells.append(columns[name])
    return {"columns": described, "rows": [list(row) for row in zip(*cells, strict=True)]}
