"""What moving use out of peak hours saves, against the price list by hand."""

from __future__ import annotations

from datetime import date
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics.billing import BillingError, Request
from analytics.billing.shifting import moved
from model.money import half_up

NORMAL, PEAK, OFFPEAK = 1987, 3640, 1300  # QĐ 1279/QĐ-BCT, production below 6 kV


def _asked(bt: int, cd: int, td: int, plan: str = "vn-production") -> Request:
    kwh = {"BT": bt, "CD": cd, "TD": td}
    return Request(plan, date(2026, 10, 1), date(2026, 11, 1), date(2026, 11, 3), kwh)


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 10**5), st.integers(0, 10**5), st.integers(0, 10**5), st.integers(0, 100))
def test_a_move_saves_the_difference_of_the_two_prices(bt: int, cd: int, td: int, percent: int) -> None:
    def total(peak: int, offpeak: int) -> int:
        subtotal = bt * NORMAL + peak * PEAK + offpeak * OFFPEAK
        return subtotal + half_up(Fraction(subtotal * 8, 100))

    (move,) = moved(_asked(bt, cd, td), (percent,))
    kwh = (2 * cd * percent + 100) // 200
    assert (move.percent, move.kwh) == (percent, kwh)
    assert move.total == total(cd - kwh, td + kwh)
    assert move.saved == total(cd, td) - move.total >= 0


def test_where_the_hour_is_no_matter_nothing_is_saved() -> None:
    household = Request("vn-household", date(2026, 10, 1), date(2026, 11, 1), date(2026, 11, 3), {"KT": 300})
    assert [move.saved for move in moved(household, (10, 30))] == [0, 0]
    with pytest.raises(BillingError, match="120 % of the use cannot be moved"):
        moved(household, (120,))
