"""Courses of a load over intervals of any length, against pandas and on what little may be there."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics.errors import AnalyticsError
from analytics.profiles.curve import INTERVALS, Interval, curve, months_of, of_group, slots_of, years_of
from analytics.profiles.group import WHOLE, together
from model.period import midnight

RULES: dict[Interval, str] = {"30": "30min", "60": "1h", "day": "1D", "month": "MS"}
FIRST = date(2026, 1, 29)


@settings(deadline=None, max_examples=8)
@given(st.integers(0, 2**32), st.integers(1, 4), st.integers(1, 40), st.sampled_from([0.0, 0.01, 0.4, 1.0]))
def test_curves_equal_pandas(seed: int, meters: int, days: int, gaps: float) -> None:
    chance = np.random.default_rng(seed)
    energy = chance.integers(0, 900, (meters, days, 48))
    quality = chance.choice([1, 1, 3, 6], energy.shape)
    quality[chance.random(energy.shape) < gaps] = 0
    hung = np.ones(energy.shape, bool)
    hung[0, : days // 3] = False
    load = together(energy, quality, FIRST, hung)
    slots = of_group(load)
    alone = slots_of(energy, quality, hung)
    for name in ("wh", "seen", "expected", "estimated"):
        np.testing.assert_array_equal(getattr(slots, name), getattr(alone, name))
    at = pd.date_range(midnight(FIRST), periods=days * 48, freq="30min")
    told = pd.DataFrame(
        {
            "w": load.mean_w.reshape(-1),
            "wh": np.where(hung & (quality > 0), energy, 0).sum(axis=0).reshape(-1),
            "seen": (hung & (quality > 0)).sum(axis=0).reshape(-1),
            "expected": hung.sum(axis=0).reshape(-1),
        },
        at,
    )
    for interval, rule in RULES.items():
        found, groups = curve(slots, FIRST, interval), told.resample(rule)
        w = groups["w"].mean().where(groups["w"].count() >= WHOLE * groups["w"].size())
        np.testing.assert_allclose(found.mean_w, w)
        np.testing.assert_array_equal(found.wh, groups["wh"].sum())
        known = groups["seen"].sum() / groups["expected"].sum().clip(lower=1)
        np.testing.assert_allclose(found.known, known)
        assert found.minutes.sum() == days * 1440
        first_of_each = [midnight(FIRST) + timedelta(minutes=int(begin)) for begin in found.begins]
        assert first_of_each == [max(one, midnight(FIRST)) for one in w.index]
        place = found.highest()
        assert place == (None if w.isna().all() else int(np.nanargmax(w)))
    said = hung & np.isin(quality, (1, 6))  # an estimate makes no peak
    n, expected = said.sum(axis=0).reshape(-1), told["expected"]
    mean = np.where(said, energy, 0).sum(axis=0).reshape(-1) / np.maximum(n, 1)
    measured = (2 * mean * expected).where((n > 0) & (n >= WHOLE * expected))
    assert load.pmax_w == (None if measured.isna().all() else pytest.approx(measured.max()))
    hours = measured.rolling(2).mean()
    assert load.sliding_w == (None if hours.isna().all() else pytest.approx(hours.max()))
    if load.sliding_at is not None:
        assert load.sliding_at == hours.idxmax() - timedelta(minutes=30)


def test_nothing_finer_than_the_meters_tell() -> None:
    hourly = slots_of(np.ones((1, 2, 24)), np.ones((1, 2, 24)), np.ones((1, 2, 24)))
    with pytest.raises(AnalyticsError, match="intervals of 60 minutes tell nothing of 30 minutes"):
        curve(hourly, FIRST, "30")
    five = slots_of(np.ones((1, 1, 288)), np.ones((1, 1, 288)), np.ones((1, 1, 288)))
    assert [len(curve(five, FIRST, interval).wh) for interval in INTERVALS] == [288, 96, 48, 24, 1, 1]
    assert set(curve(five, FIRST, "month").mean_w.tolist()) == {12.0}
    nobody = slots_of(np.zeros((0, 0, 48)), np.zeros((0, 0, 48)), np.zeros((0, 0, 48)))
    assert curve(nobody, FIRST, "day").highest() is None


def test_months_and_years_are_cut_where_they_begin() -> None:
    assert months_of(FIRST, 35) == [(0, 3), (3, 31), (31, 35)]
    assert years_of(date(2025, 12, 31), 367) == [(0, 1), (1, 366), (366, 367)]
    assert months_of(FIRST, 0) == []
