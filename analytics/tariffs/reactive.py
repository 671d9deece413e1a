"""Surcharge for reactive power by cos φ."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from math import isqrt
from pathlib import Path

from analytics.errors import TariffError
from analytics.tariffs.files import FOLDER, read, shown, unusable

FILE = FOLDER / "reactive.toml"


@dataclass(frozen=True, slots=True)
class ReactiveTable:
    """`k_percent` by cos φ of two decimals; nothing from `free_from` on, `floor_k` below `floor_below`."""

    decision: str
    confidence: str
    free_from: Decimal
    floor_below: Decimal
    floor_k: Decimal
    k_percent: dict[Decimal, Decimal]
    from_kw: Decimal
    own_transformer: bool
    file: str = ""

    def bought_by(self, contract_kw: Decimal | None, transformer_kva: Decimal | None) -> bool:
        """Whether who is no household buys reactive energy: by contract power or an own transformer."""
        if self.own_transformer and transformer_kva is not None:
            return True
        return contract_kw is not None and contract_kw >= self.from_kw

    def k(self, cos_phi: Decimal) -> Decimal:
        """The surcharge in percent of the amount before VAT."""
        if cos_phi >= self.free_from:
            return Decimal(0)
        if cos_phi < self.floor_below:
            return self.floor_k
        return self.k_percent[cos_phi]


@cache
def reactive_table(path: Path = FILE) -> ReactiveTable:
    """The table in `path`; `TariffError` where a cos φ between its ends has no k."""
    document = read(path)
    try:
        table = ReactiveTable(
            decision=document["decision"],
            confidence=document["confidence"],
            free_from=Decimal(document["free_from"]),
            floor_below=Decimal(document["floor_below"]),
            floor_k=Decimal(document["floor_k"]),
            k_percent={Decimal(cos): Decimal(k) for cos, k in document["k_percent"].items()},
            from_kw=Decimal(document["from_kw"]),
            own_transformer=document["own_transformer"] is True,
            file=shown(path),
        )
        inside = range(int(table.floor_below * 100), int(table.free_from * 100))
        gaps = [n for n in inside if Decimal(n).scaleb(-2) not in table.k_percent]
    except (KeyError, TypeError, ValueError, ArithmeticError, AttributeError) as error:
        raise unusable(path, error) from error
    if gaps:
        raise TariffError("bad_tariff_file", f"{shown(path)}: cos φ 0.{gaps[0]} has no k: add it")
    return table


def cos_phi(kwh: int, kvarh: int) -> Decimal:
    """kWh / √(kWh² + kvarh²), half-up to two decimals, in whole numbers throughout. No energy at all: 1."""
    square = kwh * kwh + kvarh * kvarh
    if square == 0:
        return Decimal("1.00")
    # The largest n with (n − ½) / 100 ≤ cos φ, that is (2n − 1)² · square ≤ (200 · kWh)².
    n = isqrt((200 * kwh) ** 2 // square)
    hundredths = (n + 1) // 2
    return Decimal(hundredths).scaleb(-2)
