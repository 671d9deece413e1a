"""One decision's prices before tax."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar

from analytics.errors import TariffError
from analytics.tariffs.files import need, read, shown, unusable
from analytics.tariffs.prices import Band, Currency, Dates, Demand, FlatPrice, ThreeRate, TierPrices
from model.money import Dong, half_up

Priced = TypeVar("Priced", ThreeRate, FlatPrice, Demand)
Row = dict[str, Any]

EVERYWHERE = Band("", Decimal(0))


@dataclass(frozen=True, slots=True)
class Tariff:
    """A decision. `inactive` says why it bills nobody (empty: it does over its `dates`).

    Tables by the name a plan refers to; those by voltage have the highest band first.
    """

    decision: str
    dates: Dates
    average_price: Decimal | None
    inactive: str
    source: str
    file: str
    tiers: dict[str, TierPrices] = field(default_factory=dict)
    prepaid: FlatPrice | None = None
    three_rate: dict[str, tuple[ThreeRate, ...]] = field(default_factory=dict)
    flat: dict[str, tuple[FlatPrice, ...]] = field(default_factory=dict)
    wholesale: dict[str, tuple[TierPrices, Dong]] = field(default_factory=dict)
    demand: dict[str, tuple[Demand, ...]] = field(default_factory=dict)
    standing: dict[str, tuple[FlatPrice, ...]] = field(default_factory=dict)

    @property
    def effective(self) -> date | None:
        """The first day it holds; None for one that does not."""
        return self.dates.effective

    @property
    def household(self) -> TierPrices:
        return self.tiers_of("household")

    def tiers_of(self, table: str) -> TierPrices:
        """The tiers of a table; `TariffError` when the decision's file lacks it, as of all below."""
        if table not in self.tiers:
            raise self._lacks(table)
        return self.tiers[table]

    def three_rate_at(self, table: str, voltage_kv: Decimal) -> ThreeRate:
        """Prices of the voltage band."""
        return self._at(self.three_rate.get(table, ()), table, voltage_kv)

    def flat_at(self, table: str, voltage_kv: Decimal) -> FlatPrice:
        return self._at(self.flat.get(table, ()), table, voltage_kv)

    def demand_at(self, table: str, voltage_kv: Decimal) -> Demand:
        return self._at(self.demand.get(table, ()), f"demand of {table}", voltage_kv)

    def standing_at(self, table: str, voltage_kv: Decimal) -> FlatPrice:
        return self._at(self.standing.get(table, ()), f"standing charge of {table}", voltage_kv)

    def wholesale_of(self, table: str) -> tuple[TierPrices, Dong]:
        if table not in self.wholesale:
            raise self._lacks(table)
        return self.wholesale[table]

    def prepaid_price(self) -> FlatPrice:
        if self.prepaid is None:
            raise self._lacks("prepaid")
        return self.prepaid

    def tables(self) -> list[tuple[str, str]]:
        """Name and confidence of every table."""
        found = [(name, tiers.confidence) for name, tiers in self.tiers.items()]
        found += [("prepaid", self.prepaid.confidence)] if self.prepaid else []
        for banded in (self.three_rate, self.flat, self.demand, self.standing):
            found += [(name, rows[0].confidence) for name, rows in banded.items() if rows]
        return found + [(name, tiers.confidence) for name, (tiers, _) in self.wholesale.items()]

    def _at(self, rows: tuple[Priced, ...], table: str, voltage_kv: Decimal) -> Priced:
        for row in rows:  # highest voltage first
            if row.band.holds(voltage_kv):
                return row
        raise self._lacks(table)

    def _lacks(self, table: str) -> TariffError:
        return TariffError(
            "no_price",
            f"decision {self.decision} has no prices for {table.replace('_', ' ')}: add them to {self.file}",
        )


def load(path: Path, currency: Currency, average_price: Decimal | None = None) -> Tariff:
    """The tariff in `path`; prices in percent are of `average_price` (default: the file's own)."""
    document = read(path)
    try:
        return _tariff(path, document, currency, average_price)
    except TariffError:
        raise
    except (KeyError, TypeError, ValueError, ArithmeticError, AttributeError) as error:
        raise unusable(path, error) from error


