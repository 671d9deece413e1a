"""From the text of a model file to a `MeterModel`: every key is known, of its type and within its bounds."""

import tomllib
from collections.abc import Sequence
from datetime import datetime
from enum import Enum
from typing import Final, TypeVar

from model.series import Channel, ProfileKind, Rate, RegisterKey, Unit
from protocols.dlms.axdr import INTEGERS, Tag
from protocols.dlms.enums import Mechanism
from protocols.dlms.objects import CLOCK_TIME, InterfaceClass
from protocols.dlms.objects.limiting import Limiter
from protocols.dlms.reference import Attribute
from protocols.dlms.selection import CaptureObject
from protocols.errors import LocalError
from protocols.meter_models.mode_c import read_mode_c
from protocols.meter_models.model import (
    NO_CONTROL,
    BillingProfile,
    Control,
    DlmsSettings,
    EventLog,
    InstantItem,
    Keyed,
    LoadProfile,
    MeterModel,
    ModbusSettings,
    Place,
    ProfileColumn,
    Quantity,
    RegisterItem,
    Speech,
)  # fmt: skip
from protocols.meter_models.pushing import event_code, read_push
from protocols.meter_models.table import Table
from protocols.modbus.framing import Carrier
from protocols.modbus.logger import LOAD_PROFILE, Field, Logger
from protocols.modbus.registers import MAX_REGISTERS, Register, RegisterType, WordOrder
from protocols.obis import obis

UNITS: Final = {
    "Wh": Unit.WATT_HOUR, "varh": Unit.VAR_HOUR, "W": Unit.WATT, "var": Unit.VAR, "A": Unit.AMPERE,
    "V": Unit.VOLT, "Hz": Unit.HERTZ, "": Unit.NONE,
}  # fmt: skip
AUTHENTICATION: Final = {"none": Mechanism.NONE, "lls": Mechanism.LLS, "gmac": Mechanism.HLS_GMAC}
SUITES: Final = range(3)
CHANNELS: Final = {channel.name.lower(): channel for channel in Channel}
E = TypeVar("E", bound=Enum)


def _words(codes: type[E]) -> dict[str, E]:
    return {str(code.value): code for code in codes}


def read_model(name: str, text: str) -> MeterModel:
    """The model that a file's text describes; `LocalError` in one sentence says what is wrong and where."""
    place = f"meter model {name}"
    try:
        top = Table(place, tomllib.loads(text))
    except tomllib.TOMLDecodeError as wrong:
        raise LocalError(f"{place} is no TOML: {wrong}") from wrong
    try:
        return _model(name, top)
    except LocalError as wrong:
        if wrong.reason.startswith(place):
            raise
        raise LocalError(f"{place}: {wrong.reason}") from wrong


def _model(name: str, top: Table) -> MeterModel:
    if top.take("name", str) != name:
        raise LocalError(f"{top.place}: the name in the file is not the name of the file")
    speech = top.choose("protocol", _words(Speech))
    modbus_table = top.sub("modbus")
    order, function, absent = WordOrder.BIG, 3, False
    if modbus_table is not None:
        order = modbus_table.choose("word_order", _words(WordOrder), "big")
        function = modbus_table.choose("function", {"holding": 3, "input": 4}, "holding")
        absent = modbus_table.take("highest_is_none", bool, False)
    reader = _Places(speech, order, function, absent)
    registers = tuple(reader.register(table) for table in top.subs("register"))
    logger_table = modbus_table.sub("logger") if modbus_table is not None else None
    logger, logged = (None, ()) if logger_table is None else _logger(logger_table, order, function)
    serial = top.take("serial", str, None)
    clock = top.take("clock", bool, speech is Speech.DLMS)
    model = MeterModel(
        name=name,
        title=top.take("title", str),
        maker=top.take("maker", str),
        source=top.take("source", str),
        simulated=top.take("simulated", bool, False),
        speech=speech,
        phases=top.take("phases", int),
        digits=top.take("digits", int, None),
        values_secondary=top.choose("values", {"primary": False, "secondary": True}),
        registers=registers,
        instants=tuple(reader.instant(table) for table in top.subs("instant")),
        dlms_settings=_dlms(top.sub("dlms")),
        mode_c_settings=read_mode_c(mode_c) if (mode_c := top.sub("mode_c")) is not None else None,
        modbus_settings=_modbus(modbus_table, order, function, logger),
        serial=Attribute(InterfaceClass.DATA, obis(serial), 2) if serial else None,
        clock=CLOCK_TIME if clock and speech is Speech.DLMS else None,
        profile=_profile(top.sub("profile"), reader),
        billing=_billing(top.sub("billing"), registers),
        events=_events(top.sub("events")),
        logger_columns=logged,
        control=_control(top.sub("control")),
        pushes=read_push(top.sub("push")),
    )
    top.finish()
    _check(model)
    return model


