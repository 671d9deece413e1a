"""Curves without lies: gaps stay open, peaks survive thinning, what is yet to come is not missing."""

from __future__ import annotations

import base64
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from analytics.vee.methods import Method, usual
from dashboard.charts.daily import daily_bars
from dashboard.charts.load_curve import load_curve, runs, steps, thinned
from dashboard.charts.packing import local_ms, packed
from dashboard.charts.regular import Curve, load_figures, regular, whole_days
from dashboard.visit import Visit
from model.period import LOCAL, Period, midnight
from model.quality import Quality
from model.series import Channel
from model.viewer import UserRole, Viewer
from storage.profiles import DayTotal, LoadCurve

DAY = date(2026, 10, 12)
NOW = datetime(2026, 10, 14, 10, 12, tzinfo=LOCAL)


def visit(lang: str = "vi") -> Visit:
    return Visit(Viewer("a", UserRole.ENGINEER), lang, "", False, NOW, "/")


def stored(first: date, quality: np.ndarray, wh: np.ndarray) -> LoadCurve:
    at = np.datetime64(int(midnight(first).timestamp()), "s") + 1800 * np.arange(len(wh))
    return LoadCurve("1", Channel.ACTIVE_IMPORT, at, wh, quality, np.full(len(wh), 1800, np.int32))


def test_packed_arrays_read_back() -> None:
    found = packed(np.array([1.5, np.nan]))
    assert found["dtype"] == "f8"
    read = np.frombuffer(base64.b64decode(found["bdata"]), "<f8")
    assert read[0] == 1.5
    assert np.isnan(read[1])


def test_the_axis_is_the_local_wall_clock() -> None:
    at = np.array([np.datetime64("2026-10-11T17:00:00", "s")])
    assert local_ms(at)[0] == datetime(2026, 10, 12, tzinfo=UTC).timestamp() * 1000


@given(arrays.arrays(bool, st.integers(0, 60)))
def test_runs_are_the_slow_way(chosen: np.ndarray) -> None:
    slow = []
    for index, held in enumerate(chosen):
        if held and (index == 0 or not chosen[index - 1]):
            slow.append([index, index])
        if held:
            slow[-1][1] = index + 1
    assert runs(chosen) == [tuple(run) for run in slow]


@given(arrays.arrays(bool, st.integers(1, 60)))
def test_a_line_is_broken_exactly_where_an_interval_is_not_chosen(chosen: np.ndarray) -> None:
    power = np.arange(1.0, len(chosen) + 1)
    x, y = steps(np.arange(len(chosen)) * 10.0, 10.0, power, chosen)
    assert int(np.isnan(y).sum()) == len(runs(chosen))
    assert np.unique(y[~np.isnan(y)]).tolist() == power[chosen].tolist()
    assert len(x) == len(y) == 3 * int(chosen.sum())


def test_thinning_keeps_every_peak_and_every_edge() -> None:
    chance = np.random.default_rng(4)
    power = chance.gamma(2, 1, 17_520)
    power[7777] = 99.0
    quality = np.ones(17_520, np.uint8)
    quality[5000:5040] = 0
    kept = thinned(np.where(quality == 0, np.nan, power), quality, 1500)
    assert len(kept) < 1600
    assert 7777 in kept
    assert {4999, 5000, 5039, 5040} <= set(kept.tolist())


def test_what_is_not_stored_is_missing_and_the_future_is_not_there() -> None:
    one_day = stored(DAY, np.full(48, Quality.ACTUAL, np.uint8), np.full(48, 100.0))
    period = Period.of_days(DAY - timedelta(days=1), DAY + timedelta(days=5))
    curve = regular(one_day, period, NOW)
    assert len(curve.wh) == 48 * 3 + 20
    assert curve.missing == 48 + 48 + 20
    assert np.nansum(curve.wh) == 4800


def test_today_is_not_missing_what_is_yet_to_come() -> None:
    today = NOW.date()
    days = whole_days([DayTotal(today, 900.0, 48, 30, 0)], today - timedelta(days=1), NOW)
    assert [(day.day, day.slots, day.missing) for day in days] == [
        (today - timedelta(days=1), 48, 48),
        (today, 20, 2),
    ]


def test_an_estimate_is_never_the_peak() -> None:
    wh, quality = np.full(48, 100.0), np.full(48, Quality.ACTUAL, np.uint8)
    wh[10], quality[10] = 900.0, Quality.LIKE_DAY
    wh[38] = 300.0
    curve = regular(stored(DAY, quality, wh), Period.of_day(DAY), NOW)
    found = load_figures(curve, DAY)
    assert found.pmax_w == 600.0
    assert found.pmax_at == midnight(DAY) + timedelta(hours=19)


def test_a_day_nobody_knows_has_no_bar_but_keeps_its_place() -> None:
    days = [DayTotal(DAY, 0.0, 48, 48, 0), DayTotal(DAY + timedelta(days=1), 4500.0, 48, 0, 2)]
    drawn = daily_bars(visit(), days)
    assert drawn["data"][0]["x"] == ["13/10"]
    assert drawn["layout"]["xaxis"]["categoryarray"] == ["12/10", "13/10"]


def test_a_curve_of_gaps_alone_still_draws() -> None:
    at = np.array(["2026-10-11T17:00:00"], "datetime64[s]")
    curve = Curve(at, np.array([np.nan]), np.array([0], np.uint8), 1800)
    assert len(load_curve(visit("en"), curve, None)["layout"]["shapes"]) == 1


def test_an_estimate_says_how_it_was_made() -> None:
    wh, quality = np.full(48, 100.0), np.full(48, Quality.ACTUAL, np.uint8)
    quality[10:12] = Quality.LIKE_DAY
    made = usual(quality)
    made[11] = Method.CHECK_METER
    curve = regular(replace(stored(DAY, quality, wh), method=made), Period.of_day(DAY), NOW)
    lines = {one["name"]: one for one in load_curve(visit("en"), curve, None)["data"] if "name" in one}
    assert lines["Estimated"]["customdata"] == ["by like days"] * 3 + ["by the check meter"] * 3
    assert "%{customdata}" in lines["Estimated"]["hovertemplate"]
    assert "customdata" not in lines["Measured"]


def test_a_day_that_is_not_over_is_not_drawn_as_a_whole_one() -> None:
    days = [DayTotal(DAY + timedelta(days=n), 9000.0, 48, 0, 0) for n in range(2)]
    today = DayTotal(NOW.date(), 3000.0, 20, 0, 0)
    trace = daily_bars(visit(), [*days, today])["data"][0]
    assert trace["marker"]["color"][0] == trace["marker"]["color"][1] != trace["marker"]["color"][2]
    assert [note for _, note in trace["customdata"]] == ["Đo được", "Đo được", "Ngày chưa đủ"]
