"""The cooperative of a seed: two stations, their customers, meters and modems, and seven planted faults."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from decimal import Decimal

from model.alert import AlertKind
from model.grid import Customer, Feeder, Multiplier, Point, ReadingBook, Role, Station, Transformer
from model.grid import Supply as Terms
from model.period import local_day
from protocols import meter_models as models
from protocols.meter_models.model import Speech
from simulators import faults, halfhours, people, seats
from simulators.chance import key, stream
from simulators.faults import Faults
from simulators.history import History
from simulators.hung import Fleet, Hung, Planted
from simulators.ledger import Ledger
from simulators.lines import BENCH, DIALECTS, Line, Lines
from simulators.seats import Seat
from simulators.supply import House, StationHead, counted
from simulators.trades import load_of

HEAD_MULTIPLIER = 80  # 400/5 A
_FIVE_DIGITS_WH = 100_000_000
_STATIONS = tuple(zip(people.STATIONS, (250, 180), strict=True))  # their kVA stand in their names


def build(seed: int, epoch: datetime, customers: int, *, can_dial_in: bool) -> Fleet:
    """The fleet of a seed and an epoch; nothing in it depends on the time it is looked at."""
    history = History.before(epoch)
    drawn = seats.draw(seed, customers)
    planted = faults.plant(seed, history, drawn)
    houses = {seat.number: _house(seed, seat, planted) for seat in drawn}
    meters = [meter for seat in drawn for meter in _meters(seed, history, seat, houses[seat.number], planted)]
    meters += [_head(seed, history, station, drawn, houses) for station in range(len(people.STATIONS))]
    lines = _lines(seed, drawn, meters, planted, can_dial_in)
    silent_serial = drawn[planted.seats[AlertKind.MODEM_SILENT]].serial
    return Fleet(
        history_from=halfhours.begin_of(history.first_slot),
        stations=tuple(Station(code, name, (_transformer(history, kva),)) for (code, name), kva in _STATIONS),
        feeders=tuple(
            Feeder(code, name, people.STATIONS[station][0])
            for station in range(len(people.STATIONS))
            for code, name in seats.feeders(station)
        ),
        books=tuple(
            ReadingBook(seats.BOOK.format(i + 1), f"Sổ {name}") for i, (_, name) in enumerate(people.STATIONS)
        ),
        customers=tuple(
            Customer(seat.code, seat.name, seat.address, seats.BOOK.format(seat.station + 1), seat.phone)
            for seat in drawn
        ),
        points=tuple(_point(history, seat) for seat in drawn)
        + tuple(_head_point(history, station) for station in range(len(people.STATIONS))),
        meters={meter.serial: meter for meter in meters},
        lines=lines,
        planted=tuple(
            Planted(kind, _shows_at(kind, drawn[number])) for kind, number in planted.seats.items()
        ),
        silent={line.code: planted.silent_since for line in lines if silent_serial in line.serials},
    )


def _transformer(history: History, kva: int) -> Transformer:
    """As the head's supply has it: 180 Wh of iron loss in each half-hour; the lines of a village are long."""
    begun = local_day(halfhours.begin_of(history.first_slot))
    return Transformer(begun, Decimal(kva), Decimal(360), Decimal(10 * kva), Decimal(20))


def _shows_at(kind: AlertKind, seat: Seat) -> str:
    """A swap shows at the meter that hangs there now."""
    return successor(seat.serial) if kind is AlertKind.METER_SWAP else seat.serial


def successor(serial: str) -> str:
    """The serial of the meter that replaces this one; drawn serials stay below its range."""
    return str(int(serial) + 30_000_000)


def _house(seed: int, seat: Seat, planted: Faults) -> House:
    load = load_of(seat.trade, seed, seat.number, key("weather", seed))
    if seat.number in planted.changes:
        load = replace(load, changes=(planted.changes[seat.number],))
    bypass = planted.bypass if planted.seats[AlertKind.PHASE_BYPASS] == seat.number else None
    return House(key("phases", seed, seat.number), load, seat.trade.phases, seat.trade.shares, bypass)


