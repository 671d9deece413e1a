"""One decision's prices, in whole đồng per kWh before VAT."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar

from analytics.errors import TariffError
from analytics.tariffs.files import need, read, shown
from model.money import Dong, half_up


@dataclass(frozen=True, slots=True)
class TierPrices:
    """Tiers of one household: `widths` in kWh a month (the last tier is open), one price more than widths."""

    widths: tuple[int, ...]
    prices: tuple[Dong, ...]
    confidence: str

    def price_at(self, kwh: int) -> Dong:
        """The price of the tier that holds the `kwh`-th kWh of a month."""
        upper = 0
        for width, price in zip(self.widths, self.prices, strict=False):
            upper += width
            if kwh <= upper:
                return price
        return self.prices[-1]


@dataclass(frozen=True, slots=True)
class Band:
    """A voltage band: from `from_kv` on, or only above it."""

    label: str
    from_kv: Decimal
    above: bool = False

    def holds(self, voltage_kv: Decimal) -> bool:
        return voltage_kv > self.from_kv if self.above else voltage_kv >= self.from_kv


@dataclass(frozen=True, slots=True)
class ThreeRate:
    band: Band
    normal: Dong
    offpeak: Dong
    peak: Dong
    confidence: str


@dataclass(frozen=True, slots=True)
class FlatPrice:
    band: Band
    price: Dong
    confidence: str


Priced = TypeVar("Priced", ThreeRate, FlatPrice)


@dataclass(frozen=True, slots=True)
class Tariff:
    """A decision. `inactive` says why it bills nobody (empty: it does from `effective` on)."""

    decision: str
    effective: date | None
    average_price: Decimal
    inactive: str
    source: str
    file: str
    household: TierPrices
    prepaid: FlatPrice | None
    three_rate: dict[str, tuple[ThreeRate, ...]] = field(default_factory=dict)
    flat: dict[str, tuple[FlatPrice, ...]] = field(default_factory=dict)
    wholesale: dict[str, tuple[TierPrices, Dong]] = field(default_factory=dict)

    def three_rate_at(self, table: str, voltage_kv: Decimal) -> ThreeRate:
        """Prices of the voltage band; `TariffError` when the decision's file lacks the table."""
        return self._at(self.three_rate.get(table, ()), table, voltage_kv)

    def flat_at(self, table: str, voltage_kv: Decimal) -> FlatPrice:
        return self._at(self.flat.get(table, ()), table, voltage_kv)

    def wholesale_of(self, table: str) -> tuple[TierPrices, Dong]:
        if table not in self.wholesale:
            raise self._lacks(table)
        return self.wholesale[table]

    def prepaid_price(self) -> FlatPrice:
        if self.prepaid is None:
            raise self._lacks("prepaid")
        return self.prepaid

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


def load(path: Path, average_price: Decimal | None = None) -> Tariff:
    """The tariff in `path`; prices in percent are of `average_price` (default: the file's own)."""
    document = read(path)
    average = average_price or Decimal(need(document, "average_price", path))

    def priced(row: dict[str, Any], key: str, percent: str) -> Dong:
        return int(row[key]) if key in row else half_up(average * Decimal(need(row, percent, path)) / 100)

    house = need(document, "household", path)
    shares = house["percent_of_average"]
    tiers = TierPrices(
        widths=tuple(house["widths_kwh"]),
        prices=tuple(house.get("prices") or (half_up(average * Decimal(share) / 100) for share in shares)),
        confidence=house["confidence"],
    )
    if len(tiers.prices) != len(tiers.widths) + 1:
        raise TariffError("bad_tariff_file", f"{shown(path)}: one price more than widths is needed")
    prepaid = document.get("prepaid")
    everywhere = Band("", Decimal(0))
    return Tariff(
        decision=need(document, "decision", path),
        effective=document.get("effective"),
        average_price=average,
        inactive=document.get("inactive", ""),
        source=need(document, "source", path),
        file=shown(path),
        household=tiers,
        prepaid=prepaid
        and FlatPrice(everywhere, priced(prepaid, "price", "percent_of_average"), prepaid["confidence"]),
        three_rate={
            name: tuple(
                ThreeRate(
                    _band(row),
                    priced(row, "normal", "percent_normal"),
                    priced(row, "offpeak", "percent_offpeak"),
                    priced(row, "peak", "percent_peak"),
                    table["confidence"],
                )
                for row in table["bands"]
            )
            for name, table in document.get("three_rate", {}).items()
        },
        flat={
            name: tuple(
                FlatPrice(_band(row), priced(row, "price", "percent"), table["confidence"])
                for row in table["bands"]
            )
            for name, table in document.get("flat", {}).items()
        },
        wholesale={
            name: (TierPrices(tiers.widths, tuple(table["prices"]), table["confidence"]), int(table["other"]))
            for name, table in document.get("wholesale", {}).items()
        },
    )


def _band(row: dict[str, Any]) -> Band:
    above = "above_kv" in row
    return Band(row["label"], Decimal(row["above_kv"] if above else row["from_kv"]), above)
