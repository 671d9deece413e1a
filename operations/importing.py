"""Bringing a grid in: a whole register, a customer file, or one meter, each all or nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal

from analytics.errors import TariffError
from analytics.tariffs import PLANS, MeterHours
from model.errors import ModelError
from model.grid import (
    Customer,
    Installation,
    Meter,
    Modem,
    Multiplier,
    Point,
    ReadingBook,
    Register,
    Role,
    SecretKeys,
    Station,
    Supply,
)
from model.period import LOCAL, local_day, require_aware
from model.series import RegisterKey
from operations import line_words, models
from operations.errors import MeterRefused, PointRefused
from operations.hanging import refuse_too_few_rates, refuse_unsaid_multiplier
from operations.line_words import LineWords
from operations.multipliers import refuse_contradictions
from protocols import meter_models
from storage.grid import RegisterCounts, save_register
from storage.grid import register as known_register
from storage.pool import Pool

Wrap = Callable[[bytes], bytes]


def import_register(pool: Pool, register: Register, wrap: Wrap) -> RegisterCounts:
    """Take over what a register names; what it does not name is left alone.

    Raises `RegisterUnusable`; `MeterRefused` for a meter of primary values at a multiplier other than 1, or
    with an address that its line does not have; `PointRefused` for hours of the three rates that nobody
    knows or that bill nobody yet; `ModelError` for a modem at no possible host.
    """
    for point in register.points:
        _refuse_other_hours(point)
    for modem in register.modems:
        if modem.host:
            line_words.refuse_no_host(modem.code, modem.host)
    lines = {modem.code: modem for modem in register.modems}
    for meter in register.meters:
        if meter.modem in lines:
            line_words.refuse_no_address(meter.serial, meter.model, lines[meter.modem], meter.address)
    with pool.connection() as conn:
        counts = save_register(conn, register, wrap)
        refuse_contradictions(conn, register)
        return counts


def _refuse_other_hours(point: Point) -> None:
    try:
        if point.supplies:
            MeterHours((supply.valid_from, supply.tou_schedule) for supply in point.supplies)
    except TariffError as error:
        raise PointRefused(point.code, f"point {point.code}: {error}") from error


@dataclass(frozen=True, slots=True)
class NewMeter:
    """A meter to be hung. What the grid lacks is made with it: modem, point, customer, station and book.

    `indices` are the register's whole numbers at hanging by code (KT, BT, CD, TD), as the meter sends them.
    """

    serial: str
    model: str
    since: datetime
    host: str = ""
    port: int = 0
    registration: str = ""
    dialect: str = "transparent"
    device: str = ""  # a serial port, as in `model.grid.Modem`
    dials: str = ""
    udp: bool = False
    modem: str = ""  # its code; empty: made from the serial
    cell: str = ""  # the radio cell of a new modem
    live_every_s: int | None = None  # as in `model.grid.Meter`
    address: int = 1
    password: str | None = None
    keys: SecretKeys | None = field(default=None, repr=False)
    digits: int | None = None
    indices: dict[str, int] | None = None
    point: str = ""  # empty: made from the customer
    customer: str = ""
    customer_name: str = ""
    station: str = "T01"
    book: str = "S01"
    plan: str = "vn-household"
    multiplier: Decimal | None = None  # None: not said

    @property
    def line(self) -> LineWords:
        """What was said of the way to it."""
        return LineWords(
            self.host or None, self.port or None, self.registration or None, self.dialect,
            self.device or None, self.dials or None, self.udp, self.cell,
        )  # fmt: skip


def _checked(new: NewMeter) -> None:
    if not new.serial.strip():
        raise MeterRefused(new.serial, "a meter needs its serial: give it as it stands on the name plate")
    if new.model not in meter_models.names():
        known = ", ".join(meter_models.names())
        said = f"meter {new.serial}: no model is called “{new.model}”: use one of {known}"
        raise MeterRefused(new.serial, said)
    if new.plan not in PLANS:
        said = f"meter {new.serial}: no plan is called “{new.plan}”: use one of {', '.join(PLANS)}"
        raise MeterRefused(new.serial, said)
    line_words.refuse_unknown_dialect(new.serial, new.dialect)
    for code in new.indices or {}:
        try:
            RegisterKey.from_code(code)
        except ValueError as error:
            raise MeterRefused(new.serial, f"meter {new.serial}: {error}") from None
    if not new.point and not new.customer:
        said = f"meter {new.serial}: name the point it hangs at, or the customer it belongs to"
        raise MeterRefused(new.serial, said)
    if not new.line.leads_somewhere and not new.modem:
        said = (
            f"meter {new.serial}: give host and port of its modem, the name its modem registers with, a "
            "serial port (--device) or a telephone number (--dials)"
        )
        raise MeterRefused(new.serial, said)


def _modem(new: NewMeter, known: Register) -> Modem:
    code = new.modem or f"M-{new.serial}"
    if not new.line.leads_somewhere:
        found = next((modem for modem in known.modems if modem.code == code), None)
        if found is None:
            said = (
                f"meter {new.serial}: there is no modem {code} yet: give host and port, its registration, "
                "--device or --dials"
            )
            raise MeterRefused(new.serial, said)
        return found
    made = line_words.modem(new.serial, code, new.line)
    there = next((modem for modem in known.modems if modem.code == code), made)
    if there != made:
        where = line_words.way(there)
        said = f"meter {new.serial}: modem {code} is there already ({where}): leave its address out"
        raise MeterRefused(new.serial, f"{said}, or correct it (`ami meter change SERIAL`)")
    return made


def _place(new: NewMeter, known: Register) -> Register:
    """The point the meter hangs at, with what it leans on; only what is not there yet."""
    code = new.point or f"{new.customer}001"
    if any(point.code == code for point in known.points):
        return Register()
    if not new.customer:
        said = f"meter {new.serial}: there is no point {code} yet: name its customer, or correct its code"
        raise MeterRefused(new.serial, said)
    there = next((customer for customer in known.customers if customer.code == new.customer), None)
    if there is None and not new.customer_name:
        said = f"meter {new.serial}: there is no customer {new.customer} yet: give --name, or import it first"
        raise MeterRefused(new.serial, said)
    book = there.book if there else new.book
    point = Point(
        code,
        Role.CUSTOMER,
        new.station,
        customer=new.customer,
        multipliers=(Multiplier(new.since, new.multiplier or Decimal(1)),),
        supplies=(Supply(local_day(new.since), new.plan),),
    )
    return Register(
        stations=()
        if any(s.code == new.station for s in known.stations)
        else (Station(new.station, new.station),),
        books=() if any(b.code == book for b in known.books) else (ReadingBook(book, f"Sổ {book}"),),
        customers=() if there else (Customer(new.customer, new.customer_name, "", book),),
        points=(point,),
    )


def _refuse_other_name(new: NewMeter, known: Register) -> None:
    for there in known.customers:
        if there.code == new.customer and new.customer_name not in ("", there.name):
            said = (
                f"meter {new.serial}: customer {there.code} is called “{there.name}”, "
                f"not “{new.customer_name}”: leave the name out, or correct it in the customer file"
            )
            raise MeterRefused(new.serial, said)


def _refuse_taken(new: NewMeter, code: str, known: Register) -> None:
    for there in known.installations:
        if there.point == code and (there.until is None or there.until > new.since):
            if there.until is None:
                said = f"meter {there.serial} still hangs there: take it down first (`ami meter take-down`)"
            else:
                until = f"{there.until.astimezone(LOCAL):%d/%m/%Y %H:%M}"
                said = f"meter {there.serial} hung there until {until}: give a later --since"
            raise MeterRefused(new.serial, f"meter {new.serial} at {code}: {said}, or name another --point")


def _registered(serial: str, known: Register) -> str:
    """Why a serial that is known cannot be hung, and the way out."""
    stays = sorted(
        (item for item in known.installations if item.serial == serial), key=lambda item: item.since
    )
    if not stays or stays[-1].until is None:
        where = f" and hangs at {stays[-1].point}" if stays else ""
        return f"meter {serial} is registered already{where}: see `ami meter list`, or correct the serial"
    until = f"{stays[-1].until.astimezone(LOCAL):%d/%m/%Y %H:%M}"
    return (
        f"meter {serial} is registered already, and was taken down from {stays[-1].point} at {until}: "
        f"if that was a mistake, take it back (`ami meter take-down {serial} --undo`)"
    )


def hang(new: NewMeter, known: Register) -> tuple[Register, Point]:
    """What is to be taken over for a meter to hang where it is said, and its point. Raises `MeterRefused`."""
    _checked(new)
    require_aware(new.since)
    if any(meter.serial == new.serial for meter in known.meters):
        raise MeterRefused(new.serial, _registered(new.serial, known))
    try:
        modem = _modem(new, known)
    except ModelError as error:
        raise MeterRefused(new.serial, f"meter {new.serial}: {error}") from None
    line_words.refuse_no_address(new.serial, new.model, modem, new.address)
    _refuse_other_name(new, known)
    place = _place(new, known)
    code = place.points[0].code if place.points else new.point or f"{new.customer}001"
    _refuse_taken(new, code, known)
    meter = Meter(
        new.serial, new.model, modem.code, new.address, new.digits, new.password, new.live_every_s,
        new.keys,
    )  # fmt: skip
    point = next(point for point in (*place.points, *known.points) if point.code == code)
    refuse_unsaid_multiplier(new.serial, new.model, point, new.since, new.multiplier, new=bool(place.points))
    kind = models.kind(new.model)
    if kind is not None:
        refuse_too_few_rates(new.serial, new.model, kind, point, new.since)
    hung = Installation(code, new.serial, new.since, first_index=dict(new.indices or {}))
    return replace(place, modems=(modem,), meters=(meter,), installations=(hung,)), point


def add_meter(pool: Pool, new: NewMeter, wrap: Wrap) -> Point:
    """Hang one meter and return its point. Raises `MeterRefused`, or `RegisterUnusable` against the grid."""
    with pool.connection() as conn:
        touched, point = hang(new, known_register(conn))
        save_register(conn, touched, wrap)
        refuse_contradictions(conn, touched)
        return point
