"""A country is a folder: what is wrong with its files is said, and a second one needs no engine."""

from __future__ import annotations

import shutil
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from analytics.billing import Rated, Request, rate
from analytics.errors import AnalyticsError, TariffError
from analytics.tariffs import countries, schedule
from analytics.tariffs.country import Country
from analytics.tariffs.files import SHIPPED
from analytics.tariffs.reactive import reactive_table
from analytics.tariffs.vat import vat_rate


@pytest.fixture
def vietnam(tmp_path: Path) -> Path:
    """A copy of Vietnam's folder, to be spoilt."""
    return Path(shutil.copytree(SHIPPED / "vn", tmp_path / "countries" / "vn"))


def told(folder: Path) -> TariffError:
    with pytest.raises(TariffError) as found:
        Country(folder).in_force(date(2024, 1, 1))
    assert found.value.kind in ("bad_tariff_file", "no_tariff", "no_tariff_file")
    assert "\n" not in found.value.sentence
    return found.value


def change(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


@pytest.mark.parametrize(
    ("file", "old", "new", "said"),
    [
        ("2023-11-09-2941.toml", "until = 2024-10-11", "until = 2024-10-01",
         "no decision holds from 2024-10-01 to 2024-10-11, between"),
        ("2023-11-09-2941.toml", "until = 2024-10-11", "until = 2024-10-12", "both hold on 2024-10-11"),
        ("2024-10-11-2699.toml", "effective = 2024-10-11", "effective = 2023-11-09",
         "both hold on 2023-11-09"),
        ("2023-11-09-2941.toml", "until = 2024-10-11", "until = 2023-11-09", "not after its start"),
        ("2023-11-09-2941.toml", "effective = 2023-11-09\n", "", "says nothing about 'effective'"),
        ("2023-11-09-2941.toml", "effective = 2023-11-09", 'effective = "soon"', "soon is no day"),
        ("2023-11-09-2941.toml", "effective = 2023-11-09", "effective = 2023-11-09T00:00:00", "is no day"),
        ("2023-11-09-2941.toml", 'decision = "2941/QĐ-BCT"', "", "says nothing about 'decision'"),
        ("2023-11-09-2941.toml", "[household]", "[household", "is no TOML"),
        ("2023-11-09-2941.toml", "prices = [1806,", "prices = [", "one price more than widths"),
        ("2023-11-09-2941.toml", "prices = [1806,", "prices = [-1806,", "never below zero"),
        ("2023-11-09-2941.toml", "prices = [1806,", "prices = [1806.5,", "0 decimals at most"),
        ("2023-11-09-2941.toml", "widths_kwh = [50,", "widths_kwh = [0,", "widths above zero"),
        ("2023-11-09-2941.toml", "normal = 1809,", "", "'percent_normal' is missing"),
        ("country.toml", 'currency = "VND"', "", "says nothing about 'currency'"),
        ("country.toml", 'pricing = "prepaid"', 'pricing = "free"', "'free' is not a valid Pricing"),
    ],
)  # fmt: skip
def test_a_folder_that_cannot_be_used_is_refused_by_its_file(
    vietnam: Path, file: str, old: str, new: str, said: str
) -> None:
    change(vietnam / file, old, new)
    sentence = told(vietnam).sentence
    assert said in sentence
    assert file in sentence


def test_no_country_at_all(tmp_path: Path) -> None:
    assert "cannot be read" in told(tmp_path / "nowhere").sentence
    request = Request("vn-household", date(2025, 6, 1), date(2025, 7, 1), date(2025, 7, 1), {"KT": 1})
    with pytest.raises(AnalyticsError, match="no plan is called 'vn-household': use one of none"):
        rate(request, tariffs=tmp_path)


def test_an_end_without_a_successor_ends_the_prices(vietnam: Path) -> None:
    (vietnam / "2025-05-10-1279.toml").unlink()
    assert Country(vietnam).in_force(date(2025, 5, 9)).decision == "2699/QĐ-BCT"
    with pytest.raises(TariffError, match="no price decision is known for 2025-05-10"):
        Country(vietnam).in_force(date(2025, 5, 10))
    request = Request("vn-household", date(2025, 5, 1), date(2025, 5, 20), date(2025, 7, 1), {"KT": 1})
    with pytest.raises(TariffError, match="no price decision is known for 2025-05-19"):
        rate(request, tariffs=vietnam.parent)


def test_a_new_decision_is_one_new_file(vietnam: Path) -> None:
    """Nothing is edited but the law's own folder; the day before bills as before."""
    new = (vietnam / "2025-05-10-1279.toml").read_text(encoding="utf-8")
    new = new.replace("1279/QĐ-BCT", "1/QĐ-MỚI").replace("effective = 2025-05-10", "effective = 2026-12-01")
    (vietnam / "2026-12-01-new.toml").write_text(new.replace("prices = [1984,", "prices = [2000,"), "utf-8")
    request = Request("vn-household", date(2026, 11, 16), date(2026, 12, 16), date(2026, 12, 16), {"KT": 60})
    found = rate(request, tariffs=vietnam.parent)
    assert [(line.decision, line.kwh, line.price) for line in found.lines] == [
        ("1279/QĐ-BCT", 25, 1984),
        ("1279/QĐ-BCT", 5, 2050),
        ("1/QĐ-MỚI", 25, 2000),
        ("1/QĐ-MỚI", 5, 2050),
    ]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("until = 2023-01-01", "until = 2022-12-01", "no VAT rate from 2022-12-01 to 2023-01-01"),
        ("until = 2023-01-01", "until = 2023-02-01", "two VAT rates for 2023-01-01"),
        ('percent = "8"\nlaw = "NQ 101', 'percent = "eight"\nlaw = "NQ 101', "cannot be used"),
    ],
)
def test_vat_with_a_gap_or_an_overlap_is_refused(vietnam: Path, old: str, new: str, said: str) -> None:
    change(vietnam / "vat.toml", old, new)
    with pytest.raises(TariffError, match=said):
        vat_rate(date(2024, 1, 1), vietnam / "vat.toml")


