"""The kernels of the abnormal score against slow twins that spell out what they compute."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from analytics.abnormal import Household
from analytics.abnormal.names import BASIC, COLUMNS, LEVELS, LIKENESS, SHAPES, subject
from analytics.abnormal.reference import FRACTIONS, MULTIPLES, Usual

FLOOR = 12.5
DAYS = arrays(
    np.float64, (2, 48), elements=st.one_of(st.just(0.0), st.integers(0, 4000).map(float)), fill=st.nothing()
)


def correlated(one: np.ndarray, other: np.ndarray) -> float:
    below = np.sqrt(((one - one.mean()) ** 2).sum() * ((other - other.mean()) ** 2).sum())
    return float(((one - one.mean()) * (other - other.mean())).sum() / below) if below > 1e-9 else 0.0


def slow_levels(x: np.ndarray) -> dict[str, float]:
    quarters = dict(zip(("night", "morning", "afternoon", "evening"), x.reshape(4, 12), strict=True))
    steps = np.sort(np.abs(np.diff(x)))
    wh = {
        "total": x.mean(), "lowest": x.min(), "p10": np.quantile(x, 0.1), "p25": np.quantile(x, 0.25),
        "median": np.median(x), "p75": np.quantile(x, 0.75), "p90": np.quantile(x, 0.9), "highest": x.max(),
        "spread": x.std(), "base": np.sort(x)[:6].mean(),
        **{name: one.mean() for name, one in quarters.items()},
        **{f"{name}_lowest": one.min() for name, one in quarters.items()},
        "step_mean": steps.mean(), "step_p25": steps[11], "step_median": np.median(steps),
        "step_highest": steps.max(), "third_highest": np.sort(x)[-3],
    }  # fmt: skip
    return {name: float(np.log(value + FLOOR)) for name, value in wh.items()}


def longest(marks: np.ndarray) -> int:
    return max((len(run) for run in "".join("x" if m else " " for m in marks).split()), default=0)


def slow_shapes(x: np.ndarray) -> dict[str, float]:
    logs, mean = np.log(x + FLOOR), x.mean() + 0.1 * FLOOR + 1e-9
    steps, log_steps = np.diff(x), np.diff(logs)
    size, log_size = (np.sqrt((one**2).mean()) + 1e-9 for one in (steps, log_steps))
    angle, ordered = 2 * np.pi * (np.arange(48) + 0.5) / 48, np.sort(x)
    same = np.abs(steps) <= 1 + 0.02 * x[1:]
    return {
        "roughness": np.abs(steps).mean() / mean,
        "step_skew": ((steps / size) ** 3).mean(),
        "log_step_skew": ((log_steps / log_size) ** 3).mean(),
        "log_step_size": log_size,
        **{f"lag{k}": correlated(x[k:], x[:-k]) for k in (1, 2, 4)},
        **{f"log_lag{k}": correlated(logs[k:], logs[:-k]) for k in (1, 2)},
        "variation": x.std() / mean,
        "log_spread": logs.std(),
        "zeros": (x <= 0).sum(),
        "zeros_longest": longest(x <= 0),
        "flat_longest": longest(same),
        **{f"cosine{k}": (x * np.cos(k * angle)).mean() / mean for k in (1, 2, 3)},
        **{f"sine{k}": (x * np.sin(k * angle)).mean() / mean for k in (1, 2, 3)},
        "rising": (2 * (steps > 0).sum() - 47) / 47,
        "lower_half": (ordered[11] - ordered[0]) / (ordered[23] + FLOOR),
        "median_share": (np.median(x) + FLOOR) / (x.mean() + FLOOR),
        "highest_share": (x.max() + FLOOR) / (x.mean() + FLOOR),
    }


@settings(max_examples=10, deadline=None)
@given(days=DAYS)
def test_levels_and_shapes(days: np.ndarray) -> None:
    from analytics.abnormal.day_kernel import levels, shapes

    found = np.empty((2, len(LEVELS))), np.empty((2, len(SHAPES)))
    levels(days, FLOOR, found[0])
    shapes(days, FLOOR, found[1])
    for day, level, shape in zip(days, *found, strict=True):
        np.testing.assert_allclose(level, [slow_levels(day)[name] for name in LEVELS], rtol=1e-9)
        np.testing.assert_allclose(shape, [slow_shapes(day)[name] for name in SHAPES], rtol=1e-7, atol=1e-9)


class Slow:
    """A household's densities and neighbours by loops and dictionaries."""

    def __init__(self, usual: Usual) -> None:
        self.floor, self.lowest, self.values, self.slots, self.steps = usual._made[:5]
        self.profiles, self.log_profiles, self.hours, self.mirror = usual._made[5:9]

    def bins(self, x: np.ndarray, width: float, count: int) -> np.ndarray:
        return np.clip(((np.log(x + self.floor) - self.lowest) / width).astype(int), 0, count - 1)

    def likely(self, x: np.ndarray) -> tuple[float, float, float]:
        fine = self.bins(x, 0.05, len(self.values))
        coarse = self.bins(x, 0.2, self.slots.shape[1])
        by_step = self.steps[coarse[:-1], coarse[1:]].sum() / 48
        return self.values[fine].mean(), self.slots[np.arange(48), coarse].mean(), by_step

    def near(self, x: np.ndarray) -> float:
        logs = np.log(x.reshape(24, 2).mean(1) + self.floor)
        return float(np.sort(np.abs(self.hours - logs).mean(1))[:5].mean())

    def likeness(self, x: np.ndarray, rest: int) -> dict[str, float]:
        logs, usual, log_usual = np.log(x + self.floor), self.profiles[rest], self.log_profiles[rest]
        off, back = logs - log_usual, x[::-1]
        value, slot, step = self.likely(x)
        scaled = {scale: (*self.likely(x / scale), self.near(x / scale)) for scale in FRACTIONS}
        raised = [(self.likely(x / scale)[1], self.near(x / scale)) for scale in MULTIPLES]
        by_value = max(scaled, key=lambda one: scaled[one][0])
        by_slot = max(scaled, key=lambda one: scaled[one][1])
        by_step = max(scaled, key=lambda one: scaled[one][1] + scaled[one][2])
        by_near = min(scaled, key=lambda one: scaled[one][3])
        slope = ((usual - usual.mean()) * (x - x.mean())).sum() / (((usual - usual.mean()) ** 2).sum() + 1e-6)
        return {
            "like_profile": correlated(x, usual),
            "like_mirror": correlated(x, usual[::-1]),
            "profile_over_mirror": correlated(x, usual) - correlated(x, usual[::-1]),
            "log_like_profile": correlated(logs, log_usual),
            "log_like_mirror": correlated(logs, log_usual[::-1]),
            "log_profile_over_mirror": correlated(logs, log_usual) - correlated(logs, log_usual[::-1]),
            "likely_value": value,
            "likely_slot": slot,
            "likely_step": step,
            "slot_over_mirror": slot - self.likely(back)[1],
            "step_over_mirror": step - self.likely(back)[2],
            "nearest": self.near(x),
            "nearest_mirror": self.near(x) - self.near(back),
            "scaled_value": scaled[by_value][0] - value,
            "scaled_slot": scaled[by_slot][1] - slot,
            "scaled_step": scaled[by_step][1] + scaled[by_step][2] - slot - step,
            "scaled_nearest": self.near(x) - scaled[by_near][3],
            "scale_value": np.log(by_value),
            "scale_slot": np.log(by_slot),
            "scale_step": np.log(by_step),
            "scale_nearest": np.log(by_near),
            "raised_slot": max(one for one, _ in raised) - slot,
            "raised_nearest": self.near(x) - min(one for _, one in raised),
            "mirror_score": np.log(x.reshape(24, 2).mean(1) + self.floor) @ self.mirror,
            "off_mean": off.mean(),
            "off_spread": off.std(),
            "off_low": np.sort(off)[4],
            "off_high": np.sort(off)[43],
            "off_size": np.abs(off).mean(),
            "off_halves": off[:24].mean() - off[24:].mean(),
            "off_roughness": np.abs(np.diff(off)).mean(),
            "slope": slope,
            "intercept": (x.mean() - slope * usual.mean()) / (usual.mean() + self.floor),
            "mirror_fit": (np.abs(off) - np.abs(logs[::-1] - log_usual)).mean(),
        }


