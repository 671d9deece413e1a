"""A fleet that replays a file: each household a meter of its name at a customer of its name."""

from __future__ import annotations

from decimal import Decimal

from model.grid import Customer, Feeder, Multiplier, Point, ReadingBook, Role, Station
from model.grid import Supply as Terms
from model.period import local_day
from simulators import halfhours, people, seats
from simulators.chance import key, stream
from simulators.hung import Fleet, Hung
from simulators.ledger import Ledger
from simulators.lines import DIALECTS, Lines
from simulators.replay import Recording, Replay
from simulators.supply import Recorded, counted

MODEL = "dk-1p"
MOST_MODEMS = 40


def build(seed: int, replay: Replay, *, can_dial_in: bool) -> Fleet:
    """One station, every second modem dialling in, nothing planted. Few households have a modem each."""
    code, name = people.STATIONS[0]
    lines = Lines(seed, can_dial_in=can_dial_in, dialects=DIALECTS)
    names = [recording.name for recording in replay.recordings]
    shared = 1 + (len(names) - 1) // MOST_MODEMS
    for number, begin in enumerate(range(0, len(names), shared)):
        lines.add(names[begin : begin + shared], dial_in=number % 2 == 1)
    feeder, feeder_name = seats.feeders(0)[0]
    return Fleet(
        history_from=halfhours.begin_of(min(recording.first for recording in replay.recordings)),
        stations=(Station(code, name),),
        feeders=(Feeder(feeder, feeder_name, code),),
        books=(ReadingBook(seats.BOOK.format(1), f"Sổ {name}"),),
        customers=tuple(_customer(seed, recording) for recording in replay.recordings),
        points=tuple(_point(recording, code, feeder) for recording in replay.recordings),
        meters={recording.name: _meter(seed, recording) for recording in replay.recordings},
        lines=tuple(lines.drawn),
        replay=replay.report(),
    )


def _customer(seed: int, recording: Recording) -> Customer:
    chance = stream("customer", seed, recording.name)
    return Customer(recording.name, recording.name, people.address(chance, 0), seats.BOOK.format(1))


def _point(recording: Recording, station: str, feeder: str) -> Point:
    since = halfhours.begin_of(recording.first)
    return Point(
        code=recording.name + "001",
        role=Role.CUSTOMER,
        station=station,
        feeder=feeder,
        customer=recording.name,
        multipliers=(Multiplier(since, Decimal(1)),),
        supplies=(Terms(valid_from=local_day(since), plan="vn-household"),),
    )


def _meter(seed: int, recording: Recording) -> Hung:
    supply = Recorded(recording.first, recording.wh)
    return Hung(
        serial=recording.name,
        model=MODEL,
        point=recording.name + "001",
        supply=supply,
        ledger=Ledger(counted(supply), recording.first, start=(0, 0, 0)),
        since=recording.first,
        seed=key("terminals", seed, recording.name),
        password=seats.password(stream("password", seed, recording.name)),
        recorded=supply,
    )
