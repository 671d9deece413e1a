"""A country: a folder of dated files, and the few rules in which its law differs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction
from functools import cache, cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any

from analytics.errors import BillingError, TariffError
from analytics.tariffs.files import SHIPPED, need, read, shown, unusable
from analytics.tariffs.kinds import Plan, plans_of
from analytics.tariffs.prices import Currency
from analytics.tariffs.reactive import ReactiveTable, reactive_table
from analytics.tariffs.tariff import Tariff, load
from analytics.tariffs.vat import VatRate, vat_rate


class NoTariff(TariffError):
    """No decision's prices are known for the day."""


@dataclass(frozen=True, slots=True)
class Rules:
    """What a country's law says about shared meters; None where it says nothing.

    `people`: tenants who count as one household. `undeclared_kwh`: the tier of this kWh is what all kWh of
    undeclared tenants cost. `other_factor`: by how much a reseller's other retail is raised for its losses.
    `three_rate_kwh`, `three_rate_kva`: from so many a month, or with so large a transformer of one's own, a
    three-rate meter is mandatory.
    """

    people: int | None = None
    undeclared_kwh: int | None = None
    other_factor: Fraction | None = None
    three_rate_kwh: int | None = None
    three_rate_kva: int | None = None


class Country:
    """The law of one country, read when it is asked for."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        path = folder / "country.toml"
        document = read(path)
        self.plans: Mapping[str, Plan] = plans_of(document, path)
        try:
            self.currency = Currency(
                need(document, "currency", path), document.get("digits", 0), document.get("price_digits", 0)
            )
            self.rules = _rules(document.get("rules", {}))
        except (TypeError, ValueError, ArithmeticError) as error:
            raise error if isinstance(error, TariffError) else unusable(path, error) from error

    @cached_property
    def dated(self) -> tuple[Tariff, ...]:
        """The decisions in the order of their days; `TariffError` for days that two hold or none."""
        known = [load(path, self.currency) for path in sorted(self.folder.glob("[0-9]*.toml"))]
        for one in known:
            if one.effective is None:
                raise TariffError("bad_tariff_file", f"{one.file} says nothing about 'effective': add it")
        known.sort(key=lambda one: one.effective or date.max)
        for earlier, later in pairwise(known):
            _follows(earlier, later)
        return tuple(known)

    def effective_dates(self) -> tuple[date, ...]:
        """The days from which a known decision holds, ascending."""
        return tuple(one.effective for one in self.dated if one.effective is not None)

    def in_force(self, day: date) -> Tariff:
        """The decision in force on `day`; `NoTariff` before the first known one and after the last's end."""
        for one in reversed(self.dated):
            if one.effective is not None and one.effective <= day:
                if one.dates.until is not None and day >= one.dates.until:
                    break
                return one
        raise NoTariff(
            "no_tariff",
            f"no price decision is known for {day}: add a file with that decision to "
            f"{shown(self.folder / 'x').removesuffix('x')}",
        )

    def tariff(self, decision: str, *, what_if: bool = False, day: date | None = None) -> Tariff:
        """The decision by name. One that is not in force bills nobody and is refused unless `what_if`.

        `day` gives the average price that an inactive structure in percent is laid on.
        """
        for one in self.dated:
            if one.decision == decision:
                return one
        inactive = {read(path).get("decision"): path for path in sorted(self.folder.glob("inactive-*.toml"))}
        if decision in inactive:
            path = inactive[decision]
            if not what_if:
                why = need(read(path), "inactive", path)
                raise TariffError(
                    "inactive_tariff", f"decision {decision} is not in force: {why}; ask for it as a what-if"
                )
            return load(path, self.currency, self.in_force(day or date.max).average_price)
        known = ", ".join(
            [one.decision for one in self.dated] + (sorted(map(str, inactive)) if what_if else [])
        )
        raise TariffError("no_tariff", f"no decision is called {decision!r}: known are {known}")

    def vat(self, day: date) -> VatRate:
        """The tax on an invoice dated `day`; raises `NoVatRate`."""
        return vat_rate(day, self.folder / "vat.toml")

    def reactive(self) -> ReactiveTable | None:
        """The surcharge for reactive energy; None where the country has none."""
        path = self.folder / "reactive.toml"
        return reactive_table(path) if path.exists() else None


def _rules(document: dict[str, Any]) -> Rules:
    factor = document.get("retail_other_factor")
    return Rules(
        document.get("people_per_household"),
        document.get("undeclared_pay_kwh"),
        None if factor is None else Fraction(Decimal(factor)),
        document.get("three_rate_from_kwh"),
        document.get("three_rate_from_kva"),
    )


def _follows(earlier: Tariff, later: Tariff) -> None:
    until, start = earlier.dates.until, later.effective
    if start is None or earlier.effective is None:
        return
    if earlier.effective == start or (until is not None and until > start):
        raise TariffError(
            "bad_tariff_file", f"{earlier.file} and {later.file} both hold on {start}: mend their dates"
        )
    if until is not None and until < start:
        raise TariffError(
            "bad_tariff_file",
            f"no decision holds from {until} to {start}, between {earlier.file} and {later.file}: "
            f"mend their dates",
        )


@cache
def countries(root: Path = SHIPPED) -> Mapping[str, Country]:
    """The countries below `root` by the name of their folder."""
    return {path.parent.name: Country(path.parent) for path in sorted(root.glob("*/country.toml"))}


def country(code: str = "vn") -> Country:
    return countries()[code]


def plan_in(name: str, root: Path = SHIPPED) -> tuple[Country, Plan]:
    """The plan called `name` and its country; `BillingError` lists those there are."""
    for one in countries(root).values():
        if name in one.plans:
            return one, one.plans[name]
    known = ", ".join(plan for one in countries(root).values() for plan in one.plans)
    raise BillingError("unknown_plan", f"no plan is called {name!r}: use one of {known or 'none'}")
