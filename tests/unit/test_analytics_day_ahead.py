"""The day ahead: weeks that repeat, real households added up, temperatures, and what little may be known."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path

import numpy as np
import pytest

from ami.bench.detect_files import half_hours
from ami.bench.forecast_day import day_ahead, grid_of
from ami.failure import InputFailure
from ami.load_ahead import temperatures
from analytics.errors import AnalyticsError
from analytics.profiles.day_ahead import LEAST, _between, course, trial, weekdays_of
from analytics.profiles.degrees import by_slot
from model.period import LOCAL

REAL = Path(__file__).parents[3] / "shared" / "data"
FILES = ("london-households", "uk-household", "australia-households")


def _weeks(days: int, noise: float = 0.0) -> np.ndarray:
    """An evening peak, half as much on Sundays."""
    chance = np.random.default_rng(8)
    shape = 1000 + 3000 * np.exp(-((np.arange(48) - 38.0) ** 2) / 20)
    level = np.where(np.arange(days) % 7 == 6, 0.5, 1.0)
    return np.asarray(level[:, None] * shape * (1 + noise * chance.normal(size=(days, 48))))


def test_weeks_that_repeat_are_foretold_exactly() -> None:
    power = _weeks(90)
    for ahead in (1, 3):
        found = course(power, np.arange(90 + ahead) % 7, ahead)
        assert np.isnan(found.mean_w[: LEAST + ahead - 1]).all()
        np.testing.assert_allclose(found.mean_w[-1], _weeks(90 + ahead)[-1], rtol=0.03)
        tried = trial(found, power)
        assert tried is not None
        assert tried.miss is not None
        assert tried.miss < 0.02
        assert tried.week_before == 0
        assert (found.low_w[-1] <= found.mean_w[-1]).all()
        assert (found.mean_w[-1] <= found.high_w[-1]).all()


def test_four_in_five_of_noisy_days_lie_between_the_limits() -> None:
    power = _weeks(150, noise=0.15)
    power[50:53] = np.nan  # a gap teaches nothing and stops nothing
    tried = trial(course(power, np.arange(151) % 7), power)
    assert tried is not None
    assert 0.75 <= tried.inside <= 0.88
    assert tried.miss is not None
    assert tried.week_before is not None
    assert tried.miss < 0.8 * tried.week_before


def test_no_day_is_foretold_from_itself_or_a_later_one() -> None:
    power = _weeks(60, noise=0.1)
    other = power.copy()
    other[40:] *= 5
    for ahead in (1, 2):
        one, two = (course(each, np.arange(60 + ahead) % 7, ahead) for each in (power, other))
        np.testing.assert_array_equal(one.mean_w[: 40 + ahead], two.mean_w[: 40 + ahead])
        np.testing.assert_array_equal(one.high_w[: 40 + ahead], two.high_w[: 40 + ahead])
        assert not np.allclose(one.mean_w[40 + ahead], two.mean_w[40 + ahead])


def test_temperature_counts_once_it_has_helped() -> None:
    chance = np.random.default_rng(3)
    celsius = 28 + 4 * chance.normal(size=(121, 1)) + 3 * np.sin(np.arange(48) / 48 * 2 * np.pi - 2)
    cooling = 400 * np.maximum(celsius - 24, 0)
    power = _weeks(121, noise=0.02) + cooling
    week = np.arange(121) % 7
    plain, warm = course(power[:120], week), course(power[:120], week, 1, celsius)
    without, with_it = trial(plain, power[:120]), trial(warm, power[:120])
    assert without is not None
    assert with_it is not None
    assert with_it.miss is not None
    assert without.miss is not None
    assert warm.warmed[-1]
    assert with_it.miss < 0.6 * without.miss
    unknown = celsius.copy()
    unknown[-1] = np.nan
    cold = course(power[:120], week, 1, unknown)
    assert not cold.warmed[-1], "tomorrow's temperature is not known"
    np.testing.assert_allclose(cold.mean_w[-1], plain.mean_w[-1])
    noise = course(_weeks(120, 0.1), week, 1, 28 + 4 * chance.normal(size=(121, 48)))
    assert np.isfinite(noise.mean_w[-1]).all()


def test_real_households_added_up_are_foretold_better_than_by_yesterday_or_last_week() -> None:
    if not REAL.exists():
        pytest.skip("the household data lie beside the repository, not in it")
    grids = [
        grid_of(rows)[:180]
        for file in FILES
        for _, rows in half_hours(REAL / f"{file}.csv.gz").groupby("meter", sort=False)
    ]
    found = day_ahead(grids)
    assert found is not None
    assert found["days"] > 150
    assert all(found["held"].values()), found
    assert day_ahead([]) is None


def test_little_nothing_zeros_and_the_same_all_along() -> None:
    week = np.arange(61) % 7
    for power in (np.full((60, 48), np.nan), _weeks(60)[:3]):
        found = course(power, week[: len(power) + 1])
        assert np.isnan(found.mean_w).all()
        assert trial(found, power) is None
    zeros = course(np.zeros((60, 48)), week)
    assert (zeros.mean_w[-1] == 0).all()
    assert (zeros.high_w[-1] == 0).all()
    told = trial(zeros, np.zeros((60, 48)))
    assert told is not None
    assert (told.miss, told.inside) == (None, 1.0), "no share of nothing"
    hourly = course(np.full((60, 24), 500.0), week)
    np.testing.assert_allclose(hourly.mean_w[-1], 500)
    never_at_noon = _weeks(60)
    never_at_noon[:, 24] = np.nan
    found = course(never_at_noon, week)
    assert np.flatnonzero(np.isnan(found.mean_w[-1])).tolist() == [24]
    with pytest.raises(AnalyticsError, match="a load is below zero"):
        course(np.full((30, 48), -1.0), week[:31])
    with pytest.raises(AnalyticsError, match="30 weekdays"):
        course(np.zeros((30, 48)), week[:30])
    assert weekdays_of(date(2026, 8, 31), 4).tolist() == [0, 1, 6, 3], "the second of September is a holiday"


def test_temperatures_by_slot_and_out_of_a_file(tmp_path: Path) -> None:
    found = by_slot([0, 60, 600], [20.0, 24.0, 30.0], 1, 48)
    assert found[0, :2].tolist() == [21.0, 23.0]
    assert np.isnan(found[0, 6:16]).all(), "nothing is made up over nine hours"
    assert np.isnan(by_slot([], [], 1, 48)).all()
    file = tmp_path / "t.csv"
    file.write_text("time,celsius\n2026-10-01 14:00,31.5\n2026-10-01T08:00:00Z,\n2026-10-01T08:00:00Z,30\n")
    assert list(temperatures(file).values()) == [31.5, 30.0]
    assert min(temperatures(file)) == datetime(2026, 10, 1, 14, tzinfo=LOCAL)
    for text, said in (("time,celsius\nx,1\n", "line 2: x,1 is no time"), ("a,b\n", "columns time, celsius")):
        file.write_text(text)
        with pytest.raises(InputFailure, match=said):
            temperatures(file)


def test_limits_equal_numpys_quantiles_where_some_are_unknown() -> None:
    chance = np.random.default_rng(5)
    misses = chance.normal(size=(40, 6))
    misses[chance.random(misses.shape) < 0.3] = np.nan
    misses[1:, 4] = np.nan
    low, high = _between(np.sort(misses, axis=0), 0.07)
    np.testing.assert_allclose([low, high], np.nanquantile(misses, [0.07, 0.93], axis=0))
    misses[:, 5] = np.nan
    assert np.isnan(_between(np.sort(misses, axis=0), 0.07)[0]).tolist() == [False] * 5 + [True]
