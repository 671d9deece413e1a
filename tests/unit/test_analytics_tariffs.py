"""The dated files themselves."""

from __future__ import annotations

import csv
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from analytics.errors import TariffError
from analytics.tariffs import (
    effective_dates,
    in_force,
    reactive_table,
    schedule,
    tariff,
    unconfirmed_files,
    vat_percent,
)
from analytics.tariffs.reactive import cos_phi
from model.money import half_up
from model.series import Rate


def test_every_household_price_is_its_percent_of_the_average() -> None:
    percents = (90, 93, 108, 136, 152, 157)
    for day in effective_dates():
        one = in_force(day)
        assert one.household.prices == tuple(half_up(one.average_price * p / 100) for p in percents)
        assert one.decision
        assert one.source


def test_the_decision_of_a_day() -> None:
    assert in_force(date(2025, 5, 9)).decision == "2699/QĐ-BCT"
    assert in_force(date(2025, 5, 10)).decision == "1279/QĐ-BCT"


def test_an_inactive_structure_is_refused_unless_asked_as_a_what_if() -> None:
    with pytest.raises(TariffError, match="not in force") as refused:
        tariff("14/2025/QĐ-TTg")
    assert refused.value.kind == "inactive_tariff"
    future = tariff("14/2025/QĐ-TTg", what_if=True, day=date(2025, 6, 1))
    assert future.household.prices == (1984, 2380, 2998, 3571, 3967)
    assert future.three_rate_at("production", Decimal("0.4")).peak == half_up(
        Decimal("2204.0655") * 168 / 100
    )


def test_unconfirmed_tables_are_listed() -> None:
    assert any("2024-10-11-2699.toml: production" in entry for entry in unconfirmed_files())
    assert not any("household" in entry for entry in unconfirmed_files())


def test_a_vat_file_with_two_rates_for_a_day_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "vat.toml"
    file.write_text(
        '[[rate]]\nuntil = 2025-02-01\npercent = "8"\n[[rate]]\nfrom = 2025-01-01\npercent = "10"\n',
        encoding="utf-8",
    )
    with pytest.raises(TariffError, match="two VAT rates"):
        vat_percent(date(2025, 1, 5), file)


def test_only_sunday_has_no_peak() -> None:
    hours = schedule("TT16-2014")
    national_day = date(2025, 9, 2)
    assert [hours.day_rates(day).count(Rate.PEAK) for day in (national_day, date(2025, 9, 7))] == [10, 0]
    assert hours.day_rates(national_day).count(Rate.OFFPEAK) == 12
    assert schedule("QD963-2026").day_rates(national_day).count(Rate.PEAK) == 10


def test_the_reactive_table_row_by_row() -> None:
    golden = Path(__file__).parents[1] / "golden" / "reactive_k.csv"
    rows = csv.DictReader(golden.read_text(encoding="utf-8").splitlines())
    table = reactive_table()
    for row in rows:
        cos = {">=0.90": "0.95", "<0.60": "0.59"}.get(row["cosphi"], row["cosphi"])
        assert table.k(Decimal(cos)) == Decimal(row["k_percent"])


@pytest.mark.parametrize(
    ("kwh", "kvarh", "cos"), [(3, 4, "0.60"), (0, 5, "0.00"), (7, 0, "1.00"), (0, 0, "1.00")]
)
def test_cos_phi(kwh: int, kvarh: int, cos: str) -> None:
    assert cos_phi(kwh, kvarh) == Decimal(cos)