def test_likeness() -> None:
    random = np.random.default_rng(3)
    wh = np.round(random.gamma(1.2, 150.0, (40, 48)))
    usual = Usual(Household("a", wh[:30], np.arange(30) % 7 // 5))
    days = Household("a", wh[30:], np.arange(10) % 2)
    figures, slow = usual.figures(days), Slow(usual)
    for day in range(len(days)):
        wanted = slow.likeness(days.wh[day], int(days.rest[day]))
        found = dict(zip(BASIC, figures[day], strict=True))
        for name in LIKENESS:
            assert found[name] == pytest.approx(wanted[name], rel=1e-6, abs=1e-9), name


def test_what_is_counted() -> None:
    from analytics.abnormal.likeness_kernel import count

    days = np.round(np.random.default_rng(4).gamma(1.0, 90.0, (3, 48)))
    lowest, values, slots, steps = np.log(2.0), np.zeros(200), np.zeros((48, 60)), np.zeros((60, 60))
    count(days, 2.0, lowest, values, slots, steps)
    wanted = np.zeros(200), np.zeros((48, 60)), np.zeros((60, 60))
    for day in days:
        fine = np.clip(((np.log(day + 2) - lowest) / 0.05).astype(int), 0, 199)
        coarse = np.clip(((np.log(day + 2) - lowest) / 0.2).astype(int), 0, 59)
        np.add.at(wanted[0], fine, 1)
        np.add.at(wanted[2], (coarse[:-1], coarse[1:]), 1)
        for shift, weight in {-2: 0.25, -1: 0.6, 0: 1.0, 1: 0.6, 2: 0.25}.items():
            np.add.at(wanted[1], ((np.arange(48) + shift) % 48, coarse), weight)
    for one, other in zip((values, slots, steps), wanted, strict=True):
        np.testing.assert_allclose(one, other)


def slow_tree(codes: np.ndarray, g: np.ndarray, h: np.ndarray, columns: list[int], leaves: int) -> np.ndarray:
    """The value of every row, by splitting always the leaf that gains most."""

    def best(rows: np.ndarray) -> tuple[float, int, int]:
        found = (1e-6, -1, -1)
        for c in columns:
            for b in range(63):
                one = codes[c, rows] <= b
                sums = [(g[rows[part]].sum(), h[rows[part]].sum()) for part in (one, ~one)]
                if min(weight for _, weight in sums) < 1.0:
                    continue
                gain = sum(s * s / (w + 2.0) for s, w in sums) - g[rows].sum() ** 2 / (h[rows].sum() + 2.0)
                if gain > found[0] + 1e-9:
                    found = (gain, c, b)
        return found

    parts = [np.arange(codes.shape[1])]
    while len(parts) < leaves:
        gains = [best(rows) for rows in parts]
        place = int(np.argmax([gain for gain, _, _ in gains]))
        _, c, b = gains[place]
        if c < 0:
            break
        rows = parts.pop(place)
        parts += [rows[codes[c, rows] <= b], rows[codes[c, rows] > b]]
    values = np.empty(codes.shape[1])
    for rows in parts:
        values[rows] = -g[rows].sum() / (h[rows].sum() + 2.0)
    return values


@pytest.mark.parametrize("seed", range(4))
def test_a_tree(seed: int) -> None:
    from analytics.abnormal.trees_kernel import add_coded, grow

    random = np.random.default_rng(seed)
    codes = random.integers(0, 6, (5, 80)).astype(np.uint8)
    g = np.where((codes[1] > 3) ^ (codes[3] < 2), -1.0, 0.6) + random.normal(0, 0.2, 80)
    h, columns = random.uniform(0.2, 1, 80), np.array([1, 3, 4])
    column, code, left, value = (np.full(9, -1, np.int64) for _ in range(4))
    value, found = value.astype(float), np.zeros(80)
    assert grow(codes, g, h, np.arange(80), columns, 1.0, 2.0, 1, column, code, left, value) >= 5
    add_coded(codes, column, code, left, value, 1.0, found)
    np.testing.assert_allclose(found, slow_tree(codes, g, h, columns.tolist(), 5), rtol=1e-9)


def test_every_column_has_a_name_and_a_subject() -> None:
    assert len(set(COLUMNS)) == len(COLUMNS) == 2 * len(BASIC) + 6
    assert {subject(name) for name in COLUMNS} == {
        "base_load", "scaled_down", "mirrored", "nothing", "flat", "restless", "level", "household", "habit",
    }  # fmt: skip
