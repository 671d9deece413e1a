"""VAT by invoice date. No default in code: a day without a rate has none."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from functools import cache
from itertools import pairwise
from pathlib import Path

from analytics.errors import TariffError
from analytics.tariffs.files import FOLDER, need, read, shown, unusable

FILE = FOLDER / "vat.toml"


class NoVatRate(TariffError):
    """No VAT rate is known for the invoice date. `day` and `file` say what to complete."""

    def __init__(self, day: date, file: str) -> None:
        super().__init__(
            "no_vat_rate",
            f"no VAT rate is known for invoices of {day}: add it to {file} when the resolution is out",
        )
        self.day = day
        self.file = file


@dataclass(frozen=True, slots=True)
class VatRate:
    """`percent` on invoices dated in the half-open days."""

    start: date
    end: date
    percent: Decimal
    law: str
    confidence: str
    file: str


@cache
def _rates(path: Path) -> tuple[VatRate, ...]:
    try:
        rows = tuple(
            VatRate(
                row.get("from", date.min),
                row.get("until", date.max),
                Decimal(need(row, "percent", path)),
                row.get("law", ""),
                row.get("confidence", ""),
                shown(path),
            )
            for row in need(read(path), "rate", path)
        )
        for earlier, later in pairwise(rows):
            if earlier.end > later.start:
                raise TariffError(
                    "bad_tariff_file", f"{shown(path)}: two VAT rates for {later.start}: mend the dates"
                )
            if earlier.end < later.start:
                raise TariffError(
                    "bad_tariff_file",
                    f"{shown(path)}: no VAT rate from {earlier.end} to {later.start}: mend the dates",
                )
    except TariffError:
        raise
    except (TypeError, ValueError, ArithmeticError, AttributeError) as error:
        raise unusable(path, error) from error
    return rows


def vat_rate(day: date, path: Path = FILE) -> VatRate:
    """The rate of an invoice dated `day`; raises `NoVatRate`."""
    for rate in _rates(path):
        if rate.start <= day < rate.end:
            return rate
    raise NoVatRate(day, shown(path))


def vat_percent(day: date, path: Path = FILE) -> Decimal:
    """The rate of an invoice dated `day`, in percent; raises `NoVatRate`."""
    return vat_rate(day, path).percent


def vat_file() -> str:
    """Where the rates stand, as a person finds it."""
    return shown(FILE)


def last_vat_day(path: Path = FILE) -> date:
    """The last day for which a rate is known."""
    end = _rates(path)[-1].end
    return end if end == date.max else end - timedelta(days=1)