def _meters(seed: int, history: History, seat: Seat, house: House, planted: Faults) -> list[Hung]:
    """The meter of a seat; two where one was swapped."""
    chance = stream("start", seed, seat.number)
    stuck = planted.stuck_since if planted.seats[AlertKind.STUCK_METER] == seat.number else None
    count = counted(house, stuck)
    first = history.first_slot
    divisor = seat.trade.multiplier if models.load(seat.model).values_secondary else 1
    total = chance.randrange(3_000_000, 60_000_000)
    if planted.seats[AlertKind.ROLLOVER] == seat.number:
        so_far = Ledger(count, first, start=(0, 0, 0), divisor=divisor)
        total = _FIVE_DIGITS_WH - so_far.registers(planted.wraps_at * halfhours.SLOT_S)[0]
    meter = Hung(
        serial=seat.serial,
        model=seat.model,
        point=seat.point,
        supply=house,
        ledger=Ledger(count, first, start=_start(total), divisor=divisor),
        since=first,
        seed=key("terminals", seed, seat.number),
        multiplier=seat.trade.multiplier,
        drift_s=planted.drift_s if planted.seats[AlertKind.CLOCK_DRIFT] == seat.number else 0,
        password=seat.password,
    )
    if planted.seats[AlertKind.METER_SWAP] != seat.number:
        return [meter]
    at = planted.swapped_at
    removed = Ledger(count, first, end=at, start=_start(total), divisor=divisor)
    return [
        replace(meter, ledger=removed, until=at),
        replace(
            meter,
            serial=successor(seat.serial),
            ledger=Ledger(count, at, start=_start(chance.randrange(0, 9_000)), divisor=divisor),
            since=at,
            password=seats.password(chance),
        ),
    ]


def _start(total: int) -> tuple[int, int, int]:
    """A register's value split over normal, peak and off-peak hours as years of use would."""
    peak, offpeak = total * 22 // 100, total * 19 // 100
    return total - peak - offpeak, peak, offpeak


def _head(
    seed: int, history: History, station: int, drawn: tuple[Seat, ...], houses: dict[int, House]
) -> Hung:
    chance = stream("head", seed, station)
    behind = tuple(houses[seat.number] for seat in drawn if seat.station == station)
    supply = StationHead(key("head", seed, station), behind)
    start = _start(chance.randrange(5_000_000, 40_000_000))
    divisor = HEAD_MULTIPLIER if models.load("dk-head").values_secondary else 1
    return Hung(
        serial=str(70_000_000 + chance.randrange(1_000_000) * 2 + station),
        model="dk-head",
        point=f"{people.STATIONS[station][0]}-TONG",
        supply=supply,
        ledger=Ledger(counted(supply), history.first_slot, start=start, divisor=divisor),
        since=history.first_slot,
        seed=key("terminals", seed, "head", station),
        multiplier=HEAD_MULTIPLIER,
        password=seats.password(chance),
    )


def _point(history: History, seat: Seat) -> Point:
    terms = Terms(
        valid_from=history.first,
        plan=seat.trade.plan,
        households=seat.trade.households,
        one_rate=not seat.trade.three_rate,
        contract_kw=seat.trade.contract_kw,
    )
    return Point(
        code=seat.point,
        role=Role.CUSTOMER,
        station=people.STATIONS[seat.station][0],
        feeder=seat.feeder,
        customer=seat.code,
        multipliers=(Multiplier(halfhours.begin_of(history.first_slot), Decimal(seat.trade.multiplier)),),
        supplies=(terms,),
    )


def _head_point(history: History, station: int) -> Point:
    code = people.STATIONS[station][0]
    multiplier = Multiplier(halfhours.begin_of(history.first_slot), Decimal(HEAD_MULTIPLIER))
    return Point(f"{code}-TONG", Role.STATION_HEAD, code, multipliers=(multiplier,))


def _lines(
    seed: int, drawn: tuple[Seat, ...], meters: list[Hung], planted: Faults, can_dial_in: bool
) -> tuple[Line, ...]:
    """Heads and the workshop have modems of their own, so has the one that falls silent; the others share."""
    lines = Lines(seed, can_dial_in=can_dial_in, dialects=DIALECTS)
    chance = stream("silent", seed)
    silent = planted.seats[AlertKind.MODEM_SILENT]
    alone = [meter.serial for meter in meters if meter.model in ("dk-head", "dk-3p-ct")]
    for serial in alone:
        lines.add([serial])
    lines.add([drawn[silent].serial], dial_in=chance.random() < 0.5)
    removed = [meter.serial for meter in meters if meter.until is not None]
    for station in range(len(people.STATIONS)):
        here = {seat.point for seat in drawn if seat.station == station and seat.number != silent}
        sharing = [m for m in meters if m.point in here and m.until is None and m.serial not in alone]
        dlms = [meter.serial for meter in sharing if not _is_modbus(meter)]
        modbus = [meter.serial for meter in sharing if _is_modbus(meter)]
        lines.share(dlms, least=2, most=4, dial_in_share=0.45)
        lines.share(modbus, least=2, most=4, dial_in_share=0.0)
    lines.add(removed, code=BENCH)
    return tuple(lines.drawn)


def _is_modbus(meter: Hung) -> bool:
    return models.load(meter.model).speech is Speech.MODBUS
