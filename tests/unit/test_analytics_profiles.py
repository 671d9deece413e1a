"""Load figures against slow twins and pandas."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics.errors import AnalyticsError
from analytics.profiles import (
    Figures,
    daily_totals,
    figures,
    load_duration,
    monthly_totals,
    of_meter,
    peaks,
)
from analytics.profiles.group import DURATION, duration_curve, together
from analytics.profiles.typical import Typical, typical_day
from model.period import midnight
from model.quality import Quality

FIRST = date(2026, 9, 29)


def drawn(seed: int, meters: int, days: int, slots: int = 48) -> tuple[Any, Any]:
    chance = np.random.default_rng(seed)
    energy = chance.integers(0, 2000, (meters, days, slots)).astype(np.int32)
    quality = chance.choice([0, 1, 1, 1, 3, 6], (meters, days, slots)).astype(np.uint8)
    quality[chance.random(quality.shape) < seed % 3 * 0.45] = 0  # some have hardly two slots in a row
    return np.where(quality == 0, 0, energy).astype(np.int32), quality


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 2**32), st.integers(0, 3), st.integers(0, 9), st.sampled_from([24, 48, 96]))
def test_figures_equal_a_slow_twin(seed: int, meters: int, days: int, slots: int) -> None:
    energy, quality = drawn(seed, meters, days, slots)
    found = figures(energy, quality, FIRST)
    for m in range(meters):
        cells = [
            (d, s, int(energy[m, d, s]), int(quality[m, d, s])) for d in range(days) for s in range(slots)
        ]
        known = [cell for cell in cells if cell[3]]
        measured = [cell for cell in known if not Quality(cell[3]).is_estimated]
        assert found.total_wh[m] == sum(wh for *_, wh, _ in known)
        assert (found.measured[m], found.estimated[m], found.missing[m]) == (
            len(measured),
            len(known) - len(measured),
            len(cells) - len(known),
        )
        if measured:
            peak = max(wh for *_, wh, _ in measured)
            assert found.pmax_w[m] == peak * slots / 24
            assert found.pmax_slot[m] == next(d * slots + s for d, s, wh, _ in measured if wh == peak)
        else:
            assert np.isnan(found.pmax_w[m])
            assert np.isnan(found.load_factor[m])
        said = [wh if how and not Quality(how).is_estimated else None for *_, wh, how in cells]
        hour = slots // 24
        hours = [said[i : i + hour] for i in range(len(said) - hour + 1)]
        sums = [sum(one for one in each if one is not None) if None not in each else -1 for each in hours]
        highest = max(sums, default=-1)
        assert found.sliding_slot[m] == (sums.index(highest) if highest >= 0 else -1)
        np.testing.assert_equal(found.sliding_w[m], float(highest) if highest >= 0 else np.nan)
        for kind in Typical:
            mine = [cell for cell in known if typical_day(FIRST + timedelta(cell[0])) is kind]
            for s in range(slots):
                of_slot = [wh for _, slot, wh, _ in mine if slot == s]
                mean = sum(of_slot) / len(of_slot) * slots / 24 if of_slot else np.nan
                np.testing.assert_allclose(found.typical_w[m, kind, s], mean, rtol=1e-6)
    known_of = (quality != 0).sum(axis=0)
    np.testing.assert_array_equal(found.together_wh, np.where(quality != 0, energy, 0).sum(axis=0))
    np.testing.assert_array_equal(found.together_known, known_of)
    pmax, slot, factor = peaks(energy, quality)
    np.testing.assert_array_equal(pmax, found.pmax_w)
    np.testing.assert_array_equal(slot, found.pmax_slot)
    np.testing.assert_array_equal(factor, found.load_factor)
    parted = figures(energy, quality, FIRST, threads=3)
    for name in Figures.__slots__:
        np.testing.assert_array_equal(getattr(parted, name), getattr(found, name))


def test_figures_equal_pandas() -> None:
    energy, quality = drawn(7, 1, 40)
    one = of_meter(energy[0], quality[0], FIRST)
    at = pd.date_range(midnight(FIRST), periods=40 * 48, freq="30min")
    wh = pd.Series(np.where(quality[0] == 0, np.nan, energy[0]).reshape(-1), at)
    assert one.mean_w == pytest.approx(wh.mean() * 2)
    actual = wh.where(pd.Series(quality[0].reshape(-1) != 3, at))
    assert one.pmax_w == actual.max() * 2
    assert one.pmax_at == actual.idxmax()
    hours = actual.rolling(2).sum()
    assert one.sliding_w == hours.max()
    assert one.sliding_at == hours.idxmax() - timedelta(minutes=30)
    holidays = [day.date() for day in at if typical_day(day.date()) is Typical.HOLIDAY]
    for kind, of_week in ((Typical.WEEKDAY, range(5)), (Typical.SATURDAY, [5]), (Typical.SUNDAY, [6])):
        days = wh[at.day_of_week.isin(of_week) & ~pd.Index(at.date).isin(holidays)]
        mean = days.groupby([days.index.hour, days.index.minute]).mean() * 2
        np.testing.assert_allclose(one.typical_w[kind], mean, rtol=1e-6)
    months = [(total.month.month, total.wh) for total in monthly_totals(energy[0], quality[0], FIRST)]
    assert months == [(month, int(total)) for month, total in wh.groupby(at.month).sum().items()]
    np.testing.assert_array_equal(load_duration(energy[0], quality[0]), np.sort(wh.dropna())[::-1] * 2)


def test_an_estimate_makes_no_peak() -> None:
    energy = np.array([[10, 900, 30]], np.int32)
    quality = np.array([[Quality.ACTUAL, Quality.FLAT, Quality.ACTUAL]], np.uint8)
    one = of_meter(energy, quality, FIRST)
    assert (one.pmax_w, one.total_wh, one.estimated) == (30 / 8, 940, 1)
    assert one.pmax_at == midnight(FIRST) + timedelta(hours=16)
    group = together(energy[None], quality[None], FIRST)
    assert (group.pmax_w, group.pmax_at, group.sliding_w) == (30 / 8, one.pmax_at, 30 / 8)
    assert (group.coincidence, group.diversity, group.mean_w[0, 1]) == (1.0, 1.0, 900 / 8)


def test_coincidence_is_at_most_one() -> None:
    """Also where the smallest of twenty, missing at the peak, stands at the mean of the others."""
    energy, quality = np.full((20, 1, 48), 500), np.ones((20, 1, 48), np.uint8)
    energy[0], quality[0, 0, 20] = 50, Quality.MISSING
    found = together(energy, quality, FIRST)
    assert (found.pmax_w, found.coincidence, found.diversity) == (20_000.0, 1.0, 1.0)


def test_a_power_is_reached_for_at_least_its_share_of_the_time() -> None:
    found = together(np.arange(1, 481).reshape(1, 10, 48), np.ones((1, 10, 48)), FIRST)
    assert (found.duration / 2).tolist() == [480, 476, 433, 241, 49, 1]
    for share, power in zip(DURATION[1:], found.duration[1:], strict=True):
        assert [(found.mean_w >= least).mean() >= share for least in (power, power + 2)] == [True, False]


def test_nothing_known_is_no_figure() -> None:
    one = of_meter(np.zeros((2, 48)), np.zeros((2, 48)), FIRST)
    assert (one.pmax_w, one.pmax_at, one.load_factor, one.mean_w, one.missing) == (None, None, None, None, 96)
    zeros = of_meter(np.zeros((2, 48)), np.ones((2, 48)), FIRST)
    assert (zeros.pmax_w, zeros.load_factor) == (0.0, None)
    with pytest.raises(AnalyticsError, match="meters × days × slots"):
        figures(np.zeros((2, 48)), np.zeros((2, 48)), FIRST)
    with pytest.raises(AnalyticsError, match="45 minutes are no whole number of 30-minute slots"):
        figures(np.zeros((1, 2, 48)), np.zeros((1, 2, 48)), FIRST, sliding_minutes=45)


def test_public_holidays_are_typical_days_of_their_own() -> None:
    assert typical_day(date(2026, 9, 2)) is Typical.HOLIDAY
    assert typical_day(date(2026, 2, 17)) is Typical.HOLIDAY, "Tết"
    week = [typical_day(date(2026, 9, 7) + timedelta(day)) for day in range(7)]
    assert week == [Typical.WEEKDAY] * 5 + [Typical.SATURDAY, Typical.SUNDAY]


def test_a_day_with_a_large_gap_has_no_total() -> None:
    quality = np.ones((3, 48), np.uint8)
    quality[1, :4] = 0
    quality[2, :5] = 0
    totals = daily_totals(np.full((3, 48), 10), quality)
    assert totals[:2].tolist() == [480.0, 480.0]
    assert np.isnan(totals[2])


def test_loads_together_are_what_pandas_adds_up() -> None:
    energy, _ = drawn(3, 40, 21)
    chance = np.random.default_rng(8)
    quality = np.where(chance.random(energy.shape) < 0.01, 0, 1).astype(np.uint8)
    hung = np.ones(energy.shape, bool)
    hung[0, :9] = False  # hung on the tenth day
    found = together(energy, quality, FIRST, hung)
    at = pd.date_range(midnight(FIRST), periods=21 * 48, freq="30min")
    wh = pd.DataFrame(np.where((quality == 1) & hung, energy, np.nan).reshape(40, -1).T, index=at)
    expected, seen = hung.sum(axis=0).ravel(), wh.notna().sum(axis=1)
    summed = (wh.mean(axis=1) * expected * 2).where(seen >= 0.95 * expected)
    np.testing.assert_allclose(found.mean_w.ravel(), summed)
    assert found.pmax_w == pytest.approx(summed.max())
    assert found.pmax_at == summed.idxmax()
    assert found.wh == int(wh.sum().sum())
    assert found.known == pytest.approx(seen.sum() / expected.sum())
    assert found.sum_of_pmax_w == wh.max().sum() * 2
    assert found.diversity == pytest.approx(found.sum_of_pmax_w / summed.max())
    assert found.coincidence == pytest.approx(1 / found.diversity)
    assert found.load_factor == pytest.approx(summed.mean() / summed.max())
    assert found.use_hours == pytest.approx(found.wh / summed.max())
    saturdays = summed[at.day_of_week == 5]
    bands = saturdays.groupby([saturdays.index.hour, saturdays.index.minute]).quantile([0.1, 0.5, 0.9])
    np.testing.assert_allclose(found.bands[Typical.SATURDAY], bands.unstack().T)
    assert found.duration[0] == pytest.approx(summed.max())
    assert found.duration[-1] == pytest.approx(summed.min())
    share, reached = duration_curve(found.mean_w, 40)
    assert (len(share), share[-1], reached[0]) == (40, 1.0, found.duration[0])
    for one, power in zip(share, reached, strict=True):
        assert (summed.dropna() >= power - 1e-9).mean() == pytest.approx(one)
    assert [len(part) for part in duration_curve(np.full((2, 48), np.nan))] == [0, 0]


def test_a_group_says_how_much_of_each_interval_is_estimated() -> None:
    quality = np.ones((4, 1, 48), np.uint8)
    quality[:2, 0, 3], quality[2, 0, 3], quality[0, 0, 4] = Quality.LINEAR, Quality.SUSPECT, Quality.MISSING
    hung = np.ones(quality.shape, bool)
    hung[3, 0, 3] = False
    found = together(np.full(quality.shape, 10), quality, FIRST, hung)
    assert found.estimated[0, 2:5].tolist() == [0.0, pytest.approx(2 / 3), 0.0]


def test_a_group_that_nothing_is_known_of_has_no_figures() -> None:
    none = together(np.zeros((3, 2, 48)), np.zeros((3, 2, 48)), FIRST)
    assert (none.pmax_w, none.pmax_at, none.diversity, none.load_factor, none.known) == (None,) * 4 + (0.0,)
    still = together(np.zeros((3, 2, 48)), np.ones((3, 2, 48)), FIRST)
    assert (still.pmax_w, still.diversity, still.load_factor, still.use_hours) == (0.0, None, None, None)
    nobody = together(np.zeros((1, 2, 48)), np.ones((1, 2, 48)), FIRST, np.zeros((1, 2, 48)))
    assert nobody.pmax_w is None
    assert np.isnan(nobody.bands).all()
