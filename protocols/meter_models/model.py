"""What a file of this folder says about a kind of meter."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Final

from model.series import Channel, ProfileKind, Rate, RegisterKey, Unit
from protocols.dlms.axdr import Tag
from protocols.dlms.enums import Mechanism
from protocols.dlms.objects import InterfaceClass
from protocols.dlms.reference import Attribute
from protocols.dlms.selection import CLOCK_COLUMN, CaptureObject
from protocols.errors import LocalError
from protocols.meter_models.mode_c import ModeCSettings
from protocols.meter_models.pushing import Pushes
from protocols.modbus.framing import Carrier
from protocols.modbus.logger import Logger
from protocols.modbus.registers import MAX_REGISTERS, Block, Register, read_plan
from protocols.obis import Obis


class Speech(StrEnum):
    """The protocol a meter speaks."""

    DLMS = "dlms"
    MODBUS = "modbus"
    MODE_C = "iec62056-21"


class Quantity(StrEnum):
    """Electrical quantities of an instant, as `model.readout.InstantRead` has them."""

    VOLTAGE_1 = "voltage_1"
    VOLTAGE_2 = "voltage_2"
    VOLTAGE_3 = "voltage_3"
    CURRENT_1 = "current_1"
    CURRENT_2 = "current_2"
    CURRENT_3 = "current_3"
    POWER = "power"
    REACTIVE = "reactive"
    COS_PHI = "cos_phi"
    FREQUENCY = "frequency"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a number stands and what it means: value = raw × 10^scaler `unit`.

    One of `attribute` (DLMS) and `register` (Modbus) is set, neither in mode C and in a Modbus logger. `code`
    is the OBIS code of what stands there in Modbus and mode C. `exponent` is for float registers kept in
    thousands of the unit (3 for kWh): raw = float × 10^(exponent − scaler). `tag` is a DLMS meter's.
    """

    scaler: int
    unit: Unit
    attribute: Attribute | None = None
    register: Register | None = None
    code: Obis | None = None
    exponent: int = 0
    tag: Tag = Tag.DOUBLE_LONG_UNSIGNED

    @property
    def obis(self) -> Obis | None:
        """What it is called, whatever it is read with."""
        return self.code if self.attribute is None else self.attribute.obis

    @property
    def named(self) -> Obis:
        """The same; `LocalError` in a Modbus logger, whose fields have no code."""
        if self.obis is None:
            raise LocalError("a field of a logger has no OBIS code")
        return self.obis

    def value(self, raw: int) -> Decimal:
        """The exact value in `unit`."""
        return Decimal(raw).scaleb(self.scaler)

    def decode(self, words: Sequence[int]) -> int:
        """The raw integer of its Modbus registers; raises `DecodeError`."""
        return self.modbus.decode(words, self.scaler - self.exponent)

    def encode(self, raw: int) -> tuple[int, ...]:
        """The Modbus registers of a raw integer."""
        return self.modbus.encode(raw, self.scaler - self.exponent)

    @property
    def modbus(self) -> Register:
        """The register; `LocalError` at a meter of another protocol."""
        if self.register is None:
            raise LocalError("a meter of another protocol has no Modbus registers")
        return self.register

    @property
    def dlms(self) -> Attribute:
        """The attribute; `LocalError` at a meter of another protocol."""
        if self.attribute is None:
            raise LocalError("a meter of another protocol has no COSEM attributes")
        return self.attribute


@dataclass(frozen=True, slots=True)
class RegisterItem:
    """An energy register."""

    key: RegisterKey
    place: Place


@dataclass(frozen=True, slots=True)
class InstantItem:
    """An electrical quantity."""

    quantity: Quantity
    place: Place


@dataclass(frozen=True, slots=True)
class ProfileColumn:
    """One measured column of a load profile."""

    channel: Channel
    kind: ProfileKind
    place: Place

    @property
    def capture(self) -> CaptureObject:
        """The column as the meter lists it among its capture objects."""
        attribute = self.place.dlms
        return CaptureObject(attribute.class_id, attribute.obis, attribute.number)


@dataclass(frozen=True, slots=True)
class LoadProfile:
    """A DLMS load profile, stamped at the end of the interval; `status` is a column, 0 for a good row."""

    obis: Obis
    interval_seconds: int
    entries: int
    columns: tuple[ProfileColumn, ...]
    status: CaptureObject | None = None

    @property
    def captures(self) -> tuple[CaptureObject, ...]:
        """All columns in order: clock, status where there is one, the measured ones."""
        status = () if self.status is None else (self.status,)
        return (CLOCK_COLUMN, *status, *(column.capture for column in self.columns))


@dataclass(frozen=True, slots=True)
class BillingProfile:
    """A DLMS profile of register snapshots at 00:00 of the first day of each month."""

    obis: Obis
    entries: int
    registers: tuple[RegisterItem, ...]

    @property
    def captures(self) -> tuple[CaptureObject, ...]:
        """All columns in order, the clock first."""
        places = [item.place.dlms for item in self.registers]
        return (CLOCK_COLUMN, *(CaptureObject(at.class_id, at.obis, at.number) for at in places))


