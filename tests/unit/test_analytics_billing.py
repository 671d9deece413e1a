"""The rules of a bill where the worked bills do not reach, and what is refused."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from analytics.billing import Rated, Request, carry_after, rate
from analytics.errors import AnalyticsError
from analytics.tariffs import NoVatRate, last_vat_day, vat_percent


def bill(**fields: Any) -> Rated:
    document = {"plan": "vn-household", "from": "2025-06-01", "to": "2025-07-01"} | fields
    return rate(Request.from_document(document))


def kwh(rated: Rated) -> list[tuple[str, int, int]]:
    return [(line.label, line.kwh, line.price) for line in rated.lines]


def reading(previous: str, current: str, **more: Any) -> dict[str, Any]:
    return {"register": "KT", "previous": previous, "current": current, "digits": 5} | more


def test_a_regular_month_has_full_widths_whatever_its_length() -> None:
    for start, end in (
        ("2026-02-01", "2026-03-01"),
        ("2026-03-01", "2026-04-01"),
        ("2026-03-02", "2026-04-01"),
    ):
        assert kwh(bill(**{"from": start, "to": end, "kwh": {"KT": 60}})) == [
            ("bậc 1", 50, 1984),
            ("bậc 2", 10, 2050),
        ]


@pytest.mark.parametrize(
    "reason", ["new_supply", "change_of_party", "termination", "agreed_new_day", "force_majeure"]
)
def test_the_reasons_the_law_names_prorate(reason: str) -> None:
    part = bill(**{"from": "2026-03-12", "to": "2026-04-01", "kwh": {"KT": 100}, "reason": reason})
    # 50 × 20 / 31 = 32.26, 100 × 20 / 31 = 64.5 → 65
    assert kwh(part) == [("bậc 1", 32, 1984), ("bậc 2", 32, 2050), ("bậc 3", 36, 2380)]


def test_a_remote_reading_at_the_change_replaces_interpolation() -> None:
    period = {"from": "2025-04-12", "to": "2025-05-12", "kwh": {"KT": 300}}
    read = bill(**period, readings_at_change={"KT": 250})
    assert [line.kwh for line in read.lines] == [47, 47, 93, 63, 3, 3, 7, 7, 7, 23]
    assert sum(line.kwh for line in read.lines if line.decision == "2699/QĐ-BCT") == 250


def test_tenants_who_declared_nothing_pay_the_third_tier() -> None:
    assert kwh(bill(kwh={"KT": 77}, tenants="undeclared")) == [("bậc 3", 77, 2380)]
    flat = bill(kwh={"KT": 750}, tenants="undeclared", what_if="14/2025/QĐ-TTg")
    assert [line.price for line in flat.lines] == [2380]


def test_a_household_on_three_rates_pays_tiers_over_the_sum() -> None:
    assert kwh(bill(kwh={"BT": 30, "CD": 20, "TD": 10})) == kwh(bill(kwh={"KT": 60}))
    assert kwh(bill(kwh={"SG": 60, "BT": 30, "CD": 20, "TD": 10})) == kwh(bill(kwh={"KT": 60}))


@pytest.mark.parametrize(
    ("plan", "kv", "prices"),
    [
        ("vn-production", "110", [1811, 3266, 1146]),
        ("vn-production", "22", [1833, 3398, 1190]),
        ("vn-production", "10", [1899, 3508, 1234]),
        ("vn-production", "0.4", [1987, 3640, 1300]),
        ("vn-business", "35", [2887, 5025, 1609]),
        ("vn-business", "6", [3108, 5202, 1829]),
        ("vn-business", "0.4", [3152, 5422, 1918]),
        ("vn-hospital-school", "6", [1940] * 3),
        ("vn-lighting-admin", "0.4", [2226] * 3),
    ],
)
def test_the_voltage_at_the_meter_decides_the_price(plan: str, kv: str, prices: list[int]) -> None:
    rated = bill(plan=plan, voltage_kv=kv, kwh={"BT": 10, "CD": 10, "TD": 10})
    assert [line.price for line in rated.lines] == prices


def test_a_single_rate_meter_pays_the_normal_price() -> None:
    assert kwh(bill(plan="vn-business", kwh={"KT": 10}, one_rate=True)) == [("KT", 10, 3152)]


def test_reactive_power_stands_on_an_invoice_of_its_own() -> None:
    rated = bill(plan="vn-production", kwh={"BT": 1000}, kvarh=750, buys_reactive=True)
    assert rated.total == 2145960
    assert rated.reactive is not None
    assert (rated.reactive.cos_phi, rated.reactive.k_percent) == (Decimal("0.80"), Decimal("12.5"))
    assert (rated.reactive.subtotal, rated.reactive.vat, rated.reactive.total) == (248375, 19870, 268245)


def test_the_fraction_of_a_kwh_is_carried() -> None:
    first = bill(registers=[reading("10.0", "20.4")])
    (use,) = first.uses
    assert (use.kwh, use.wh, carry_after(use)) == (10, Decimal(10400), Decimal(400))
    second = bill(registers=[reading("20.4", "30.5", carried_wh="400")])
    assert (second.kwh, carry_after(second.uses[0])) == (11, Decimal(-500))


def test_a_kwh_rounded_up_is_not_paid_back_by_a_month_of_nothing() -> None:
    (first,) = bill(registers=[reading("0", "0.5")]).uses
    assert (first.kwh, carry_after(first)) == (1, Decimal(-500))
    (second,) = bill(registers=[reading("0.5", "0.5", carried_wh="-500")]).uses
    assert (second.kwh, carry_after(second)) == (0, Decimal(-500))
    (third,) = bill(registers=[reading("0.5", "2.0", carried_wh="-500")]).uses
    assert (third.kwh, carry_after(third)) == (1, Decimal(0))


def test_a_wrapped_register_is_marked() -> None:
    (use,) = bill(registers=[reading("99850", "120")]).uses
    assert (use.kwh, use.status) == (270, "Q")
    assert bill(registers=[reading("50000", "49999", status="Q")]).kwh == 99999


def test_unconfirmed_prices_say_so() -> None:
    old = bill(**{"plan": "vn-production", "from": "2024-06-01", "to": "2024-07-01", "kwh": {"BT": 1}})
    assert any(note.kind == "unconfirmed_price" for note in old.notes)
    assert bill(kwh={"KT": 1}).notes == ()


def test_without_a_vat_rate_the_file_to_complete_is_named() -> None:
    assert last_vat_day() == date(2026, 12, 31)
    assert vat_percent(last_vat_day()) == 8
    with pytest.raises(NoVatRate, match=r"2027-01-01.*analytics/tariffs/vn/vat\.toml") as held:
        bill(**{"from": "2026-12-01", "to": "2027-01-01", "kwh": {"KT": 1}})
    assert (held.value.kind, held.value.day) == ("no_vat_rate", date(2027, 1, 1))


@pytest.mark.parametrize(
    ("fields", "kind"),
    [
        ({"plan": "vn-castle", "kwh": {"KT": 1}}, "unknown_plan"),
        ({"kwh": {"KT": 1}, "to": "2025-06-01"}, "bad_period"),
        ({"kwh": {"KT": -1}}, "bad_request"),
        ({"kwh": {"KT": 1.5}}, "bad_request"),
        ({"kwh": {"KT": 1}, "households": "0"}, "households"),
        ({"kwh": {"KT": 1}, "tenants": 0}, "households"),
        ({"kwh": {"KT": 1}, "colour": "red"}, "bad_request"),
        ({"kwh": {"KT": 1}, "reason": "rain"}, "bad_request"),
        ({"kwh": {"KT": 1}, "registers": [reading("1", "2")]}, "bad_request"),
        ({"kwh": {"KT": 1}, "what_if": "1/2030"}, "no_tariff"),
        ({"kwh": {"KT": 1}, "from": "2010-01-01", "to": "2010-02-01"}, "no_tariff"),
        ({"registers": [reading("4275", "52")]}, "negative"),
        ({"registers": [reading("4275", "100000")]}, "too_many_digits"),
        ({"registers": [{"register": "KT", "previous": "9", "current": "1"}]}, "negative"),
        ({"registers": [reading("nan", "1")]}, "bad_request"),
        ({"plan": "vn-wholesale-htx", "kwh": {"KT": 10}}, "households"),
        (
            {"plan": "vn-wholesale-htx", "kwh": {"KT": 10}, "households_with_use": 1, "retail_other_kwh": 10},
            "negative",
        ),
        (
            {"plan": "vn-lighting-admin", "kwh": {"KT": 1}, "from": "2023-06-01", "to": "2023-07-01"},
            "no_price",
        ),
        (
            {"plan": "vn-business", "kwh": {"KT": 1}, "from": "2025-05-01", "to": "2025-06-01"},
            "no_reading_at_change",
        ),
        (
            {"kwh": {"KT": 5}, "from": "2025-05-01", "to": "2025-06-01", "readings_at_change": {"KT": 6}},
            "negative",
        ),
    ],
)
def test_what_cannot_be_billed_is_refused_by_kind(fields: dict[str, Any], kind: str) -> None:
    with pytest.raises(AnalyticsError) as refused:
        bill(**fields)
    assert refused.value.kind == kind
    assert refused.value.sentence
