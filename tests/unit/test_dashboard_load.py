"""The load page's charts of what little is known: gaps stay gaps, nothing is divided by nothing."""

from __future__ import annotations

import base64
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import numpy as np
import pytest

from analytics.profiles.curve import Interval, curve, of_group
from analytics.profiles.group import together as added
from analytics.profiles.typical import Typical
from dashboard.charts.group_curve import bars, together
from dashboard.parts.days_range import DaysRange, asked, chooser, presets
from dashboard.parts.load_cards import duration_card, figures, typical_cards
from model.period import midnight
from model.quality import Quality
from operations.loads import Loads, Whose
from tests.dashboard_parts import NOW, text_of, visit

FIRST = date(2026, 10, 12)


def load(energy: Any, quality: Any, interval: Interval = "30") -> Loads:
    wh, how = np.asarray(energy, np.int32), np.asarray(quality, np.uint8)
    serials = tuple(f"M{n}" for n in range(len(wh)))
    found = added(wh, how, FIRST)
    course = curve(of_group(found), FIRST, interval)
    return Loads(Whose(station="T1"), FIRST, wh.shape[1], serials, found, 0, 30, (), course)


@pytest.mark.parametrize("lang", ["vi", "en"])
@pytest.mark.parametrize(
    ("wh", "how"),
    [(0, 0), (0, 1), (500, 1), (500, Quality.LIKE_DAY)],
    ids=["missing", "zeros", "flat", "said"],
)
@pytest.mark.parametrize("meters", [1, 3])
def test_a_load_of_little_is_told_without_a_figure_that_is_none(
    wh: int, how: int, meters: int, lang: str
) -> None:
    shape = (meters, 3, 48)
    found = load(np.full(shape, wh), np.full(shape, how))
    for part in (
        figures(visit(lang), found),
        typical_cards(visit(lang), found),
        duration_card(visit(lang), found),
    ):
        assert text_of(part)


def test_a_groups_curve_tells_gaps_and_estimates_apart_and_ends_now() -> None:
    quality = np.ones((10, 3, 48), np.uint8)
    quality[0, 0, 4], quality[:2, 0, 5] = Quality.MISSING, Quality.LINEAR
    found = load(np.full(quality.shape, 500), quality)
    curve = together(found.profile, FIRST, NOW)
    assert len(curve.wh) == 2 * 48 + 20
    assert curve.quality[3:7].tolist() == [Quality.ACTUAL, Quality.MISSING, Quality.LIKE_DAY, Quality.ACTUAL]
    assert curve.wh[3] == 5000
    assert np.isnan(curve.wh[4])


def test_a_typical_day_with_a_hole_has_a_band_on_both_sides() -> None:
    energy, quality = np.full((1, 3, 48), 500), np.ones((1, 3, 48), np.uint8)
    quality[:, :, 10:14] = 0
    shown = typical_cards(visit("vi"), load(energy, quality))
    weekday = shown.children[1].children[0].children[Typical.WEEKDAY]
    data = weekday.children[1].children[0].figure["data"]
    assert len(data) == 3
    middle = np.frombuffer(base64.b64decode(data[-1]["y"]["bdata"]), "<f8")
    assert np.isnan(middle[10:14]).all()
    assert middle[9] == middle[14] == 1.0


def test_days_are_bars_of_what_is_known_and_none_of_what_is_not() -> None:
    energy, quality = np.full((1, 3, 48), 500), np.ones((1, 3, 48), np.uint8)
    quality[0, 0], quality[0, 1, :24] = 0, 0
    figure = bars(visit("vi"), load(energy, quality, "day").profile, FIRST, months=False)
    (trace,) = figure["data"]
    assert trace["x"] == [1, 2]
    assert np.frombuffer(base64.b64decode(trace["y"]["bdata"]), "<f8").tolist() == [12.0, 24.0]
    assert trace["marker"]["color"][0] != trace["marker"]["color"][1]
    assert [note for _, note in trace["customdata"]] == [
        "50,0\u00a0% số nửa giờ có số liệu",
        "100,0\u00a0% số nửa giờ có số liệu",
    ]


@pytest.mark.parametrize("today", [date(2026, 10, 14), date(2026, 10, 1)])
def test_days_that_are_over_are_so_many_up_to_yesterday(today: date) -> None:
    asking = visit(now=midnight(today) + timedelta(hours=9))
    week = asked(asking, timedelta(7), whole=True)
    assert ((week.end - week.first).days, week.end) == (7, today)
    for name, days in presets(today, whole=True):
        wanted = {"range.today": 1, "range.yesterday": 1, "range.week": 7, "range.month": 30}.get(name)
        assert wanted in (None, (days.end - days.first).days), name
        assert days.end <= today or days.first == today, name
        query = dict(pair.split("=") for pair in days.query.split("&"))
        assert asked(replace(asking, query=query), timedelta(7), whole=True) == days, name
        assert "chip-on" in str(chooser(asking, days, whole=True)), name
    typed = {"from": "2026-09-20", "to": today.isoformat()}
    assert asked(replace(asking, query=typed), timedelta(7), whole=True) == DaysRange(
        date(2026, 9, 20), today
    )
