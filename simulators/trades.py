"""Who lives and works in the village, as demand: households, shops, a cold store, a workshop."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

import numpy as np

from simulators.chance import Floats, key
from simulators.loads import Load, bump, open_hours


@dataclass(frozen=True, slots=True)
class Trade:
    """A kind of customer: how it is billed, how it is wired, and its demand drawn for one customer."""

    name: str
    plan: str
    phases: int
    draw: Callable[[random.Random, int, int], Load]
    shares: tuple[float, float, float] = (0.36, 0.34, 0.30)  # of the three phases, where there are three
    multiplier: int = 1
    three_rate: bool = False
    words: tuple[str, ...] = ()  # what stands before the owner's name on a signboard
    households: Decimal = Decimal(1)
    contract_kw: Decimal | None = None


def _flat(watts: float) -> Floats:
    return np.full(48, float(watts))


def _household(chance: random.Random, seed: int, weather: int) -> Load:
    size = chance.uniform(0.7, 1.7)
    early = chance.uniform(-0.6, 0.6)
    fridge = chance.uniform(90, 130)
    at_noon = chance.choice((0.3, 0.6, 1.0))
    workday = (
        _flat(fridge)
        + bump(6.0 + early, 0.8, 170 * size)
        + bump(11.3 + early / 2, 0.8, 180 * size * at_noon)
        + bump(19.3 + early, 1.6, 330 * size)
    )
    restday = workday + bump(10.5, 2.5, 120 * size) + bump(15.0, 2.0, 80 * size)
    cooled = chance.uniform(0.3, 1.0) * (bump(13.0, 1.8, 25 * at_noon) + bump(22.5, 2.8, 55))
    return Load(
        seed, weather, (workday, restday, restday * 1.05), cooled, floor_w=fridge * 0.8, bursts=(0.03, 600)
    )


def _big_household(chance: random.Random, seed: int, weather: int) -> Load:
    base = _household(chance, seed, weather)
    weekday, saturday, sunday = (curve * 1.8 + 120 for curve in base.curves)
    return Load(seed, weather, (weekday, saturday, sunday), base.heat_w * 2, 220, bursts=(0.04, 1200))


def _grocery(chance: random.Random, seed: int, weather: int) -> Load:
    size = chance.uniform(0.8, 1.5)
    weekday = _flat(210) + open_hours(6.5, 21.5, 240 * size) + bump(18.5, 1.5, 160 * size)
    return Load(
        seed, weather, (weekday, weekday * 1.12, weekday * 1.15), open_hours(9, 21, 14), 170, 0.08, 0.18
    )


def _eatery(chance: random.Random, seed: int, weather: int) -> Load:
    size = chance.uniform(0.8, 1.4)
    weekday = (
        _flat(330) + bump(6.5, 1.2, 900 * size) + bump(11.5, 1.2, 1300 * size) + bump(18.5, 1.8, 1500 * size)
    )
    return Load(
        seed, weather, (weekday, weekday * 1.2, weekday * 1.25), open_hours(9, 22, 30), 300, 0.08, 0.2
    )


def _cold_store(chance: random.Random, seed: int, weather: int) -> Load:
    watts = chance.uniform(1500, 1950)
    weekday = _flat(watts) + open_hours(5, 9, 420) + open_hours(15, 18, 350)
    return Load(seed, weather, (weekday, weekday, weekday * 0.97), _flat(0), watts * 0.75, 0.04, 0.12)


def _tailor(chance: random.Random, seed: int, weather: int) -> Load:
    weekday = _flat(260) + open_hours(7.5, 11.5, 1300) + open_hours(13, 17.5, 1350)
    return Load(seed, weather, (weekday, weekday * 0.9, weekday * 0.5), _flat(0), 240, 0.05, 0.12)


def _pump(chance: random.Random, seed: int, weather: int) -> Load:
    weekday = _flat(420) + open_hours(4.5, 8, 2100) + open_hours(16, 19, 1700)
    return Load(seed, weather, (weekday, weekday, weekday), _flat(0), 380, 0.05, 0.15)


def _workshop(chance: random.Random, seed: int, weather: int) -> Load:
    kw = chance.uniform(38, 52) * 1000
    workday = _flat(2800) + open_hours(7.5, 11.5, kw) + open_hours(13, 17, kw) + open_hours(17, 20, kw * 0.35)
    saturday = _flat(2800) + open_hours(7.5, 11.5, kw * 0.9) + open_hours(13, 16, kw * 0.6)
    return Load(seed, weather, (workday, saturday, _flat(2600)), _flat(0), 2400, 0.06, 0.1)


HOUSEHOLD: Final = Trade("household", "vn-household", 1, _household)
TWO_HOUSEHOLDS: Final = Trade("household", "vn-household", 1, _household, households=Decimal(2))
BIG_HOUSEHOLD: Final = Trade("big_household", "vn-household", 3, _big_household)
GROCERY: Final = Trade("grocery", "vn-business", 1, _grocery, words=("Tạp hoá", "Cửa hàng", "Quán nước"))
EATERY: Final = Trade("eatery", "vn-business", 3, _eatery, words=("Quán phở", "Nhà hàng", "Cơm bình dân"))
COLD_STORE: Final = Trade(
    "cold_store",
    "vn-business",
    3,
    _cold_store,
    shares=(0.30, 0.24, 0.46),
    words=("Kho lạnh", "Đại lý kem đá"),
)
# Its third phase has never been wired to anything: no current there, and nobody to blame.
TAILOR: Final = Trade("tailor", "vn-production", 3, _tailor, shares=(0.58, 0.42, 0.0), words=("Xưởng may",))
PUMP: Final = Trade(
    "pump", "vn-production", 3, _pump, shares=(0.44, 0.30, 0.26), words=("Trạm bơm HTX", "Xay xát")
)
WORKSHOP: Final = Trade(
    "workshop",
    "vn-production",
    3,
    _workshop,
    multiplier=40,
    three_rate=True,
    contract_kw=Decimal(60),
    words=("Xưởng gỗ", "Cơ khí"),
)


def load_of(trade: Trade, seed: int, who: int, weather: int) -> Load:
    """The demand of customer number `who` of a village."""
    chance = random.Random(key("load", seed, who, trade.name))
    return trade.draw(chance, key("noise", seed, who), weather)
