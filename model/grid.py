"""Stations, feeders, modems, meters, measurement points and who hangs on them."""

from __future__ import annotations

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


class ModemLink(StrEnum):
    DIAL_OUT = "dial_out"  # we connect to host:port
    DIAL_IN = "dial_in"  # the modem connects to our listener and registers
    MQTT = "mqtt"  # a gateway reads its meters by itself and sends what they said through a broker


@dataclass(frozen=True, slots=True)
class Station:
    code: str
    name: str


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
    code: str
    name: str
    address: str
    book: str  # ReadingBook.code
    phone: str = ""
    email: str = ""


@dataclass(frozen=True, slots=True)
class Modem:
    """One communication line. `registration` is what a dial-in modem or a gateway says it is called; `cell`
    is the radio cell it shares with others, empty where that is not known."""

    code: str
    link: ModemLink
    dialect: str = "transparent"  # name of a rule set in protocols/modem
    host: str = ""
    port: int = 0
    registration: str = ""
    cell: str = ""

    def __post_init__(self) -> None:
        if self.link is ModemLink.DIAL_OUT and not (self.host and 0 < self.port < 65536):
            raise ModelError(f"modem {self.code}: a dial-out modem needs a host and a port")
        if self.link is ModemLink.DIAL_IN and not self.registration:
            raise ModelError(f"modem {self.code}: a dial-in modem needs the name it registers with")
        if self.link is ModemLink.MQTT and not self.registration:
            raise ModelError(f"modem {self.code}: an MQTT gateway needs the id it sends under")


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
    """How a point is billed from a local day on."""

    valid_from: date
    plan: str  # vn-household, vn-business, vn-production …
    households: Decimal = Decimal(1)
    voltage_kv: Decimal = Decimal("0.4")
    one_rate: bool = True
    tou_schedule: str = "TT16-2014"


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
    customer: str = ""  # Customer.code, empty for a station head
    multipliers: tuple[Multiplier, ...] = ()
    supplies: tuple[Supply, ...] = ()


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
