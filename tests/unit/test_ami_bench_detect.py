"""What `ami bench detect` makes of files and of scores."""

from __future__ import annotations

import gzip
import itertools
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from ami.bench.detect import _means, _spread, held
from ami.bench.detect_baselines import day_figures
from ami.bench.detect_figures import area, figures
from ami.bench.detect_files import households
from ami.bench.detect_life import LIVES
from ami.failure import InputFailure
from analytics.abnormal import Household

DAYS = 60


def rows(meter: str, minutes: int, days: int = DAYS, kwh: float = 0.1) -> list[str]:
    first = datetime(2026, 3, 1, tzinfo=UTC)
    return [
        f"{meter},{first + timedelta(minutes=minutes * k):%Y-%m-%dT%H:%M:%S}+10:00,{kwh}"
        for k in range(days * 1440 // minutes)
    ]


def file(folder: Path, *parts: list[str], name: str = "households.csv") -> Path:
    path = folder / name
    text = "\n".join(["meter,timestamp,kwh", *itertools.chain(*parts)])
    path.write_bytes(gzip.compress(text.encode()) if name.endswith(".gz") else text.encode())
    return path


def test_intervals_of_all_sizes_become_half_hours(tmp_path: Path) -> None:
    path = file(tmp_path, rows("a", 15), rows("b", 30), rows("c", 60), name="some.csv.gz")
    found, left_out = households([path])
    assert [(one.name, len(one), one.wh[0, 0]) for one in found] == [
        ("a", DAYS, 200.0),
        ("b", DAYS, 100.0),
        ("c", DAYS, 50.0),
    ]
    assert found[0].rest[:8].tolist() == [1, 0, 0, 0, 0, 0, 1, 1]  # the first of March 2026 is a Sunday
    assert not left_out


def test_days_that_are_not_whole_are_no_days(tmp_path: Path) -> None:
    known = rows("a", 30)
    known[5] = known[5].replace(",0.1", ",")
    known[48 + 5] = known[48 + 5].replace(",0.1", ",-0.1")
    del known[3 * 48 : 3 * 48 + 2]  # the hour that a clock leaves out
    known.insert(200, known[199].replace(",0.1", ",9"))  # told twice: the first counts
    (one,), _ = households([file(tmp_path, known)])
    assert len(one) == DAYS - 3
    assert (one.wh == 100).all()


def test_what_cannot_be_judged_is_left_out_with_its_reason(tmp_path: Path) -> None:
    odd = [
        f"odd,{datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=7 * k):%Y-%m-%d %H:%M:%S},1"
        for k in range(99)
    ]
    daily = rows("daily", 1440)
    found, left_out = households([file(tmp_path, rows("a", 30), rows("short", 30, days=3), odd, daily)])
    assert [one.name for one in found] == ["a"]
    assert left_out == {
        "short": "3 whole days, 56 are needed",
        "odd": "an interval of 7 minutes",
        "daily": "one time of day only",
    }


def test_what_is_no_such_file_is_said(tmp_path: Path) -> None:
    (tmp_path / "bad.csv").write_text("meter,when\n1,2\n")
    with pytest.raises(InputFailure, match=r"bad\.csv: not a CSV file with meter, timestamp, kwh"):
        households([tmp_path / "bad.csv"])
    (tmp_path / "when.csv").write_text("meter,timestamp,kwh\n1,yesterday,2\n")
    with pytest.raises(InputFailure, match=r"when\.csv: not a CSV file"):
        households([tmp_path / "when.csv"])
    twice = [file(tmp_path, rows("a", 30), name=name) for name in ("one.csv", "two.csv")]
    with pytest.raises(InputFailure, match="meter a stands in a file before it"):
        households(twice)


def test_the_area_counts_pairs() -> None:
    random = np.random.default_rng(1)
    honest, false = random.integers(0, 9, 40).astype(float), random.integers(2, 11, 30).astype(float)
    pairs = [(f > h) + (f == h) / 2 for h in honest for f in false]
    assert area(honest, false) == pytest.approx(np.mean(pairs))


def test_figures_of_scores_that_are_right() -> None:
    n = 120
    right = np.zeros((8, n))
    right[1:7] = 1.0
    right[7] = 0.5
    right[0] += np.linspace(0, 1e-6, n)
    found = figures({"a": right, "b": right}, ["absence"], seed=1)
    assert (found["auc_day"], found["auc_week"]) == (1.0, 1.0)
    assert found["dr_at_fpr"] == {"0.05": 1.0, "0.005": 1.0}
    assert found["median_days_to_detect"] == 1.0
    assert found["benign_alarms"] == {"absence": 1.0}
    assert found["precision_at_budget"] == 1.0
    assert found["recall_at_budget"] == pytest.approx(1.0)


def test_days_to_detect_count_from_the_onset() -> None:
    scores = np.zeros((7, 400))
    scores[0, :4] = 1.0  # the honest weeks' limit lies between two and three days of seven
    scores[1:] = 1.0
    assert figures({"a": scores}, [], seed=1)["median_days_to_detect"] == 3.0


def test_figures_of_scores_that_say_nothing() -> None:
    same = np.random.default_rng(1).normal(size=(1, 1400)).repeat(8, axis=0)
    found = figures({"a": same}, ["absence"], seed=1)
    assert found["auc_day"] == 0.5
    assert found["dr_at_fpr"]["0.005"] < 0.01
    assert (found["median_days_to_detect"] or 999) > 60
    assert found["precision_at_budget"] == pytest.approx(0.03, abs=0.03)


def test_a_household_of_zeros_has_figures() -> None:
    none = Household("none", np.zeros((60, 48)), np.zeros(60, np.int64))
    plain = day_figures(*none.halves())
    assert plain.shape == (30, 19)
    assert np.isfinite(plain).all()
    for life in LIVES.values():
        assert np.isfinite(life(none.wh, np.random.default_rng(1))).all()


def test_what_is_promised() -> None:
    peer = {"auc_day": 0.9, "auc_week": 0.95}
    mine = {"auc_day": 0.931, "auc_week": 0.964, "dr_at_fpr": {"0.005": 0.82}, "median_days_to_detect": None}
    assert list(held({**mine, "baselines": {"gradient boosting": peer}}).values()) == [
        True,
        False,
        True,
        False,
    ]


def test_means_and_spread_of_runs() -> None:
    runs = [
        {
            "auc_day": 0.9,
            "dr_at_fpr": {"0.05": 0.5},
            "median_days_to_detect": None,
            "per_attack": {"h1": {"a": 0.1}},
        },
        {
            "auc_day": 0.8,
            "dr_at_fpr": {"0.05": 0.7},
            "median_days_to_detect": 3.0,
            "per_attack": {"h1": {"a": 0.3}},
        },
    ]
    assert _means(runs) == {
        "auc_day": 0.85,
        "dr_at_fpr": {"0.05": 0.6},
        "median_days_to_detect": None,
        "per_attack": {"h1": {"a": 0.2}},
    }
    assert _spread(runs) == {"auc_day": [0.8, 0.9], "dr_at_fpr": {"0.05": [0.5, 0.7]}}
