"""The places of the village: who is supplied, from which station, through which kind of meter."""

from __future__ import annotations

import random
from dataclasses import dataclass

from simulators import people, trades
from simulators.chance import stream
from simulators.trades import Trade

BOOK = "SO-{:02d}"
KEYED_SHARE = 24


@dataclass(frozen=True, slots=True)
class Seat:
    """One customer and its measurement point; `number` counts from 0."""

    number: int
    station: int
    feeder: str
    trade: Trade
    model: str
    code: str
    name: str
    address: str
    phone: str
    serial: str
    password: str

    @property
    def point(self) -> str:
        """The measurement point: the customer's code and three digits (MA_DDO)."""
        return self.code + "001"


def feeders(station: int) -> tuple[tuple[str, str], ...]:
    """Code and name of a station's lines."""
    return tuple((f"L{station + 1}.{line}", f"Lộ {line} — {people.STATIONS[station][0]}") for line in (1, 2))


def draw(seed: int, customers: int) -> tuple[Seat, ...]:
    """The customers of a cooperative, mixed over two stations."""
    chance = stream("seats", seed)
    kinds = _trades(customers)
    chance.shuffle(kinds)
    models = _models(kinds, chance)
    serials = [str(number) for number in chance.sample(range(11_000_000, 30_000_000), customers)]
    seats = []
    for number, (trade, model, serial) in enumerate(zip(kinds, models, serials, strict=True)):
        station = 0 if number < (customers + 1) // 2 else 1
        owner = people.name(chance)
        seats.append(
            Seat(
                number=number,
                station=station,
                feeder=chance.choice(feeders(station))[0],
                trade=trade,
                model=model,
                code=f"PA24DA{number + 1:07d}",
                name=f"{chance.choice(trade.words)} {owner.split()[-1]}" if trade.words else owner,
                address=people.address(chance, station),
                phone=people.phone(chance),
                serial=serial,
                password=password(chance),
            )
        )
    return tuple(seats)


def password(chance: random.Random) -> str:
    """What a meter asks of who reads it: eight characters."""
    return "".join(chance.choices("ABCDEFGHJKLMNPQRSTUVWXYZ23456789", k=8))


def _trades(customers: int) -> list[Trade]:
    pair = 2 if customers >= 24 else 1  # a hamlet keeps enough plain households for the faults
    fixed = [
        trades.WORKSHOP,
        *[trades.COLD_STORE] * 2,
        trades.TAILOR,
        trades.PUMP,
        *[trades.EATERY] * pair,
        *[trades.BIG_HOUSEHOLD] * pair,
        *[trades.GROCERY] * (customers // 10),
        *[trades.TWO_HOUSEHOLDS] * (1 + customers // 60),
    ]
    return fixed + [trades.HOUSEHOLD] * (customers - len(fixed))


def _models(kinds: list[Trade], chance: random.Random) -> list[str]:
    """The model of each meter: as its phases need, some of the single-phase ones old, some Modbus, some with
    keys of their own."""
    count = len(kinds)
    models = [
        "dk-3p-ct" if trade.multiplier > 1 else "dk-3p" if trade.phases == 3 else "dk-1p" for trade in kinds
    ]
    homes = [i for i, trade in enumerate(kinds) if trade in (trades.HOUSEHOLD, trades.GROCERY)]
    homes = chance.sample(homes, len(homes))
    for model, share in (("dk-1p-5", 12), ("dk-mb-log", 15), ("dk-mb", 20)):
        for _ in range(max(1, count // share)):
            models[homes.pop()] = model
    for _ in range(count // KEYED_SHARE):  # none in a hamlet: it keeps its plain households for the faults
        models[homes.pop()] = "dk-1p-s"
    return models