@dataclass(frozen=True, slots=True)
class EventLog:
    """A DLMS profile of what happened to the meter: the time and a code; `words` are what the codes mean."""

    obis: Obis
    entries: int
    code: Obis
    words: dict[int, str]

    @property
    def captures(self) -> tuple[CaptureObject, ...]:
        """Clock and event code."""
        return (CLOCK_COLUMN, CaptureObject(InterfaceClass.DATA, self.code, 2))


@dataclass(frozen=True, slots=True)
class Control:
    """What a DLMS meter can be told from afar: `switch` is its disconnect control, `limiter` where its
    threshold stands (raw × 10^scaler W), `clock` whether its clock may be set."""

    switch: Obis | None = None
    limiter: Place | None = None
    clock: bool = False


NO_CONTROL: Final = Control()


@dataclass(frozen=True, slots=True)
class Keyed:
    """Where a meter with keys of its own tells the highest invocation counter it has heard, and to whom it
    tells that without proof (`counter` None: to nobody); which object takes new keys; the security suite."""

    public_client: int = 16
    counter: Obis | None = None
    setup: Obis | None = None
    suite: int = 0


@dataclass(frozen=True, slots=True)
class DlmsSettings:
    """How to open the meter: wrapper ports, authentication, and what it is particular about.

    `range_with_deviation`: whether the times of a range bear their deviation; some meters refuse the one
    form, some the other (Gurux/gurux.dlms.java issue 25). `keyed` is how to speak under keys, None with a
    mechanism that has none.
    """

    mechanism: Mechanism
    client: int
    server: int
    max_pdu: int
    range_with_deviation: bool
    keyed: Keyed | None = None


@dataclass(frozen=True, slots=True)
class ModbusSettings:
    """How to ask the meter: what it speaks at its own port, the largest hole a read may cover and the most
    registers it answers at once, registers of clock and serial, its logger.

    `clock` counts seconds of local time since `epoch`; `serial` are `serial_words` registers of text, two
    characters each, filled up with zero bytes.
    """

    unit: int
    max_gap: int
    function: int
    carrier: Carrier = Carrier.RTU
    max_count: int = MAX_REGISTERS
    clock: Register | None = None
    epoch: datetime | None = None
    serial: int | None = None
    serial_words: int = 0
    logger: Logger | None = None

    def plan(self, places: Iterable[Place]) -> tuple[Block, ...]:
        """The reads that bring these places, as few as the meter allows."""
        registers = [place.modbus for place in places]
        return read_plan(registers, max_gap=self.max_gap, max_count=self.max_count)


@dataclass(frozen=True, slots=True)
class MeterModel:
    """One kind of meter. `digits` are the whole kWh digits of its registers, None where unknown.

    `logger_columns` pairs the field names of a Modbus logger with what they measure.
    """

    name: str
    title: str
    maker: str
    source: str
    simulated: bool
    speech: Speech
    phases: int
    digits: int | None
    values_secondary: bool
    registers: tuple[RegisterItem, ...]
    instants: tuple[InstantItem, ...]
    dlms_settings: DlmsSettings | None = None
    modbus_settings: ModbusSettings | None = None
    mode_c_settings: ModeCSettings | None = None
    serial: Attribute | None = None
    clock: Attribute | None = None
    profile: LoadProfile | None = None
    billing: BillingProfile | None = None
    events: EventLog | None = None
    logger_columns: tuple[tuple[str, ProfileColumn], ...] = ()
    control: Control = NO_CONTROL
    pushes: Pushes = field(default_factory=Pushes)

    @property
    def dlms(self) -> DlmsSettings:
        """Its DLMS settings; `LocalError` at a Modbus meter."""
        if self.dlms_settings is None:
            raise LocalError(f"meter model {self.name} does not speak DLMS")
        return self.dlms_settings

    @property
    def modbus(self) -> ModbusSettings:
        """Its Modbus settings; `LocalError` at a DLMS meter."""
        if self.modbus_settings is None:
            raise LocalError(f"meter model {self.name} does not speak Modbus")
        return self.modbus_settings

    @property
    def mode_c(self) -> ModeCSettings:
        """Its mode C settings; `LocalError` at another meter."""
        if self.mode_c_settings is None:
            raise LocalError(f"meter model {self.name} does not speak IEC 62056-21")
        return self.mode_c_settings

    def register(self, channel: Channel, rate: Rate = Rate.TOTAL) -> RegisterItem:
        """The register of a channel and rate; `LocalError` when the meter has none."""
        for item in self.registers:
            if item.key == RegisterKey(channel, rate):
                return item
        raise LocalError(f"meter model {self.name} has no register {channel.name} {rate.code}")

    def modulus(self, place: Place, digits: int | None = None) -> int | None:
        """The raw value at which a register starts again from zero; None when its digits are not known.

        `digits` (whole kWh) of the single meter go before those of the model.
        """
        whole = self.digits if digits is None else digits
        if whole is None or place.unit not in (Unit.WATT_HOUR, Unit.VAR_HOUR):
            return None
        return int(Decimal(10) ** (whole + 3 - place.scaler))
