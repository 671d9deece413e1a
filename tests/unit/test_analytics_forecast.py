"""The month foretold: against a slow twin, on odd histories, and over every month of real households."""

from __future__ import annotations

import math
from datetime import date, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ami.bench.detect_files import half_hours
from ami.bench.forecast import daily, figures, months
from analytics.errors import AnalyticsError
from analytics.profiles.forecast import HALF_LIVES, PRIOR_MISSES, foretold, to_month_end
from model.period import LOCAL, add_months

REAL = Path(__file__).parents[3] / "shared" / "data"
FILES = ("london-households", "uk-household", "australia-households")


def slowly(days: list[float], ahead: int) -> tuple[float, float, float]:
    """What the kernel does, a day at a time."""
    known = [not math.isnan(day) for day in days]
    levels: list[dict[float, float]] = []
    for t in range(len(days)):
        seen = [(t - at, days[at]) for at in range(t + 1) if known[at]]
        levels.append(
            {
                life: sum(wh * 0.5 ** (age / life) for age, wh in seen)
                / sum(0.5 ** (age / life) for age, _ in seen)
                if seen
                else math.nan
                for life in HALF_LIVES
            }
        )
    recent = [day for day in days[-120:] if not math.isnan(day)] or [
        day for day in days if not math.isnan(day)
    ]
    scale = max(sum(recent) / len(recent), 1.0)
    past = []
    for t in range(20, len(days) - ahead):
        came = [day for day in days[t + 1 : t + ahead + 1] if not math.isnan(day)]
        if len(came) >= 0.8 * ahead and any(known[: t + 1]):
            past.append((levels[t], sum(came) / len(came)))
    loss = {
        life: (sum(abs(level[life] - came) for level, came in past) / scale
               + 30 * (0.25 + 0.02 * abs(math.log(life / 6)))) / (len(past) + 30)
        for life in HALF_LIVES
    }  # fmt: skip
    weight = {life: math.exp(-(one - min(loss.values())) / 0.02) for life, one in loss.items()}
    total = sum(weight.values())

    def said(level: dict[float, float]) -> float:
        return sum(weight[life] / total * level[life] for life in HALF_LIVES)

    misses = [(came - said(level)) / max(said(level), 0.05 * scale) for level, came in past]
    misses += list(PRIOR_MISSES) * max(1, math.ceil((40 - len(misses)) / 5))
    tail = max(0.02, 0.1 - 0.9 * ahead / len(misses))
    low, high = np.quantile(misses, [tail, 1 - tail])
    return said(levels[-1]), 1 + low, 1 + high


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 2**32), st.integers(3, 75), st.integers(1, 30), st.floats(0, 0.6))
def test_the_kernel_equals_a_slow_twin(seed: int, count: int, ahead: int, gaps: float) -> None:
    chance = np.random.default_rng(seed)
    days = chance.gamma(2.0, 5000.0, count) * np.where(chance.random(count) < 0.5, 1.0, chance.random())
    days[chance.random(count) < gaps] = np.nan
    if np.isnan(days).sum() > count - 3:
        days[:3] = 100.0
    today = add_months(date(2026, 9, 1), 1) - timedelta(ahead)
    found = to_month_end(days[None], today)
    level, low, high = slowly(days.tolist(), ahead)
    over = today.day - 1
    month = days[max(0, count - over) :] if over else days[:0]
    so_far, rest = np.nansum(month), level * (30 - (~np.isnan(month)).sum())
    assert found.so_far_wh[0] == pytest.approx(so_far)
    assert found.expected_wh[0] == pytest.approx(so_far + rest, rel=1e-9, abs=1e-6)
    assert found.low_wh[0] == pytest.approx(so_far + rest * max(low, 0), rel=1e-9, abs=1e-6)
    assert found.high_wh[0] == pytest.approx(so_far + rest * max(high, 0), rel=1e-9, abs=1e-6)
    assert found.so_far_wh[0] <= found.low_wh[0] + 1e-9 <= found.high_wh[0] + 2e-9


def test_a_steady_home_is_foretold_exactly() -> None:
    found = to_month_end(np.full((1, 90), 8000.0), date(2026, 9, 11))
    assert found.until == date(2026, 10, 1)
    assert (found.over, found.known[0], found.so_far_wh[0]) == (10, 10, 80_000.0)
    assert found.expected_wh[0] == pytest.approx(240_000.0)


def test_unknown_days_are_taken_at_the_level_and_never_as_nothing() -> None:
    days = np.full((1, 90), 8000.0)
    days[0, -6:-2] = np.nan
    found = to_month_end(days, date(2026, 9, 11))
    assert (found.known[0], found.so_far_wh[0]) == (6, 48_000.0)
    assert found.expected_wh[0] == pytest.approx(240_000.0)


def test_histories_without_an_answer_have_none_and_empty_homes_use_nothing() -> None:
    days = np.zeros((4, 40))
    days[0] = np.nan
    days[1, :-2] = np.nan
    days[3] = np.linspace(0, 9000, 40)
    found = to_month_end(days, date(2026, 9, 1))
    assert np.isnan(found.expected_wh).tolist() == [True, True, False, False]
    assert (found.low_wh[2], found.expected_wh[2], found.high_wh[2]) == (0.0, 0.0, 0.0)
    assert found.over == 0
    assert to_month_end(np.zeros((0, 0)), date(2026, 9, 5)).expected_wh.shape == (0,)
    with pytest.raises(AnalyticsError, match="less than 0 Wh"):
        to_month_end(np.full((1, 9), -1.0), date(2026, 9, 1))
    with pytest.raises(AnalyticsError, match="meters × days"):
        to_month_end(np.zeros(9), date(2026, 9, 1))
    with pytest.raises(AnalyticsError, match="2026-10-01 is no day of the period"):
        foretold(np.zeros((1, 9)), date(2026, 9, 1), date(2026, 10, 1), date(2026, 10, 1))


def test_real_months_are_foretold_better_than_by_last_month_and_by_pace() -> None:
    """Mean misses at day 10, and the share of months inside the limits of four in five on all four days."""
    if not REAL.exists():
        pytest.skip("the household data lie beside the repository, not in it")
    told = [
        one
        for file in FILES
        for _, rows in half_hours(REAL / f"{file}.csv.gz").groupby("meter", sort=False)
        for one in months(*daily(rows))
    ]
    found = figures(told)
    assert found["months"] > 100
    assert all(found["held"].values()), found


def test_months_that_are_not_known_are_not_judged(tmp_path: Path) -> None:
    """Half a year of hours: a month of nothing, a month with a week missing; the others are foretold."""
    lines = ["meter,timestamp,kwh"]
    for number in range(181 * 24):
        at = datetime(2026, 1, 1, tzinfo=LOCAL) + timedelta(hours=number)
        if not (at.month == 4 and at.day > 23):
            lines.append(f"M1,{at:%Y-%m-%d %H:%M},{0 if at.month == 2 else 0.5}")
    file = tmp_path / "half-year.csv"
    file.write_text("\n".join(lines), encoding="utf-8")
    ((_, rows),) = half_hours(file).groupby("meter")
    first, days = daily(rows)
    assert (first, len(days), int(np.isnan(days).sum())) == (date(2026, 1, 1), 181, 7)
    told = list(months(first, days))
    assert [one.origin for one in told] == [5, 10, 15, 20] * 2
    assert [one.wh for one in told] == [31 * 12_000.0] * 4 + [30 * 12_000.0] * 4, "March and June"
    assert figures(told)["mape"]["20"] < figures(told)["mape"]["5"]
