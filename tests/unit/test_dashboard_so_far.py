"""What the period costs until now, by the bill's own rules."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

import pytest

from dashboard.pages.home import energy_so_far
from dashboard.visit import Visit
from model.grid import Supply
from model.period import LOCAL
from model.viewer import UserRole, Viewer
from operations.so_far import so_far
from storage.meters import Installed, MeterSheet
from storage.profiles import DayTotal

FIRST, TODAY = date(2026, 10, 1), date(2026, 10, 14)


def supply(plan: str = "vn-household", households: int = 1, *, one_rate: bool = True) -> Supply:
    return Supply(FIRST, plan, Decimal(households), one_rate=one_rate)


def test_a_household_with_its_tier_and_what_is_left_of_it() -> None:
    cost = so_far(supply(), FIRST, TODAY, 134_400)
    assert cost is not None
    # 50 × 1984 + 50 × 2050 + 34 × 2380 = 282,620; VAT 8 % = 22,610 (a published bill)
    assert (cost.kwh, cost.amount, cost.vat_percent) == (134, 305_230, 8)
    assert (cost.current, cost.left, cost.tiers[3].price) == (2, 66, 2998)


@pytest.mark.parametrize(
    ("wh", "current", "left"),
    [(0, 0, 50), (49_400, 0, 1), (50_000, 1, 50), (99_900, 2, 100), (400_000, 5, None), (9_000_000, 5, None)],
)
def test_at_the_edges_of_the_tiers(wh: int, current: int, left: int | None) -> None:
    cost = so_far(supply(), FIRST, TODAY, wh)
    assert cost is not None
    assert (cost.current, cost.left) == (current, left)
    assert sum(tier.used for tier in cost.tiers) == cost.kwh


def test_what_no_price_is_known_of_has_none() -> None:
    assert so_far(supply("vn-nobody-s"), FIRST, TODAY, 134_000) is None
    assert so_far(supply(), date(1950, 1, 1), date(1950, 1, 9), 134_000) is None
    assert [so_far(supply(), FIRST, TODAY, wh) for wh in (-700, float("nan"))] == [None, None]


def test_two_households_on_one_meter_have_tiers_twice_as_wide() -> None:
    cost = so_far(supply(households=2), FIRST, TODAY, 134_000)
    assert cost is not None
    assert [tier.size for tier in cost.tiers] == [100, 100, 200, 200, 200, None]
    assert (cost.current, cost.left) == (1, 66)


def test_three_rates_wait_for_the_registers() -> None:
    assert so_far(supply("vn-production", one_rate=False), FIRST, TODAY, 100_000) is None
    one_price = so_far(supply("vn-production"), FIRST, TODAY, 100_000)
    assert one_price is not None
    assert one_price.tiers == ()


def test_without_a_vat_rate_the_amount_is_before_vat_and_says_so() -> None:
    cost = so_far(supply(), date(2031, 5, 1), date(2031, 5, 9), 50_000)
    assert cost is not None
    assert (cost.vat_percent, cost.amount) == (None, 99_200)


def test_a_period_of_which_no_half_hour_is_known_has_no_figures() -> None:
    """Missing is not zero: neither 0,0 kWh nor 0 ₫."""
    now = datetime(2026, 10, 1, 0, 40, tzinfo=LOCAL)
    visit = Visit(Viewer("a", UserRole.CUSTOMER, "C1"), "vi", "", False, now, "/")
    place = Installed((), (supply(),), now, None, {}, {}, "P1", "customer", "", "T1", "", "", "", "", "")
    found = MeterSheet(1, "1", "dk-1p", 1, None, None, None, None, (place,), (), None, (), (), ())
    shown = str(energy_so_far(visit, found, place, FIRST, [DayTotal(FIRST, 0.0, 1, 1, 0)]))
    assert "Chưa có số liệu" in shown
    assert "kWh" not in shown
    assert "₫" not in shown
    known = str(energy_so_far(visit, found, place, FIRST, [DayTotal(FIRST, 0.0, 1, 0, 0)]))
    assert "0,0" in known, "a house that used nothing did use nothing"
