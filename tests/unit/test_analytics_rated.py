"""Load against transformers, balances added up, cos φ, voltages and phases: truths, gaps, odd supplies."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics.electrical import cos_phis, imbalance, voltage_quality
from analytics.errors import AnalyticsError
from analytics.losses import Technical, balance, by_day, by_month, residue
from analytics.profiles.rated import LEVELS, against, longest_run
from analytics.profiles.rated_days import by_day as days_of
from model.period import midnight

FIRST = date(2026, 10, 30)
NAN = float("nan")


def nothing(days: int, slots: int = 48) -> Any:
    return np.full((days, slots), NAN)


def test_a_load_is_told_against_its_transformer() -> None:
    """100 kVA, 200 kVA from the third day on; cos φ 0.8 is measured on the first day alone."""
    w, var = np.full((3, 48), 40_000.0), nothing(3)
    var[0] = 30_000.0
    w[0, 20:24], var[0, 20:24] = 80_000.0, 60_000.0  # 100 kVA, measured: not above 100 %
    w[1, 10:13] = 126_000.0  # 140 kVA at the usual cos φ
    w[1, 11] = NAN
    w[2, 40] = 189_000.0  # 210 kVA, of 200
    measured = ~np.isnan(w)
    measured[2, 40] = False
    found = against(w, var, measured, [100_000, 100_000, 200_000], FIRST)
    assert (found.pmax_w, found.smax_va) == (126_000.0, pytest.approx(140_000.0))
    assert found.smax_at == midnight(FIRST) + timedelta(days=1, hours=5)
    assert found.smax_share == pytest.approx(1.4)
    assert [one.hours for one in found.above] == [3.5, 1.5, 1.0, 1.0]
    assert found.above[0].longest_hours == 2.0
    assert found.above[0].since == midnight(FIRST) + timedelta(hours=10)
    assert found.above[3].longest_hours == 0.5, "a gap ends a stretch"
    assert found.above[0].share == pytest.approx(7 / 143)
    assert (found.known, found.reactive_known) == (143 / 144, 48 / 143)


@settings(max_examples=30)
@given(st.integers(0, 4), st.sampled_from([24, 48, 96]), st.integers(0, 2**32))
def test_a_day_tells_what_a_loop_over_its_measured_intervals_finds(days: int, slots: int, seed: int) -> None:
    chance = np.random.default_rng(seed)
    shape = days, slots
    w = np.where(chance.random(shape) < 0.2, NAN, chance.uniform(-20e3, 160e3, shape))
    var = np.where(chance.random(shape) < 0.3, NAN, chance.uniform(0, 60e3, shape))
    measured = chance.random(shape) < chance.choice([0.0, 0.8])
    rated = chance.choice([NAN, 1e5, 63e3], days)
    found = days_of(against(w, var, measured, rated, FIRST), w, var, measured, rated, FIRST)
    assert [one.day for one in found] == [FIRST + timedelta(n) for n in range(days)]
    for n, one in enumerate(found):
        powers, active = {}, []
        for slot in range(slots):
            if measured[n, slot] and not np.isnan(w[n, slot]):
                p, q = w[n, slot], var[n, slot]
                powers[slot] = abs(p) / 0.9 if np.isnan(q) else (p * p + q * q) ** 0.5
                active.append(p)
        if not powers:
            assert (one.pmax_w, one.smax_va, one.at, one.share, one.hours_above) == (None,) * 4 + ((),)
            continue
        highest = max(powers, key=lambda slot: powers[slot])
        assert (one.pmax_w, one.smax_va) == (max(active), pytest.approx(powers[highest]))
        assert one.at == midnight(one.day) + timedelta(hours=highest * 24 / slots)
        assert one.usual_cos_phi == np.isnan(var[n, highest])
        assert (one.share is None) == np.isnan(rated[n])
        if one.share is not None:
            assert one.share == pytest.approx(powers[highest] / rated[n])
            assert one.hours_above == tuple(
                sum(va > level * rated[n] for va in powers.values()) * 24 / slots for level in LEVELS
            )


def test_without_a_rated_power_or_a_load_there_is_no_share() -> None:
    w = np.full((2, 24), 1000.0)
    unrated = against(w, nothing(2, 24), ~np.isnan(w), [NAN, NAN], FIRST)
    assert (unrated.above, unrated.smax_share, unrated.mean_share, unrated.pmax_w) == ((), None, None, 1000.0)
    unknown = against(nothing(2), nothing(2), np.zeros((2, 48), bool), [1e5, 1e5], FIRST)
    assert (unknown.pmax_w, unknown.smax_at, unknown.above, unknown.known) == (None, None, (), 0.0)
    resting = against(w * 0, w * 0, ~np.isnan(w), [1e5, 1e5], FIRST)
    assert (resting.pmax_w, resting.smax_share) == (0.0, 0.0)
    assert {one.hours for one in resting.above} == {0.0}
    with pytest.raises(AnalyticsError, match="do not fit"):
        against(w, nothing(2), ~np.isnan(w), [1e5, 1e5], FIRST)


@given(st.lists(st.booleans(), max_size=40))
def test_the_longest_run_is_the_one_a_loop_finds(marks: list[bool]) -> None:
    best, begin, length = (0, 0), 0, 0
    for place, mark in enumerate([*marks, False]):
        if mark:
            begin, length = (begin, length + 1) if length else (place, 1)
        else:
            best, length = ((begin, length) if length > best[1] else best), 0
    assert longest_run(np.array(marks, bool)) == best


@settings(max_examples=40)
@given(st.floats(0, 2000), st.floats(0, 1e-6), st.floats(0, 4e5))
def test_what_is_lost_above_a_use_is_what_its_delivery_loses(
    no_load: float, per_square: float, w: float
) -> None:
    loss, used = Technical(no_load, per_square), np.full(48, w / 2)
    lost = loss.wh_above(used)
    assert (lost >= 0).all()
    if 4 * per_square * (w + no_load) < 1:
        assert loss.wh(used + lost) == pytest.approx(lost, rel=1e-6, abs=1e-6)


def test_a_balance_adds_up_over_days_and_months() -> None:
    chance = np.random.default_rng(4)
    head, sold = chance.integers(900, 1200, (4, 48)), chance.integers(100, 300, (3, 4, 48))
    quality = np.ones(sold.shape, np.uint8)
    quality[1, 2] = 0
    quality[0, 3, 5] = 0
    found = residue(head, np.ones(head.shape), sold, quality, Technical(100, 1e-6))
    total, days, months = balance(found), by_day(found), by_month(found, FIRST)
    assert [month for month, _ in months] == [date(2026, 10, 1), date(2026, 11, 1)]
    for one in (total, *days):
        assert one.sold_wh + one.technical_wh + one.unexplained_wh == one.delivered_wh
    known = (quality != 0).all(axis=0)
    assert total.delivered_wh == head[known].sum() == sum(one.delivered_wh for one in days)
    assert total.sold_wh == sold.sum(axis=0)[known].sum()
    assert (days[2].intervals, days[2].covered, days[2].loss_percent) == (0, 0.0, None)
    assert (total.intervals, total.of) == (95 + 48, 192)
    assert months[0][1].delivered_wh + months[1][1].delivered_wh == total.delivered_wh


def test_cos_phi_goes_by_energies_as_a_bill_does() -> None:
    wh, varh = np.full((3, 24), 800), np.full((3, 24), 600)
    quality = np.ones((3, 24), np.uint8)
    lacking = quality.copy()
    lacking[1], lacking[2, :12] = 0, 0
    wh[2] = varh[2] = 0
    groups = [np.arange(3) == day for day in range(3)] + [np.ones(3, bool)]
    days = cos_phis((wh, quality), (varh, lacking), (varh * 0, quality * 0), groups)
    assert [one.value for one in days] == [Decimal("0.80"), None, None, Decimal("0.80")]
    assert [one.intervals for one in days] == [24, 0, 12, 36]
    assert days[0].out_varh is None
    assert cos_phis((wh, quality), (varh, lacking), (varh, quality), groups)[0].out_varh == 600 * 24


def test_voltages_are_told_by_phase() -> None:
    volts = np.full((10, 3), 220.0)
    volts[:, 2] = NAN
    volts[0, 0], volts[1, 0], volts[2, 0] = 232.0, 200.0, 190.0
    volts[3, 0] = 0.0
    first, second = voltage_quality(volts, 220.0)
    assert (first.reads, first.interrupted, first.outside) == (10, 1, pytest.approx(3 / 9))
    assert (first.low, first.high, first.below_after_fault) == (2 / 9, 1 / 9, 1 / 9)
    assert (first.lowest, first.highest) == ((190.0, 2), (232.0, 0))
    assert (second.phase, second.outside) == (1, 0.0)
    unknown = voltage_quality(volts, None)[0]
    assert (unknown.outside, unknown.lowest) == (None, (190.0, 2))
    dark = voltage_quality(np.zeros((2, 3)), 220.0)[0]
    assert (dark.interrupted, dark.outside, dark.lowest) == (2, None, None)
    assert voltage_quality(np.empty((0, 3)), 220.0) == []
    with pytest.raises(AnalyticsError, match="moments × 3 phases"):
        voltage_quality(np.zeros((3, 2)), 220.0)


def test_phases_are_unlike_by_their_largest_deviation() -> None:
    amperes = np.array([[10.0, 10, 10], [8, 10, 12], [0, 15, 15], [0.1, 0, 0], [5, NAN, 5]])
    found = imbalance(amperes, 15.0, 0.5)
    assert found is not None
    assert (found.reads, found.highest, found.at) == (3, 100.0, 2)
    assert (found.median, found.above) == (pytest.approx(20.0), pytest.approx(2 / 3))
    for empty in (np.empty((0, 3)), np.zeros((4, 3)), np.full((2, 3), NAN)):
        assert imbalance(empty, 15.0) is None
