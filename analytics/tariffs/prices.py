"""What stands in a decision's tables, as whole numbers of the country's price unit."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction

from model.money import Dong, half_up


@dataclass(frozen=True, slots=True)
class Currency:
    """Amounts count 10^-digits of it (đồng: 0, cents: 2), prices 10^-price_digits."""

    code: str = "VND"
    digits: int = 0
    price_digits: int = 0

    def amount(self, quantity: Fraction | Decimal | int, price: int) -> Dong:
        """`quantity` at `price`, half up to the smallest unit."""
        unit: int = 10 ** (self.price_digits - self.digits)
        if isinstance(quantity, int):  # kWh: whole numbers throughout
            return (2 * quantity * price + unit) // (2 * unit)
        return half_up(Fraction(quantity) * price / unit)

    def price(self, written: int | str | Decimal) -> int:
        """A price as a file writes it; `ValueError` for digits that the country's prices do not have."""
        scaled = Decimal(written).scaleb(self.price_digits)
        if not scaled.is_finite() or scaled != int(scaled) or scaled < 0:
            raise ValueError(f"{written} is no price: {self.price_digits} decimals at most, never below zero")
        return int(scaled)

    def shown_price(self, price: int) -> int | str:
        """The price as it is written: a whole number where the country's prices are whole."""
        return price if self.price_digits == 0 else str(Decimal(price).scaleb(-self.price_digits))


@dataclass(frozen=True, slots=True)
class TierPrices:
    """Tiers of one household: `widths` in kWh a month (the last tier is open), one price more than widths."""

    widths: tuple[int, ...]
    prices: tuple[Dong, ...]
    confidence: str

    def tier_at(self, kwh: int) -> int:
        """The number, from 1 on, of the tier that holds the `kwh`-th kWh of a month."""
        upper = 0
        for tier, width in enumerate(self.widths, start=1):
            upper += width
            if kwh <= upper:
                return tier
        return len(self.prices)


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
    """A price a kWh, or, of a standing charge, a month."""

    band: Band
    price: Dong
    confidence: str


@dataclass(frozen=True, slots=True)
class Demand:
    """A price a kW and month of the highest demand. Of the `months` before, `percent` of the highest counts
    too (the ratchet; 0: none); less than `minimum_kw` is never charged.
    """

    band: Band
    price: Dong
    confidence: str
    percent: Decimal = Decimal(0)
    months: int = 0
    minimum_kw: Decimal = Decimal(0)


@dataclass(frozen=True, slots=True)
class Dates:
    """Half-open days in force; `until` None: open. After `confirmed_until` nobody has confirmed it."""

    effective: date | None
    until: date | None = None
    confirmed_until: date | None = None
