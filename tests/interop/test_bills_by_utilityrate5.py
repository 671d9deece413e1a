"""Random customers billed by us and by NREL-PySAM's `Utilityrate5`: tiers, hours, demand with a ratchet.

It knows no Vietnamese law: full months alone are compared, no price change, no quota by days. In the first
months of a year it looks a month further back into the year before than told; that year is empty here.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from analytics.billing import Request, rate
from analytics.tariffs import country
from analytics.tariffs.files import SHIPPED
from tests.foreign_peers import Peers

DAYS = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
HOURS = [3] * 4 + [1] * 5 + [2] * 3 + [1] * 5 + [2] * 3 + [1] * 2 + [3] * 2  # 1 normal, 2 peak, 3 off-peak
CODES = {1: "BT", 2: "CD", 3: "TD"}
SEED = 963


@dataclass(frozen=True)
class Year:
    """Twelve months of a tariff: ours as requests, theirs as a case; money of theirs × `scale` is ours."""

    requests: tuple[Request, ...]
    case: dict[str, Any]
    tariffs: Path
    scale: int


def requests_of(plan: str, year: int, months: list[dict[str, Any]], **more: Any) -> tuple[Request, ...]:
    found = []
    for number, month in enumerate(months, start=1):
        start = date(year, number, 1)
        end = date(year + number // 12, number % 12 + 1, 1)
        extra = dict(more)
        if "peak" in month:
            extra["pmax_kw"] = Decimal(month["peak"])
            before = months[: number - 1][::-1]
            extra["past_pmax_kw"] = tuple(Decimal(one["peak"]) for one in before)
        kwh = {
            CODES[int(name)] if len(month["kwh"]) > 1 else "KT": used for name, used in month["kwh"].items()
        }
        found.append(Request(plan, start, end, date(2025, 7, 1), kwh, **extra))
    return tuple(found)


def households(draw: random.Random) -> Year:
    """Six tiers of a Vietnamese decision."""
    tariff = draw.choice(country().dated)
    widths, prices = tariff.household.widths, tariff.household.prices
    shares = draw.choice([1, 2, 3, 7])
    upper = [sum(widths[: n + 1]) * shares for n in range(len(widths))]
    months = [{"kwh": {"1": draw.choice([draw.randint(0, 900), *upper])}} for _ in DAYS]
    case = {"tiers": [*map(list, zip([*upper, 0], prices, strict=True))], "year": months}
    asked = requests_of("vn-household", 2025, months, households=Decimal(shares), what_if=tariff.decision)
    return Year(asked, case, SHIPPED, 1)


def by_the_hour(draw: random.Random) -> Year:
    """Production or business of a Vietnamese decision, on three rates."""
    tariff = draw.choice(country().dated)
    table, kv = draw.choice(["production", "business"]), draw.choice(["0.4", "6", "22", "110"])
    found = tariff.three_rate_at(table, Decimal(kv))
    months = [{"kwh": {str(n): draw.randint(0, 60_000) for n in (1, 2, 3)}} for _ in DAYS]
    prices = {"1": found.normal, "2": found.peak, "3": found.offpeak}
    asked = requests_of(f"vn-{table}", 2025, months, voltage_kv=Decimal(kv), what_if=tariff.decision)
    return Year(asked, {"rates": prices, "hours": HOURS, "year": months}, SHIPPED, 1)


class Invented:
    """A country of random tariffs, written out as its folder."""

    def __init__(self, root: Path, draw: random.Random) -> None:
        self.root, self.draw = root, draw
        self.plans = 'currency = "XTS"\ndigits = 2\nprice_digits = 4\n'
        self.prices = 'decision = "INVENTED"\neffective = 2025-01-01\nsource = "drawn"\n'

    def money(self, low: int, high: int) -> str:
        return str(Decimal(self.draw.randint(low, high)).scaleb(-4))

    def plan(self, name: str, pricing: str, **flags: bool) -> None:
        self.plans += f'[[plan]]\nname = "{name}"\npricing = "{pricing}"\ntable = "{name}"\n'
        self.plans += "".join(f"{flag} = true\n" for flag in flags)

    def table(self, kind: str, name: str, body: str) -> None:
        self.prices += f'[{kind}.{name}]\nconfidence = "example"\n{body}\n'

    def write(self) -> None:
        folder = self.root / "invented"
        folder.mkdir(parents=True)
        (folder / "country.toml").write_text(self.plans, encoding="utf-8")
        (folder / "2025-01-01.toml").write_text(self.prices, encoding="utf-8")
        (folder / "vat.toml").write_text('[[rate]]\npercent = "0"\n', encoding="utf-8")

    def tiered(self, name: str) -> Year:
        """Two to eight tiers of any width and price, falling ones too, and a standing charge."""
        draw = self.draw
        count = draw.randint(2, 8)
        widths = [draw.randint(1, 300) for _ in range(count - 1)]
        prices = [self.money(100, 5000) for _ in range(count)]
        standing = self.money(0, 200_000)
        self.plan(name, "tiers", standing=True)
        self.table("tiers", name, f"widths_kwh = {widths}\nprices = {prices}")
        self.table("standing", name, f'bands = [{{ price = "{standing}" }}]')
        upper = [sum(widths[: n + 1]) for n in range(len(widths))]
        months = [{"kwh": {"1": draw.choice([draw.randint(0, 2000), *upper])}} for _ in DAYS]
        case = {"tiers": [*map(list, zip([*upper, 0], map(float, prices), strict=True))], "year": months}
        return Year(requests_of(name, 2025, months), case | {"standing": float(standing)}, self.root, 100)

    def demanding(self, name: str) -> Year:
        """Three rates, and kW with a ratchet over any number of months."""
        draw = self.draw
        rates = {n: self.money(100, 3000) for n in (1, 2, 3)}
        price, minimum = self.money(10_000, 200_000), draw.choice([0, 20, 60])
        percent, back = draw.choice([0, 50, 75, 80, 100]), draw.randint(1, 11)
        standing = self.money(0, 3_000_000)
        self.plan(name, "three_rate", demand=True, standing=True)
        bands = f'normal = "{rates[1]}", peak = "{rates[2]}", offpeak = "{rates[3]}"'
        self.table("three_rate", name, f"bands = [{{ {bands} }}]")
        ratchet = f"ratchet_percent = {percent}\nratchet_months = {back}\nminimum_kw = {minimum}"
        self.table("demand", name, f'{ratchet}\nbands = [{{ price = "{price}" }}]')
        self.table("standing", name, f'bands = [{{ price = "{standing}" }}]')
        months = []
        for days in DAYS:
            peak = draw.randint(1, 400)
            used = {n: draw.randint(0, peak * (days * HOURS.count(n) - 1)) for n in (1, 2, 3)}
            used[1] += peak
            months.append({"kwh": {str(n): kwh for n, kwh in used.items()}, "peak": peak})
        case = {
            "rates": {str(n): float(one) for n, one in rates.items()},
            "hours": HOURS,
            "demand": {"price": float(price), "percent": percent, "months": back, "minimum": minimum},
            "standing": float(standing),
            "year": months,
        }
        return Year(requests_of(name, 2025, months), case, self.root, 100)


@pytest.mark.parametrize("years_each", [50, pytest.param(1000, marks=pytest.mark.soak)])
def test_two_thousand_customers_come_out_as_with_utilityrate5(
    years_each: int, peers: Peers, tmp_path: Path
) -> None:
    draw = random.Random(SEED)
    invented = Invented(tmp_path / "countries", draw)
    years = [make(draw) for make in (households, by_the_hour) for _ in range(years_each)]
    years += [invented.tiered(f"tiers-{n}") for n in range(years_each)]
    years += [invented.demanding(f"demand-{n}") for n in range(years_each)]
    invented.write()
    theirs = peers.run("utilityrate5.py", [year.case for year in years])
    compared = 0
    for year, charges in zip(years, theirs, strict=True):
        for request, charge in zip(year.requests, charges, strict=True):
            ours = rate(request, tariffs=year.tariffs)
            # We round each line to the smallest unit, they round nothing.
            slack = 0.001 if year.scale == 1 else 0.5 * len(ours.lines) + 0.001
            assert ours.subtotal == pytest.approx(charge * year.scale, abs=slack, rel=1e-12), (request, ours)
            compared += 1
    assert compared == 4 * 12 * years_each >= 2000
