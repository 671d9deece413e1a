"""Every figure of the facts that came with the project stands in the dated files, and no other."""

from __future__ import annotations

import json
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from analytics.errors import TariffError
from analytics.tariffs import country, schedule, tariff
from analytics.tariffs.vat import vat_rate

DAY = date(2025, 6, 1)
PLACES = {
    ">=110kV": "110",
    "22-<110kV": "22",
    "22-110kV": "22",
    ">=22kV": "22",
    "6-<22kV": "6",
    "6-22kV": "6",
    "<6kV": "0.4",
}
FUTURE = {
    ">=220kV": "220",
    ">35-<220kV": "110",
    "MV >1-35kV": "22",
    "MV": "22",
    "LV <=1kV": "0.4",
    "LV": "0.4",
}


def facts(shared: Path, name: str) -> Any:
    return json.loads((shared / "domain" / name).read_text(encoding="utf-8"))


def three(table: str, kv: str, name: str = "", **options: Any) -> list[int]:
    one = tariff(name, **options)
    found = one.three_rate_at(table, Decimal(kv))
    return [found.normal, found.offpeak, found.peak]


def test_every_decision_with_its_days_prices_and_confidence(shared_dir: Path) -> None:
    versions = facts(shared_dir, "tariffs.json")["versions"]
    assert [one.decision for one in country().dated] == [version["decision"] for version in versions]
    for one, version in zip(country().dated, versions, strict=True):
        dates = (one.dates.effective, one.dates.until)
        said = (version["effective_from"], version["effective_before"])
        assert [day and day.isoformat() for day in dates] == list(said)
        assert str(one.average_price) == version["average_price"]
        house = version["household"]
        assert [*one.household.widths, None] == house["widths_kwh"]
        assert list(one.household.prices) == house["prices"]
        assert one.household.confidence == house["confidence"]
        assert one.prepaid is not None
        assert (one.prepaid.price, one.prepaid.confidence) == (
            house["prepaid_card_meter"],
            house["prepaid_confidence"],
        )
        tou = version["tou"]
        for table in ("production", "business"):
            assert len(one.three_rate[table]) == len(tou[table])
            for label, prices in tou[table].items():
                assert three(table, PLACES[label], one.decision) == prices
            assert one.three_rate[table][0].confidence == tou["confidence"]
        assert bool(one.flat) == bool(version["administrative"])
        for key, price in (version["administrative"] or {}).items():
            if key != "confidence":
                table, _, place = key.rpartition("_")
                found = one.flat_at(table, Decimal("6" if place == ">=6kV" else "0.4"))
                assert (found.price, found.confidence) == (price, version["administrative"]["confidence"])


def test_wholesale_prices(shared_dir: Path) -> None:
    said = facts(shared_dir, "tariffs.json")["versions"][-1]["wholesale"]
    one = country().dated[-1]
    estate = "housing_estate_city_household"
    tables = {
        "rural_retailer": ("rural_retailer_household_6tier", "rural_retailer_other"),
        "housing_estate_seller_transformer": (f"{estate}_seller_transformer", "housing_estate_other"),
        "housing_estate_buyer_transformer": (f"{estate}_buyer_transformer", "housing_estate_other"),
    }
    assert set(one.wholesale) == set(tables)
    for table, (tiers, other) in tables.items():
        found, price = one.wholesale_of(table)
        assert (list(found.prices), price, found.confidence) == (said[tiers], said[other], "B")


def test_the_structure_to_come_is_there_as_a_what_if_alone(shared_dir: Path) -> None:
    said = facts(shared_dir, "tariffs.json")["future_structure"]
    with pytest.raises(TariffError, match="not in force"):
        tariff(said["decision"])
    one = tariff(said["decision"], what_if=True, day=DAY)
    assert [*one.household.widths, None] == said["household"]["widths_kwh"]
    assert list(one.household.prices) == said["household"]["illustration_at_2204.0655"]
    average = Decimal("2204.0655")
    percents = said["pct_normal_offpeak_peak"]
    tables = {
        "production": "production",
        "business": "business_other",
        "lodging": "business_tourism_lodging",
        "ev_charging": "ev_charging (3 years)",
    }
    assert set(tables.values()) == set(percents)
    assert set(tables) == set(one.three_rate)
    for table, key in tables.items():
        for label, shares in percents[key].items():
            prices = [int((average * share / 100).to_integral_value("ROUND_HALF_UP")) for share in shares]
            assert three(table, FUTURE[label], said["decision"], what_if=True, day=DAY) == prices
    for table, by_voltage in said["pct_flat"].items():
        for label, share in by_voltage.items():
            price = int((average * share / 100).to_integral_value("ROUND_HALF_UP"))
            assert one.flat_at(table, Decimal(FUTURE[label])).price == price


def test_the_trial_of_two_parts_is_there_as_a_what_if_alone(shared_dir: Path) -> None:
    said = facts(shared_dir, "tariffs.json")["two_part_pilot"]
    with pytest.raises(TariffError, match="not in force"):
        tariff("146/2025/NĐ-CP")
    one = tariff("146/2025/NĐ-CP", what_if=True)
    for label, price in said["Cp_vnd_per_kw_month"].items():
        assert one.demand_at("production", Decimal(PLACES[label])).price == price
    for label, (normal, peak, offpeak) in said["Ca_normal_peak_offpeak"].items():
        found = three("production", PLACES[label], "146/2025/NĐ-CP", what_if=True)
        assert found == [normal, offpeak, peak]


def test_every_rate_of_vat(shared_dir: Path) -> None:
    for period in facts(shared_dir, "vat.json")["periods"]:
        first = date.fromisoformat(period["from"]) if period["from"] else date(2015, 1, 1)
        if period["rate"] is None:
            with pytest.raises(TariffError, match="no VAT rate"):
                vat_rate(first)
            continue
        last = date.fromisoformat(period["to"])
        for day in (first, last, last - timedelta(days=1)):
            assert vat_rate(day).percent == period["rate"]
        assert vat_rate(first).confidence == period.get("conf", "C")


def test_every_schedule_of_hours(shared_dir: Path) -> None:
    for said in facts(shared_dir, "tou_schedules.json")["schedules"]:
        found = schedule(said["id"])
        assert bool(found.inactive) == (said["billing_from"] is None)
        for weekday in range(1, 8):
            counts = [0, 0, 0, 0]
            for minute in range(0, 1440, 30):
                counts[found.rate(weekday, minute)] += 1
            hours = said["hours_sun" if weekday == 7 else "hours_mon_sat"]
            assert [count / 2 for count in counts[1:]] == [hours["normal"], hours["peak"], hours["offpeak"]]
        for start, end in said["peak"]["intervals"]:
            first, last = (int(text[:2]) * 60 + int(text[3:]) for text in (start, end))
            assert {found.rate(1, minute) for minute in range(first, last)} == {2}
