"""The rules of Vietnam's law, one by one, where no worked bill reaches them."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from analytics.billing import Rated, Request, rate
from analytics.errors import AnalyticsError, TariffError
from analytics.tariffs import PLANS, MeterHours, vat_percent
from model.series import Rate

JUNE = {"from": "2025-06-01", "to": "2025-07-01"}
ACROSS = {"from": "2025-05-01", "to": "2025-06-01"}  # the price changed on 2025-05-10


def bill(plan: str, **fields: Any) -> Rated:
    return rate(Request.from_document({"plan": plan, **JUNE, **fields}))


def lines(rated: Rated) -> list[tuple[str, int, int]]:
    return [(line.label, line.kwh, line.price) for line in rated.lines]


def kinds(rated: Rated) -> set[str]:
    return {note.kind for note in rated.notes}


def refused(plan: str, **fields: Any) -> str:
    with pytest.raises(AnalyticsError) as found:
        bill(plan, **fields)
    return found.value.kind


@pytest.mark.parametrize(
    ("people", "first"), [(1, 13), (2, 25), (3, 38), (4, 50), (5, 63), (6, 75), (12, 150)]
)
def test_four_tenants_are_a_household_in_quarters(people: int, first: int) -> None:
    assert bill("vn-household", kwh={"KT": 5000}, tenants=people).lines[0].kwh == first


def test_a_flat_of_undeclared_tenants_across_a_change_pays_the_third_tier_of_each_decision() -> None:
    found = bill("vn-household", **ACROSS, kwh={"KT": 310}, tenants="undeclared")
    assert lines(found) == [("bậc 3", 90, 2271), ("bậc 3", 220, 2380)]


def test_prepaid_is_one_price_and_is_interpolated() -> None:
    assert lines(bill("vn-prepaid", kwh={"KT": 400})) == [("KT", 400, 2909)]
    assert lines(bill("vn-prepaid", **ACROSS, kwh={"KT": 310})) == [("KT", 90, 2776), ("KT", 220, 2909)]


def test_two_changes_within_a_period_are_three_parts() -> None:
    found = bill("vn-household", **{"from": "2024-10-01", "to": "2025-05-29"}, kwh={"KT": 2400})
    parts = {(line.start, line.end): line.decision for line in found.lines}
    assert list(parts.values()) == ["2941/QĐ-BCT", "2699/QĐ-BCT", "1279/QĐ-BCT"]
    assert [sum(line.kwh for line in found.lines if line.decision == one) for one in parts.values()] == [
        100,
        2110,
        190,
    ]


@pytest.mark.parametrize(
    ("kwh", "before"),
    [
        ({"SG": 300}, {"SG": 120}),
        ({"KT": 300}, {"SG": 120}),
        ({"BT": 150, "CD": 50, "TD": 100}, {"SG": 120}),
        ({"BT": 150, "CD": 50, "TD": 100}, {"KT": 120}),
        ({"BT": 150, "CD": 50, "TD": 100, "SG": 300}, {"BT": 60, "CD": 20, "TD": 40, "SG": 120}),
    ],
)
def test_the_sum_register_read_at_the_change_tells_a_household_what_it_needs(
    kwh: dict[str, int], before: dict[str, int]
) -> None:
    told = bill("vn-household", **ACROSS, kwh=kwh, readings_at_change=before)
    assert lines(told) == lines(
        bill("vn-household", **ACROSS, kwh={"KT": 300}, readings_at_change={"KT": 120})
    )
    assert sum(line.kwh for line in told.lines if line.decision == "2699/QĐ-BCT") == 120


def test_a_sum_read_at_the_change_is_not_enough_for_three_rates() -> None:
    three = {"kwh": {"BT": 150, "CD": 50, "TD": 100}, **ACROSS}
    assert refused("vn-business", **three, readings_at_change={"SG": 120}) == "bad_request"
    beside = {"BT": 60, "CD": 20, "TD": 40, "SG": 120}
    assert bill("vn-business", **three, readings_at_change=beside).kwh == 300


def test_not_a_household_is_read_on_the_day_of_the_change() -> None:
    used = {"BT": 100, "TD": 40, "CD": 20}
    assert refused("vn-production", **ACROSS, kwh=used) == "no_reading_at_change"
    found = bill("vn-production", **ACROSS, kwh=used, readings_at_change={"BT": 30, "TD": 0, "CD": 20})
    assert lines(found) == [("BT", 30, 1896), ("CD", 20, 3474), ("BT", 70, 1987), ("TD", 40, 1300)]
    assert "read_at_change" in kinds(found)
    assert (
        refused("vn-production", **ACROSS, kwh=used, readings_at_change={"BT": 30}) == "no_reading_at_change"
    )


def test_a_reading_of_a_change_that_was_none_is_not_passed_over_in_silence() -> None:
    assert "no_change" in kinds(bill("vn-household", kwh={"KT": 10}, readings_at_change={"KT": 5}))


def test_a_three_rate_meter_refused_costs_the_peak_for_all() -> None:
    found = bill("vn-production", kwh={"KT": 3000}, three_rate_refused=True)
    assert lines(found) == [("KT", 3000, 3640)]
    assert found.lines[0].because.kind == "refused"


def test_a_meter_without_rates_pays_the_normal_price() -> None:
    for fields in ({"kwh": {"KT": 10}}, {"kwh": {"KT": 10}, "one_rate": True}, {"kwh": {"SG": 10}}):
        assert lines(bill("vn-production", **fields)) == [("KT", 10, 1987)]
    agreed = bill("vn-production", kwh={"CD": 5, "TD": 7}, one_rate=True)
    assert lines(agreed) == [("CD", 5, 1987), ("TD", 7, 1987)]


def test_a_single_rate_meter_of_a_large_customer_is_pointed_out() -> None:
    assert "three_rate_due" not in kinds(bill("vn-business", kwh={"KT": 1999}))
    assert "three_rate_due" in kinds(bill("vn-business", kwh={"KT": 2000}))
    assert "three_rate_due" in kinds(bill("vn-business", kwh={"BT": 2000, "CD": 0}, one_rate=True))
    assert "three_rate_due" not in kinds(bill("vn-business", kwh={"BT": 2000, "CD": 0}))
    assert "three_rate_due" not in kinds(bill("vn-business", kwh={"KT": 2000}, three_rate_refused=True))
    assert "three_rate_due" not in kinds(bill("vn-hospital-school", kwh={"KT": 2000}))


def test_hospitals_and_offices_pay_one_price_by_voltage_whatever_the_hour() -> None:
    used = {"BT": 10, "CD": 5, "TD": 0}
    assert lines(bill("vn-hospital-school", kwh=used)) == [("BT", 10, 2072), ("CD", 5, 2072)]
    assert lines(bill("vn-lighting-admin", kwh=used, voltage_kv="22")) == [("BT", 10, 2138), ("CD", 5, 2138)]


def test_several_meters_of_one_customer_run_through_the_tiers_once() -> None:
    two = [
        {"register": "KT", "previous": "10", "current": "70", "digits": 5, "serial": "A"},
        {"register": "KT", "previous": "0.5", "current": "2", "digits": 4, "serial": "B", "multiplier": "40"},
    ]
    found = bill("vn-household", registers=two)
    assert (found.kwh, [use.serial for use in found.uses]) == (120, ["A", "B"])
    assert lines(found) == [("bậc 1", 50, 1984), ("bậc 2", 50, 2050), ("bậc 3", 20, 2380)]


def test_a_swapped_three_rate_meter_keeps_the_order_of_its_registers() -> None:
    parts = [
        {"register": register, "previous": "0", "current": current, "digits": 6, "removed": removed}
        for removed, currents in ((True, ("10", "20", "30")), (False, ("1", "2", "3")))
        for register, current in zip(("BT", "CD", "TD"), currents, strict=True)
    ]
    assert lines(bill("vn-business", registers=parts)) == [
        ("BT", 11, 3152),
        ("CD", 22, 5422),
        ("TD", 33, 1918),
    ]


def test_a_sum_register_that_differs_is_said_and_not_billed() -> None:
    apart = bill("vn-business", kwh={"SG": 100, "BT": 50, "CD": 20, "TD": 20})
    assert (apart.kwh, "sum_differs" in kinds(apart)) == (90, True)
    assert "sum_differs" not in kinds(bill("vn-business", kwh={"SG": 91, "BT": 50, "CD": 20, "TD": 20}))


def test_a_bulk_meter_needs_households_and_is_not_split_with_other_retail() -> None:
    bulk: dict[str, Any] = {"kwh": {"KT": 100}}
    assert refused("vn-wholesale-htx", **bulk, households_with_use=0) == "households"
    assert lines(bill("vn-wholesale-htx", kwh={"KT": 11}, households_with_use=0, retail_other_kwh=10)) == [
        ("khác", 11, 1735)
    ]
    # half_up(1.1 × 5) = 6
    rounded = bill("vn-wholesale-htx", **bulk, households_with_use=1, retail_other_kwh=5)
    assert [line.kwh for line in rounded.lines] == [50, 44, 6]
    across = {**ACROSS, **bulk, "households_with_use": 1, "readings_at_change": {"KT": 50}}
    assert refused("vn-wholesale-htx", **across, retail_other_kwh=5) == "no_reading_at_change"


def test_reactive_energy_is_for_those_who_buy_it() -> None:
    household = bill("vn-household", kwh={"KT": 100}, kvarh=90, buys_reactive=True)
    assert (household.reactive, "no_reactive" in kinds(household)) == (None, True)
    without = bill("vn-production", kwh={"BT": 100}, buys_reactive=True)
    assert (without.reactive, "no_kvarh" in kinds(without)) == (None, True)
    unasked = bill("vn-production", kwh={"BT": 100}, kvarh=90)
    assert (unasked.reactive, "unused" in kinds(unasked)) == (None, True)
    registers = [
        {"register": "BT", "previous": "0", "current": "100"},
        {"register": "VC", "previous": "0", "current": "75"},
    ]
    found = bill("vn-production", registers=registers, multiplier="10", buys_reactive=True)
    assert found.reactive is not None
    assert (str(found.reactive.cos_phi), found.kwh, len(found.uses)) == ("0.80", 1000, 1)


@pytest.mark.parametrize(
    ("day", "percent"),
    [
        ("2022-01-31", 10), ("2022-02-01", 8), ("2022-12-31", 8), ("2023-01-01", 10), ("2023-06-30", 10),
        ("2023-07-01", 8), ("2024-06-30", 8), ("2025-06-30", 8), ("2026-12-31", 8),
    ],
)  # fmt: skip
def test_vat_goes_by_the_invoice_date(day: str, percent: int) -> None:
    assert vat_percent(date.fromisoformat(day)) == percent
    found = bill("vn-household", kwh={"KT": 100}, invoice_date=day)
    assert (found.vat_percent, found.vat) == (percent, (201700 * percent + 50) // 100)


def test_an_unconfirmed_price_is_said_and_a_confirmed_one_is_not() -> None:
    for plan in ("vn-production", "vn-business", "vn-hospital-school", "vn-lighting-admin", "vn-prepaid"):
        assert "unconfirmed_price" in kinds(
            bill(plan, **{"from": "2025-03-01", "to": "2025-04-01"}, kwh={"KT": 1})
        )
        assert not kinds(bill(plan, kwh={"KT": 1}))
    assert "one_source" in kinds(bill("vn-wholesale-htx", kwh={"KT": 1}, households_with_use=1))


@pytest.mark.parametrize(("plan", "peak"), [("vn-lodging", 3703), ("vn-ev-charging", 4298)])
def test_groups_to_come_are_worked_out_as_a_what_if_alone(plan: str, peak: int) -> None:
    assert plan not in PLANS
    assert refused(plan, kwh={"CD": 10}) == "no_price"
    assert lines(bill(plan, kwh={"CD": 10}, what_if="14/2025/QĐ-TTg")) == [("CD", 10, peak)]


def test_what_a_plan_does_not_use_is_said() -> None:
    assert "unused" in kinds(bill("vn-business", kwh={"KT": 1}, tenants=4))
    assert "unused" in kinds(bill("vn-household", kwh={"KT": 1}, retail_other_kwh=3))
    assert "unused" in kinds(bill("vn-business", kwh={"KT": 1}, multiplier=40))  # kWh are multiplied already


def test_many_days_with_the_widths_of_one_month_are_pointed_out() -> None:
    long = {"from": "2025-06-01", "to": "2025-08-01", "kwh": {"KT": 90}}
    assert "full_widths" in kinds(bill("vn-household", **long))
    assert "full_widths" not in kinds(bill("vn-household", **long, reason="agreed_new_day"))
    assert "full_widths" not in kinds(bill("vn-business", **long))
    for last, said in (
        ("2025-06-27", True),
        ("2025-06-28", False),
        ("2025-07-04", False),
        ("2025-07-05", True),
    ):
        assert ("full_widths" in kinds(bill("vn-household", kwh={"KT": 90}, to=last))) is said


def test_an_invoice_dated_within_its_period_is_pointed_out() -> None:
    for day, said in (("2025-06-29", True), ("2025-06-30", False)):
        assert ("early_invoice" in kinds(bill("vn-household", kwh={"KT": 1}, invoice_date=day))) is said


def test_the_hours_are_a_dated_property_of_the_meter() -> None:
    """A meter not yet reset keeps its hours; the day on which it is reset closes its registers."""
    old = MeterHours([(date(2020, 1, 1), "TT16-2014")])
    reset = MeterHours([(date(2020, 1, 1), "TT16-2014"), (date(2027, 3, 10), "QD963-2026")], what_if=True)
    before, after = date(2027, 3, 9), date(2027, 3, 10)  # both weekdays
    assert old.day_rates(after) == old.day_rates(before) == reset.day_rates(before)
    assert reset.day_rates(after)[19] == Rate.NORMAL  # 09:30 was peak
    assert reset.day_rates(after)[35] == Rate.PEAK  # 17:30
    assert reset.cut_overs(date(2027, 3, 1), date(2027, 4, 1)) == (after,)
    assert reset.cut_overs(date(2027, 3, 10), date(2027, 4, 1)) == ()
    assert old.cut_overs(date(2027, 3, 1), date(2027, 4, 1)) == ()


@pytest.mark.parametrize(
    ("dated", "said"),
    [
        ([], "no schedule of hours"),
        ([("2020-01-01", "TT16-2014"), ("2020-01-01", "QD963-2026")], "both"),
        ([("2020-01-01", "TT99")], "no schedule is called 'TT99'"),
        ([("2027-03-10", "QD963-2026")], "no meter bills by it"),
    ],
)
def test_hours_that_cannot_be_are_refused(dated: list[tuple[str, str]], said: str) -> None:
    with pytest.raises(TariffError, match=said):
        MeterHours([(date.fromisoformat(day), name) for day, name in dated])


def test_hours_before_the_first_schedule_are_not_guessed() -> None:
    with pytest.raises(TariffError, match="no schedule of hours on 2019-12-31"):
        MeterHours([(date(2020, 1, 1), "TT16-2014")]).at(date(2019, 12, 31))