def _tariff(path: Path, document: Row, currency: Currency, average_price: Decimal | None) -> Tariff:
    own = document.get("average_price")
    average = average_price or (Decimal(own) if own is not None else None)

    def priced(row: Row, key: str, percent: str) -> Dong:
        if key in row:
            return currency.price(row[key])
        return half_up(
            (average or Decimal(need(document, "average_price", path))) * Decimal(row[percent]) / 100
        )

    def tiers(table: Row) -> TierPrices:
        prices = [currency.price(one) for one in table.get("prices", ())]
        prices = prices or [priced({"percent": one}, "", "percent") for one in table["percent_of_average"]]
        found = TierPrices(tuple(table["widths_kwh"]), tuple(prices), table["confidence"])
        if len(prices) != len(found.widths) + 1 or any(
            not isinstance(width, int) or width <= 0 for width in found.widths
        ):
            raise TariffError(
                "bad_tariff_file",
                f"{shown(path)}: tiers need widths above zero and one price more than widths",
            )
        return found

    def flat(table: Row) -> tuple[FlatPrice, ...]:
        return tuple(
            FlatPrice(_band(row), priced(row, "price", "percent"), table["confidence"])
            for row in table["bands"]
        )

    def three_rate(table: Row) -> tuple[ThreeRate, ...]:
        return tuple(
            ThreeRate(
                _band(row),
                priced(row, "normal", "percent_normal"),
                priced(row, "offpeak", "percent_offpeak"),
                priced(row, "peak", "percent_peak"),
                table["confidence"],
            )
            for row in table["bands"]
        )

    def demand(table: Row) -> tuple[Demand, ...]:
        return tuple(
            Demand(
                _band(row),
                currency.price(row["price"]),
                table["confidence"],
                Decimal(table.get("ratchet_percent", 0)),
                int(table.get("ratchet_months", 0)),
                Decimal(table.get("minimum_kw", 0)),
            )
            for row in table["bands"]
        )

    def of(name: str) -> dict[str, Row]:
        return document.get(name) or {}

    houses = of("tiers") | ({"household": document["household"]} if "household" in document else {})
    tiered = {name: tiers(table) for name, table in houses.items()}
    prepaid = document.get("prepaid")
    return Tariff(
        decision=need(document, "decision", path),
        dates=_dates(path, document),
        average_price=average,
        inactive=document.get("inactive", ""),
        source=need(document, "source", path),
        file=shown(path),
        tiers=tiered,
        prepaid=prepaid
        and FlatPrice(EVERYWHERE, priced(prepaid, "price", "percent_of_average"), prepaid["confidence"]),
        three_rate={name: three_rate(table) for name, table in of("three_rate").items()},
        flat={name: flat(table) for name, table in of("flat").items()},
        wholesale={
            name: (
                tiers({"widths_kwh": tiered["household"].widths, **table}),
                currency.price(table["other"]),
            )
            for name, table in of("wholesale").items()
        },
        demand={name: demand(table) for name, table in of("demand").items()},
        standing={name: flat(table) for name, table in of("standing").items()},
    )


def _dates(path: Path, document: Row) -> Dates:
    found = [document.get(key) for key in ("effective", "until", "confirmed_until")]
    for one in found:
        if one is not None and type(one) is not date:
            raise TariffError(
                "bad_tariff_file", f"{shown(path)}: {one} is no day like 2025-05-10: correct it"
            )
    effective, until, _ = found
    if effective and until and until <= effective:
        raise TariffError(
            "bad_tariff_file",
            f"{shown(path)}: it ends on {until}, not after its start {effective}: correct it",
        )
    return Dates(*found)


def _band(row: Row) -> Band:
    if "from_kv" not in row and "above_kv" not in row:
        return EVERYWHERE
    above = "above_kv" in row
    return Band(row["label"], Decimal(row["above_kv"] if above else row["from_kv"]), above)