def test_a_cos_phi_without_k_and_minutes_of_two_rates_are_refused(vietnam: Path) -> None:
    change(vietnam / "reactive.toml", '"0.75" = "20"\n', "")
    with pytest.raises(TariffError, match=r"cos φ 0\.75 has no k"):
        reactive_table(vietnam / "reactive.toml")
    change(vietnam / "tou.toml", '["17:00", "20:00"]', '["17:00", "22:30"]')
    with pytest.raises(TariffError, match="TT16-2014 has minutes both peak and off-peak"):
        schedule("QD963-2026", vietnam / "tou.toml")


def example(**fields: Any) -> Rated:
    document = {"plan": "example-demand", "from": "2025-06-01", "to": "2025-07-01", "pmax_kw": "100"}
    return rate(
        Request.from_document({**document, "kwh": {"BT": 10_000, "CD": 2_000, "TD": 5_000}, **fields})
    )


def demand(rated: Rated) -> list[tuple[Decimal | None, int, str]]:
    return [(line.kw, line.amount, line.because.kind) for line in rated.lines if line.band == "demand"]


def test_a_second_country_with_demand_ratchet_and_cents() -> None:
    found = example()
    assert found.currency.code == "XTS"
    assert [(line.band, line.kwh, line.amount) for line in found.lines] == [
        ("BT", 10_000, 79_000),  # 0.0790
        ("CD", 2_000, 27_000),  # 0.1350
        ("TD", 5_000, 25_750),  # 0.0515
        ("demand", 0, 97_500),  # 100 kW × 9.75
        ("standing", 0, 14_500),
    ]
    assert (found.subtotal, found.vat_percent, found.vat) == (243_750, Decimal("7.5"), 18_281)
    assert (found.kwh, [note.kind for note in found.notes]) == (17_000, ["invented"])


@pytest.mark.parametrize(
    ("pmax", "past", "kw", "why"),
    [
        ("100", [], "100", "demand"),
        ("100", ["120"], "100", "demand"),  # 80 % of 120 is 96
        ("100", ["60", "130.5"], "104.4", "ratchet"),
        ("100", ["1"] * 10 + ["200"], "160", "ratchet"),  # eleven months back
        ("100", ["1"] * 11 + ["200"], "100", "demand"),  # twelve: forgotten
        ("10", ["20"], "50", "least_demand"),
    ],
)
def test_the_ratchet_looks_back_eleven_months(pmax: str, past: list[str], kw: str, why: str) -> None:
    amount = int((Decimal(kw) * 975).to_integral_value("ROUND_HALF_UP"))
    assert demand(example(pmax_kw=pmax, past_pmax_kw=past)) == [(Decimal(kw), amount, why)]


def test_a_month_that_two_decisions_share_is_charged_once() -> None:
    used = {"BT": 300, "CD": 0, "TD": 0}
    found = example(**{"from": "2025-12-22", "to": "2026-01-21"}, kwh=used, readings_at_change={"BT": 100})
    assert demand(found) == [(Decimal(100), 32_500, "demand"), (Decimal(100), 68_000, "demand")]
    standing = [line.amount for line in found.lines if line.band == "standing"]
    assert standing == [4833, 9667]  # 10 and 20 of 30 days of 145.00
    short = example(**{"from": "2025-06-16"}, reason="new_supply")
    assert demand(short) == [(Decimal(100), 48_750, "demand")]


def test_its_homes_run_through_tiers_as_any_other() -> None:
    asked = {"plan": "example-home", "from": "2025-06-01", "to": "2025-07-01", "kwh": {"KT": 600}}
    found = rate(Request.from_document(asked))
    assert [(line.tier, line.kwh, line.amount) for line in found.lines] == [
        (1, 200, 1820),
        (2, 300, 3525),
        (3, 100, 1420),
        (None, 0, 950),
    ]


def test_what_demand_needs_is_asked_for() -> None:
    with pytest.raises(AnalyticsError) as refused:
        rate(Request("example-demand", date(2025, 6, 1), date(2025, 7, 1), date(2025, 7, 1), {"BT": 1}))
    assert refused.value.kind == "no_demand"
    with pytest.raises(AnalyticsError, match="counts no tenants"):
        rate(
            Request(
                "example-home", date(2025, 6, 1), date(2025, 7, 1), date(2025, 7, 1), {"KT": 1}, tenants=4
            )
        )


def test_the_countries_that_come_along() -> None:
    assert set(countries()) == {"vn", "example"}