def _check(model: MeterModel) -> None:
    keys = [item.key for item in model.registers]
    if len(set(keys)) != len(keys) or not keys:
        raise LocalError("each register is described once, and there is at least one")
    if model.phases not in (1, 3):
        raise LocalError(f"a meter has 1 or 3 phases, not {model.phases}")
    if model.digits is not None and not 4 <= model.digits <= 9:
        raise LocalError(f"a register shows 4 to 9 whole kWh digits, not {model.digits}")
    if (model.speech is Speech.DLMS) != (model.dlms_settings is not None):
        raise LocalError("a [dlms] table belongs to a meter that speaks it, and only there")
    if (model.speech is Speech.MODBUS) != (model.modbus_settings is not None):
        raise LocalError("a [modbus] table belongs to a meter that speaks it, and only there")
    if (model.speech is Speech.MODE_C) != (model.mode_c_settings is not None):
        raise LocalError("a [mode_c] table belongs to a meter that speaks it, and only there")
    if model.speech is Speech.MODBUS and (model.profile or model.billing or model.serial):
        raise LocalError("profiles and a serial by OBIS belong to DLMS meters")
    if model.speech is Speech.MODE_C and (model.billing or model.serial):
        raise LocalError("a closing profile belongs to DLMS meters, and the serial to [mode_c]")
    if model.pushes.lists and model.speech is not Speech.DLMS:
        raise LocalError("a [push] table belongs to a meter that speaks DLMS")
    if model.events is not None and model.speech is not Speech.DLMS:
        raise LocalError("an [events] table belongs to a meter that speaks DLMS")
    if model.control != NO_CONTROL and model.speech is not Speech.DLMS:
        raise LocalError("a [control] table belongs to a meter that speaks DLMS")
    codes = [item.place.obis for item in model.registers] + [item.place.obis for item in model.instants]
    if len(set(codes)) != len(codes):
        raise LocalError("each OBIS code stands for one register or quantity")


class _Places:
    """Reads where numbers stand, the one way or the other."""

    def __init__(self, speech: Speech, order: WordOrder, function: int, absent: bool) -> None:
        self._speech, self._order, self._function, self._absent = speech, order, function, absent

    def place(self, table: Table, class_id: int = InterfaceClass.REGISTER, number: int = 2) -> Place:
        """OBIS or address, scaler, unit; the table must then be empty."""
        scaler, unit = table.take("scaler", int, 0), table.choose("unit", UNITS)
        if self._speech is Speech.DLMS:
            tag = table.choose(
                "tag", {tag.name.lower(): tag for tag in Tag if tag in INTEGERS}, "double_long_unsigned"
            )
            class_id, number = table.take("class", int, class_id), table.take("attribute", int, number)
            place = Place(scaler, unit, Attribute(class_id, obis(table.take("obis", str)), number), tag=tag)
        elif self._speech is Speech.MODE_C:
            place = Place(scaler, unit, code=obis(table.take("obis", str)))
        else:
            kind = table.choose("type", _words(RegisterType))
            order = table.choose("word_order", _words(WordOrder), self._order.value)
            address, code = table.take("address", int), obis(table.take("obis", str))
            register = Register(address, kind, self._function, order, self._absent and not kind.digits)
            place = Place(scaler, unit, None, register, code, table.take("exponent", int, 0))
            if place.exponent and not kind.digits:
                raise LocalError(f"{table.place}: an exponent belongs to a float register")
        table.finish()
        return place

    def register(self, table: Table) -> RegisterItem:
        """One [[register]]."""
        channel = table.choose("channel", CHANNELS)
        rate = table.choose("rate", {rate.code: rate for rate in Rate}, "KT")
        return RegisterItem(RegisterKey(channel, rate), self.place(table))

    def instant(self, table: Table) -> InstantItem:
        """One [[instant]]."""
        return InstantItem(table.choose("quantity", _words(Quantity)), self.place(table))

    def column(self, table: Table) -> ProfileColumn:
        """One [[profile.column]]."""
        channel, kind = table.choose("channel", CHANNELS), table.choose("kind", _words(ProfileKind))
        return ProfileColumn(channel, kind, self.place(table))


def _dlms(table: Table | None) -> DlmsSettings | None:
    if table is None:
        return None
    mechanism = table.choose("auth", AUTHENTICATION)
    settings = DlmsSettings(
        mechanism=mechanism,
        client=table.take("client", int),
        server=table.take("server", int, 1),
        max_pdu=table.take("max_pdu", int, 0xFFFF),
        range_with_deviation=table.take("range_with_deviation", bool, True),
        keyed=_keyed(table) if mechanism is Mechanism.HLS_GMAC else None,
    )
    table.finish()
    return settings


def _keyed(table: Table) -> Keyed:
    counter, setup = table.take("counter", str, None), table.take("security_setup", str, None)
    suite = table.take("suite", int, 0)
    if suite not in SUITES:
        raise LocalError(f"{table.place}: the security suites are 0, 1 and 2, not {suite}")
    return Keyed(
        table.take("public_client", int, 16),
        None if counter is None else obis(counter),
        None if setup is None else obis(setup),
        suite,
    )


