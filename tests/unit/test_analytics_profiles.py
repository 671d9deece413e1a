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
from analytics.profiles import balance, daily_totals, figures, load_duration, monthly_totals, of_meter
from model.period import midnight
from model.quality import Quality

FIRST = date(2026, 9, 29)


def drawn(seed: int, meters: int, days: int, slots: int = 48) -> tuple[Any, Any]:
    chance = np.random.default_rng(seed)
    energy = chance.integers(0, 2000, (meters, days, slots)).astype(np.int32)
    quality = chance.choice([0, 1, 1, 1, 3, 6], (meters, days, slots)).astype(np.uint8)
    return np.where(quality == 0, 0, energy).astype(np.int32), quality


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 2**32), st.integers(0, 3), st.integers(0, 9), st.sampled_from([24, 48]))
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


def test_figures_equal_pandas() -> None:
    energy, quality = drawn(7, 1, 40)
    one = of_meter(energy[0], quality[0], FIRST)
    at = pd.date_range(midnight(FIRST), periods=40 * 48, freq="30min")
    wh = pd.Series(np.where(quality[0] == 0, np.nan, energy[0]).reshape(-1), at)
    assert one.mean_w == pytest.approx(wh.mean() * 2)
    actual = wh.where(pd.Series(quality[0].reshape(-1) != 3, at))
    assert one.pmax_w == actual.max() * 2
    assert one.pmax_at == actual.idxmax()
    weekend = wh[at.day_of_week >= 5]
    np.testing.assert_allclose(
        one.weekend_w, weekend.groupby([weekend.index.hour, weekend.index.minute]).mean() * 2
    )
    months = [(total.month.month, total.wh) for total in monthly_totals(energy[0], quality[0], FIRST)]
    assert months == [(month, int(total)) for month, total in wh.groupby(at.month).sum().items()]
    np.testing.assert_array_equal(load_duration(energy[0], quality[0]), np.sort(wh.dropna())[::-1] * 2)


def test_an_estimate_makes_no_peak() -> None:
    energy = np.array([[10, 900, 30]], np.int32)
    quality = np.array([[Quality.ACTUAL, Quality.FLAT, Quality.ACTUAL]], np.uint8)
    one = of_meter(energy, quality, FIRST)
    assert (one.pmax_w, one.total_wh, one.estimated) == (30 / 8, 940, 1)
    assert one.pmax_at == midnight(FIRST) + timedelta(hours=16)


def test_nothing_known_is_no_figure() -> None:
    one = of_meter(np.zeros((2, 48)), np.zeros((2, 48)), FIRST)
    assert (one.pmax_w, one.pmax_at, one.load_factor, one.mean_w, one.missing) == (None, None, None, None, 96)
    zeros = of_meter(np.zeros((2, 48)), np.ones((2, 48)), FIRST)
    assert (zeros.pmax_w, zeros.load_factor) == (0.0, None)
    with pytest.raises(AnalyticsError, match="meters × days × slots"):
        figures(np.zeros((2, 48)), np.zeros((2, 48)), FIRST)


def test_a_day_with_a_large_gap_has_no_total() -> None:
    quality = np.ones((3, 48), np.uint8)
    quality[1, :4] = 0
    quality[2, :5] = 0
    totals = daily_totals(np.full((3, 48), 10), quality)
    assert totals[:2].tolist() == [480.0, 480.0]
    assert np.isnan(totals[2])


def test_the_loss_of_a_station_counts_what_both_sides_know() -> None:
    head, sold = np.full((1, 4), 100), np.full((2, 1, 4), 45)
    know, some = np.ones((1, 4)), np.ones((2, 1, 4))
    some[1, 0, 3] = 0
    found = balance(head, know, sold, some)
    assert (found.delivered_wh, found.sold_wh, found.slots, found.loss_percent) == (300, 270, 3, 10.0)
    assert balance(head * 0, know, sold, some).loss_percent is None
