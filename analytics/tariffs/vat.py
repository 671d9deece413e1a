"""VAT by invoice date. No default in code: a day without a rate has none."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from functools import cache
from itertools import pairwise
from pathlib import Path

from analytics.errors import TariffError
from analytics.tariffs.files import FOLDER, need, read, shown

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


@cache
def _rates(path: Path) -> tuple[tuple[date, date, Decimal], ...]:
    rows = tuple(
        (row.get("from", date.min), row.get("until", date.max), Decimal(need(row, "percent", path)))
        for row in need(read(path), "rate", path)
    )
    for (_, end, _), (start, _, _) in pairwise(rows):
        if end > start:
            raise TariffError("bad_tariff_file", f"{shown(path)}: two VAT rates for {start}: mend the dates")
    return rows


def vat_percent(day: date, path: Path = FILE) -> Decimal:
    """The rate of an invoice dated `day`, in percent; raises `NoVatRate`."""
    for start, end, percent in _rates(path):
        if start <= day < end:
            return percent
    raise NoVatRate(day, shown(path))


def vat_file() -> str:
    """Where the rates stand, as a person finds it."""
    return shown(FILE)


def last_vat_day(path: Path = FILE) -> date:
    """The last day for which a rate is known."""
    end = _rates(path)[-1][1]
    return end if end == date.max else end - timedelta(days=1)