def _events(table: Table | None) -> EventLog | None:
    if table is None:
        return None
    log = EventLog(
        obis(table.take("obis", str)),
        table.take("entries", int),
        obis(table.take("code", str, "0.0.96.11.0")),
        {event_code(code): str(word) for code, word in table.take("codes", dict).items()},
    )
    table.finish()
    return log


def _control(table: Table | None) -> Control:
    if table is None:
        return NO_CONTROL
    switch, limiter = table.take("switch", str, None), table.take("limiter", str, None)
    threshold = None
    if limiter is not None:
        tags = {tag.name.lower(): tag for tag in Tag if tag in INTEGERS}
        threshold = Place(
            table.take("limiter_scaler", int, 0),
            Unit.WATT,
            Attribute(InterfaceClass.LIMITER, obis(limiter), Limiter.THRESHOLD_NORMAL),
            tag=table.choose("limiter_tag", tags, "double_long_unsigned"),
        )
    control = Control(None if switch is None else obis(switch), threshold, table.take("clock", bool, False))
    table.finish()
    return control


def _modbus(
    table: Table | None, order: WordOrder, function: int, logger: Logger | None
) -> ModbusSettings | None:
    if table is None:
        return None
    clock = table.take("clock_address", int, None)
    settings = ModbusSettings(
        unit=table.take("unit", int, 1),
        max_gap=table.take("max_gap", int, 0),
        function=function,
        carrier=table.choose("framing", _words(Carrier), "rtu"),
        max_count=table.take("max_count", int, MAX_REGISTERS),
        clock=None if clock is None else Register(clock, RegisterType.U32, function, order),
        epoch=table.take("clock_epoch", datetime, None) if clock is not None else None,
        serial=table.take("serial_address", int, None),
        serial_words=table.take("serial_words", int, 0),
        logger=logger,
    )
    if (clock is not None and settings.epoch is None) or (settings.serial is not None) != bool(
        settings.serial_words
    ):
        raise LocalError(f"{table.place}: a clock needs its epoch, a serial its number of words")
    if not 4 <= settings.max_count <= MAX_REGISTERS:
        raise LocalError(f"{table.place}: a meter answers 4 to {MAX_REGISTERS} registers at once")
    table.finish()
    return settings


def _profile(table: Table | None, reader: _Places) -> LoadProfile | None:
    if table is None:
        return None
    if table.take("stamp", str, "end") != "end":
        raise LocalError(f"{table.place}: a DLMS profile is stamped at the end of its interval")
    status = table.take("status", str, None)
    profile = LoadProfile(
        obis(table.take("obis", str)),
        table.take("interval_seconds", int),
        table.take("entries", int),
        tuple(reader.column(column) for column in table.subs("column")),
        None if status is None else CaptureObject(InterfaceClass.DATA, obis(status), 2),
    )
    table.finish()
    _check_interval(table.place, profile.interval_seconds, profile.columns)
    return profile


def _check_interval(place: str, seconds: int, columns: Sequence[ProfileColumn]) -> None:
    if seconds < 60 or 86_400 % seconds or not columns:
        raise LocalError(f"{place}: an interval divides a day, and something is measured in it")


def _billing(table: Table | None, registers: Sequence[RegisterItem]) -> BillingProfile | None:
    if table is None:
        return None
    known = {f"{item.key.channel.name.lower()} {item.key.rate.code}": item for item in registers}
    wanted = table.take("registers", list)
    for word in wanted:
        if word not in known:
            raise LocalError(f"{table.place}: {word!r} is none of the registers {', '.join(known)}")
    profile = BillingProfile(
        obis(table.take("obis", str)), table.take("entries", int), tuple(known[word] for word in wanted)
    )
    table.finish()
    return profile


def _logger(
    table: Table, order: WordOrder, function: int
) -> tuple[Logger, tuple[tuple[str, ProfileColumn], ...]]:
    fields: list[Field] = []
    columns: list[tuple[str, ProfileColumn]] = []
    for part in table.subs("field"):
        name = part.take("name", str)
        field = Field(name, part.take("offset", int), part.choose("type", _words(RegisterType)))
        fields.append(field)
        if name not in ("stamp", "status"):
            channel, kind = part.choose("channel", CHANNELS), part.choose("kind", _words(ProfileKind))
            code = obis(part.take("obis", str))
            place = Place(part.take("scaler", int, 0), part.choose("unit", UNITS), code=code)
            columns.append((name, ProfileColumn(channel, kind, place)))
        part.finish()
    if "stamp" not in [field.name for field in fields]:
        raise LocalError(f"{table.place}: a record needs a stamp")
    logger = Logger(
        oldest=table.take("oldest", int),
        newest=table.take("newest", int),
        select=table.take("select", int),
        window=table.take("window", int),
        window_records=table.take("window_records", int),
        record_words=table.take("record_words", int),
        interval_seconds=table.take("interval_seconds", int),
        epoch=table.take("epoch", datetime),
        fields=tuple(fields),
        order=order,
        function=function,
        obis=obis(table.take("obis", str, str(LOAD_PROFILE))),
    )
    table.finish()
    _check_interval(table.place, logger.interval_seconds, [column for _, column in columns])
    return logger, tuple(columns)
