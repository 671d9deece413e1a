"""A district of many alike households: as many meters and modems as one likes, cheap to have.

Nothing is planted in it but dead modems. Its meters share a few load shapes, so that a meter is a serial, a
password, a start and a share; what it is asked is reckoned when it is asked.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Final

from model.grid import Customer, Feeder, ModemLink, Multiplier, Point, ReadingBook, Role, Station
from model.grid import Supply as Terms
from simulators import halfhours, people, seats, shapes
from simulators.chance import key, stream
from simulators.history import History
from simulators.hung import Fleet, Hung
from simulators.lines import DIALECTS, Line
from simulators.networks import Network
from simulators.options import District, Options
from simulators.shapes import Shape, SharedLedger, SharedSupply

MODEL: Final = "dk-1p"
KEYED_MODEL: Final = "dk-1p-s"
BEHIND_A_STATION: Final = 250
_ONE: Final = Decimal(1)
_SERIALS: Final = range(100_000_000, 1_000_000_000)  # the cooperative's have eight digits


def build(options: Options, district: District, network: Network) -> Fleet:
    """The fleet of a seed and an epoch; a dead modem of it is dead from the beginning."""
    seed, count = options.seed, district.meters
    history = History.before(options.epoch)
    first = history.first_slot
    chance = stream("district", seed)
    serials = [str(number) for number in chance.sample(_SERIALS, count)]
    drawn = shapes.drawn(seed, first)
    for shape in drawn:  # at once, so that no meter's first answer waits for it
        shape.sums(first, history.epoch + halfhours.SLOTS_A_DAY)
    stations = range(-(-count // BEHIND_A_STATION))
    multipliers = (Multiplier(halfhours.begin_of(first), _ONE),)
    supplies = (Terms(valid_from=history.first, plan="vn-household"),)
    customers, points, meters = [], [], {}
    for number, serial in enumerate(serials):
        code = f"PD24DA{number + 1:07d}"
        station = number // BEHIND_A_STATION
        side = station % len(people.STATIONS)
        customers.append(
            Customer(
                code,
                people.name(chance),
                people.address(chance, side),
                seats.BOOK.format(station + 1),
                people.phone(chance),
            )
        )
        points.append(
            Point(
                code=code + "001",
                role=Role.CUSTOMER,
                station=_station(station),
                feeder=_feeder(station),
                customer=code,
                multipliers=multipliers,
                supplies=supplies,
            )
        )
        model = KEYED_MODEL if key("keyed", seed, number) < district.keyed * 2**64 else MODEL
        meters[serial] = _meter(seed, number, serial, model, code + "001", drawn, seats.password(chance))
    lines = _lines(options, district, serials)
    dead = network.dead(seed, [line.code for line in lines])
    return Fleet(
        history_from=halfhours.begin_of(first),
        stations=tuple(Station(_station(n), f"TBA số {n + 1}") for n in stations),
        feeders=tuple(Feeder(_feeder(n), f"Lộ — {_station(n)}", _station(n)) for n in stations),
        books=tuple(ReadingBook(seats.BOOK.format(n + 1), f"Sổ {_station(n)}") for n in stations),
        customers=tuple(customers),
        points=tuple(points),
        meters=meters,
        lines=lines,
        silent={line.code: first for line in lines if line.code in dead},
    )


def _station(number: int) -> str:
    return f"TBA-{number + 1:04d}"


def _feeder(number: int) -> str:
    return f"L{number + 1}.1"


def _meter(
    seed: int, number: int, serial: str, model: str, point: str, drawn: Sequence[Shape], password: str
) -> Hung:
    """Meter `number`: the shapes in turn, and of each another share for every meter."""
    chance = key("meter", seed, number)
    shape = drawn[number % len(drawn)]
    start = (chance % 50_000_000, chance // 7 % 20_000_000, chance // 11 % 20_000_000)
    ledger = SharedLedger(shape, 400 + chance // 13 % 1600, start)
    return Hung(
        serial=serial,
        model=model,
        point=point,
        supply=SharedSupply(ledger),
        ledger=ledger,
        since=shape.first,
        seed=key("terminals", seed, number),
        password=password,
    )


def _lines(options: Options, district: District, serials: Sequence[str]) -> tuple[Line, ...]:
    """The meters spread evenly, neighbours together; which modems call is drawn from the seed."""
    count = district.modems
    chance = stream("district lines", options.seed)
    calling = frozenset(chance.sample(range(count), round(count * district.dial_in)))
    lines = []
    for number in range(count):
        here = tuple(serials[number * len(serials) // count : (number + 1) * len(serials) // count])
        imei = "86" + "".join(chance.choices("0123456789", k=13))
        dialect = chance.choice(DIALECTS)
        code = f"MD-{number + 1:05d}"
        if number in calling and options.dial_in_to is not None:
            lines.append(Line(code, ModemLink.DIAL_IN, here, dialect, imei))
        else:
            lines.append(Line(code, ModemLink.DIAL_OUT, here))
    return tuple(lines)
