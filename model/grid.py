"""Stations, feeders, modems, meters, measurement points and who hangs on them."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum

from model.errors import ModelError
from model.period import require_aware


class Role(StrEnum):
    """What a measurement point stands for."""

    CUSTOMER = "customer"
    STATION_HEAD = "station_head"  # sum meter of a station: no customer, never billed, used for losses
    CHECK = "check"  # a second meter on the supply of another point: no customer, never billed


class ModemLink(StrEnum):
    DIAL_OUT = "dial_out"  # we connect to host:port
    DIAL_IN = "dial_in"  # the modem connects to our listener and registers
    MQTT = "mqtt"  # a gateway reads its meters by itself and sends what they said through a broker
    SERIAL = "serial"  # a serial port of the head-end's machine, RS-485 as a rule
    CSD = "csd"  # a modem of ours dials a telephone number
    UDP = "udp"  # datagrams to host:port


ASKED = frozenset(set(ModemLink) - {ModemLink.MQTT})
"""Links over which meters are asked; the others bring what they have by themselves."""
_DEVICE = re.compile(r"/\S+( [1-9]\d{1,6}( [78][NEO][12])?)?")
_HEXADECIMAL = re.compile(r"[0-9A-Fa-f]*")
_KEY_DIGITS = {32, 64}
_NUMBER = re.compile(r"\+?[0-9*#]{3,20}")
LARGEST_KVA = 1_000_000


@dataclass(frozen=True, slots=True)
class Transformer:
    """What feeds a station from a local day on: `kva` of the name plate, of several together their sum.

    `no_load_w` and `load_w` are lost without load and at the rated one (IEC 60076-1), `line_percent` of the
    rated power in the lines behind it; None: nobody said. `head_behind`: the head meter hangs on the
    low-voltage side, so that what the transformer loses does not pass through it.
    """

    valid_from: date
    kva: Decimal
    no_load_w: Decimal | None = None
    load_w: Decimal | None = None
    line_percent: Decimal | None = None
    head_behind: bool = False

    def __post_init__(self) -> None:
        if not (self.kva.is_finite() and 0 < self.kva <= LARGEST_KVA):
            raise ModelError(f"a transformer has above 0 and up to {LARGEST_KVA:,} kVA, not {self.kva}")
        for watts in (self.no_load_w, self.load_w):
            if watts is not None and not 0 <= watts < self.kva * 1000:
                raise ModelError(f"a transformer of {self.kva} kVA loses less than that, not {watts} W")
        if self.line_percent is not None and not 0 <= self.line_percent < 100:
            raise ModelError(f"lines lose from 0 to below 100 percent, not {self.line_percent}")


@dataclass(frozen=True, slots=True)
class Station:
    code: str
    name: str
    transformers: tuple[Transformer, ...] = ()  # the oldest first

    def transformer_on(self, day: date) -> Transformer | None:
        """What feeds it on a local day; None where nobody said."""
        begun = [one for one in self.transformers if one.valid_from <= day]
        return max(begun, key=lambda one: one.valid_from) if begun else None


@dataclass(frozen=True, slots=True)
class Feeder:
    code: str
    name: str
    station: str  # Station.code


@dataclass(frozen=True, slots=True)
class ReadingBook:
    """Sổ ghi chỉ số: customers read on the same day."""

    code: str
    name: str
    reading_day: int = 1  # day of month whose 00:00 closes the book

    def __post_init__(self) -> None:
        if not 1 <= self.reading_day <= 28:
            raise ModelError(
                f"book {self.code}: the reading day lies between 1 and 28, not {self.reading_day}"
            )


@dataclass(frozen=True, slots=True)
class Customer:
    """`tax_code` is an MST (10 digits, a branch's three more) or a person's identification number (12)."""

    code: str
    name: str
    address: str
    book: str  # ReadingBook.code
    phone: str = ""
    email: str = ""
    tax_code: str = ""


@dataclass(frozen=True, slots=True)
class Modem:
    """One communication line. `registration` is what a dial-in modem or a gateway says it is called; `cell`
    is the radio cell it shares with others, empty where that is not known.

    `device` is a serial port of the head-end's machine, with its speed and its character bits where they are
    not 9600 8N1 (`/dev/ttyUSB0 300 7E1`); `dials` the telephone number behind a modem of ours, which is on
    such a port or behind host:port.
    """

    code: str
    link: ModemLink
    dialect: str = "transparent"  # name of a rule set in protocols/modem
    host: str = ""
    port: int = 0
    registration: str = ""
    cell: str = ""
    device: str = ""
    dials: str = ""

    def __post_init__(self) -> None:
        somewhere = bool(self.host) and 0 < self.port < 65536
        if self.link is ModemLink.DIAL_OUT and not somewhere:
            raise ModelError(f"modem {self.code}: a dial-out modem needs a host and a port from 1 to 65535")
        if self.link is ModemLink.UDP and not somewhere:
            raise ModelError(f"modem {self.code}: datagrams need a host and a port from 1 to 65535")
        if self.device and not _DEVICE.fullmatch(self.device):
            raise ModelError(
                f"modem {self.code}: a serial port is written like /dev/ttyUSB0 9600 8N1, not {self.device}"
            )
        if self.link is ModemLink.SERIAL and not self.device:
            raise ModelError(f"modem {self.code}: a serial line needs a port like /dev/ttyUSB0")
        if self.link is ModemLink.CSD and not (_NUMBER.fullmatch(self.dials) and (self.device or somewhere)):
            raise ModelError(
                f"modem {self.code}: a call needs a number, and a serial port or host and port of our modem"
            )
        if self.link is ModemLink.DIAL_IN and not self.registration:
            raise ModelError(f"modem {self.code}: a dial-in modem needs the name it registers with")
        if self.link is ModemLink.MQTT and not self.registration:
            raise ModelError(f"modem {self.code}: an MQTT gateway needs the id it sends under")


@dataclass(frozen=True, slots=True)
class SecretKeys:
    """What opens a meter that wants keys, in hexadecimal digits: the global unicast encryption key, the
    authentication key and, empty where it is not known, the master key under which new ones travel."""

    encryption: str = field(repr=False)
    authentication: str = field(repr=False)
    master: str = field(default="", repr=False)

    def __post_init__(self) -> None:
        sizes = {len(key) for key in (self.encryption, self.authentication, self.master) if key}
        hexadecimal = all(
            _HEXADECIMAL.fullmatch(key) for key in (self.encryption, self.authentication, self.master)
        )
        if len(sizes) != 1 or sizes - _KEY_DIGITS or not hexadecimal:
            raise ModelError("the keys of a meter have 32 hexadecimal digits each (64 in suite 2)")
        if not (self.encryption and self.authentication):
            raise ModelError("a meter that wants keys has an encryption key and an authentication key")


@dataclass(frozen=True, slots=True)
class Meter:
    """A meter as the meter room knows it. `model` names a file in protocols/meter_models.

    `live_every_s`: how often its voltages and currents are asked for; None: as the head-end's setting says,
    0: never.
    """

    serial: str
    model: str
    modem: str  # Modem.code
    address: int = 1  # DLMS server (logical device) address or Modbus unit
    digits: int | None = None  # None: as the model says
    password: str | None = field(default=None, repr=False)
    live_every_s: int | None = None
    keys: SecretKeys | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        if self.live_every_s is not None and self.live_every_s < 0:
            raise ModelError(
                f"meter {self.serial}: values are asked for every so many seconds, not {self.live_every_s}"
            )


@dataclass(frozen=True, slots=True)
class Multiplier:
    """CT × VT of a point from an instant on."""

    valid_from: datetime
    value: Decimal = Decimal(1)

    def __post_init__(self) -> None:
        require_aware(self.valid_from)
        if self.value <= 0:
            raise ModelError(f"a multiplier must be above zero, not {self.value}")


@dataclass(frozen=True, slots=True)
class Supply:
    """How a point is billed from a local day on.

    `tenants`: people who live there for rent, in place of `households`; `undeclared`: a lease under 12 months
    whose tenants nobody declared. `three_rate_refused`: the three-rate meter that the law wants was refused
    after two notices. `buys_reactive` None: as the law says of `contract_kw` and of a transformer of the
    customer's own (`transformer_kva`).
    """

    valid_from: date
    plan: str  # vn-household, vn-business, vn-production …
    households: Decimal = Decimal(1)
    voltage_kv: Decimal = Decimal("0.4")
    one_rate: bool = True
    tou_schedule: str = "TT16-2014"
    tenants: int | None = None
    undeclared: bool = False
    three_rate_refused: bool = False
    buys_reactive: bool | None = None
    contract_kw: Decimal | None = None
    transformer_kva: Decimal | None = None

    def __post_init__(self) -> None:
        if self.tenants is not None and self.tenants < 1:
            raise ModelError(f"{self.tenants} tenants from {self.valid_from} on: give one or more, or none")
        if self.tenants is not None and self.undeclared:
            raise ModelError(
                f"tenants from {self.valid_from} on are {self.tenants} people or undeclared, not both"
            )
        for size in (self.contract_kw, self.transformer_kva):
            if size is not None and size <= 0:
                raise ModelError(f"contract power and a transformer's size are above zero, not {size}")


@dataclass(frozen=True, slots=True)
class PeriodFacts:
    """What somebody said of one period of a point, local days, `end` no longer in it: why it is as long as it
    is (`reason`, empty: as its meters say), and of a cooperative's bulk meter how many households used
    something and what it retailed to others."""

    point: str
    start: date
    end: date
    reason: str = ""
    households_with_use: int | None = None
    retail_other_kwh: int | None = None

    def __post_init__(self) -> None:
        if self.end <= self.start:
            raise ModelError(f"point {self.point}: the period ends on {self.end}, not after {self.start}")
        if (self.households_with_use is None) != (self.retail_other_kwh is None):
            raise ModelError(
                f"point {self.point}: a bulk meter's households with use and other retail go together"
            )
        if min(self.households_with_use or 0, self.retail_other_kwh or 0) < 0:
            raise ModelError(f"point {self.point}: households and kWh are never below zero")


@dataclass(frozen=True, slots=True)
class Installation:
    """A meter hangs at a point from `since` until `until` (still there: None).

    Indices are raw register values by register code (KT, BT, CD, TD) at hanging and taking down.
    """

    point: str
    serial: str
    since: datetime
    until: datetime | None = None
    first_index: dict[str, int] = field(default_factory=dict)
    last_index: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        require_aware(self.since)
        if self.until is not None and require_aware(self.until) <= self.since:
            raise ModelError(f"meter {self.serial} at {self.point}: taken down before it was hung")


@dataclass(frozen=True, slots=True)
class Point:
    """A measurement point (điểm đo): the place that is billed, whichever meter hangs there."""

    code: str
    role: Role
    station: str
    feeder: str = ""
    customer: str = ""  # Customer.code, empty where nobody is billed
    multipliers: tuple[Multiplier, ...] = ()
    supplies: tuple[Supply, ...] = ()
    checked_by: str = ""  # Point.code of its check meter, empty for none


@dataclass(frozen=True, slots=True)
class Register:
    """Everything the office knows of its grid: what an import brings and a simulator announces."""

    stations: tuple[Station, ...] = ()
    feeders: tuple[Feeder, ...] = ()
    books: tuple[ReadingBook, ...] = ()
    customers: tuple[Customer, ...] = ()
    modems: tuple[Modem, ...] = ()
    meters: tuple[Meter, ...] = ()
    points: tuple[Point, ...] = ()
    installations: tuple[Installation, ...] = ()
