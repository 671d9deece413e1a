"""Shapes of days: k-means against a slow twin and scikit-learn, planted shapes found and named."""

from __future__ import annotations

import json
import subprocess
from datetime import date

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics.profiles.shape_names import NAMES, highest_hour, named
from analytics.profiles.shapes import grouped, k_means, peers, shapes, silhouette
from analytics.profiles.shapes_kernel import settled
from analytics.profiles.typical import typical_days
from operations import load_words
from tests.foreign_peers import PEER_PYTHON

FIRST, DAYS = date(2026, 9, 28), 28
PEER = """
import json, sys
import numpy as np
from sklearn.cluster import KMeans
from sklearn.metrics import silhouette_score
points = np.array(json.load(sys.stdin))
found = [KMeans(k, n_init=10, random_state=0).fit(points) for k in (2, 4, 7)]
print(json.dumps([[one.inertia_, float(silhouette_score(points, one.labels_))] for one in found]))
"""


def slowly(points: np.ndarray, centres: np.ndarray, most: int) -> tuple[list[int], np.ndarray, float]:
    """The same rounds, a point at a time."""
    held, centres = [-1] * len(points), centres.copy()
    for turn in range(most + 1):
        far = [[float(((p - c) ** 2).sum()) for c in centres] for p in points]
        labels = [one.index(min(one)) for one in far]
        own = [min(one) for one in far]
        if labels == held or turn == most:
            return labels, centres, sum(own)
        for c in range(len(centres)):
            if c not in labels:
                crowd = [i for i in range(len(points)) if labels.count(labels[i]) > 1]
                lone = max(crowd, key=lambda i: (own[i], -i), default=0)
                labels[lone], own[lone] = c, 0.0
        held = labels
        centres = np.stack([points[np.array(labels) == c].mean(axis=0) for c in range(len(centres))])
    raise AssertionError


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 2**32), st.integers(5, 14), st.integers(1, 5), st.integers(0, 6))
def test_the_kernel_equals_a_slow_twin(seed: int, many: int, k: int, most: int) -> None:
    chance = np.random.default_rng(seed)
    points, centres = chance.normal(size=(many, 3)), chance.normal(size=(k, 3)) * 3
    labels, far, moved = np.empty(many, np.int64), np.empty(many), centres.copy()
    inertia = settled(points, moved, labels, far, most)
    twin, where, total = slowly(points, centres, most)
    assert labels.tolist() == twin
    np.testing.assert_allclose(moved, where, atol=1e-12)
    assert inertia == pytest.approx(total)


def test_as_good_as_scikit_learn() -> None:
    """Inertia within 2 % of its best of ten, and the same silhouette of the same groups."""
    if not PEER_PYTHON.exists():
        pytest.skip("scikit-learn is among the peers: `make peers`")
    chance = np.random.default_rng(11)
    points = np.concatenate([chance.normal(where, 1.0, (60, 48)) for where in (0, 0.7, 1.1, 4)])
    done = subprocess.run(
        [PEER_PYTHON, "-c", PEER],
        input=json.dumps(points.tolist()),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        pytest.skip(f"scikit-learn: {done.stderr.strip().splitlines()[-1]}")
    for k, (inertia, score) in zip((2, 4, 7), json.loads(done.stdout), strict=True):
        labels, _, ours = k_means(points, k)
        assert ours <= 1.02 * inertia
        if ours == pytest.approx(inertia):
            assert silhouette(points, labels) == pytest.approx(score)


def _day(**hours: float) -> np.ndarray:
    """24 factors: `base` all day, and what stands from one hour to another (`h8_17=3`)."""
    found = np.full(24, hours.pop("base", 0.3))
    for span, factor in hours.items():
        begin, end = (int(part) for part in span.removeprefix("h").split("_"))
        found[np.arange(begin, end) % 24] = factor
    return found


PLANTED = {
    "evening": (_day(h18_22=2.0, h22_24=0.6), _day(h18_22=2.0, h22_24=0.6)),
    "office": (_day(h8_17=2.0, base=0.1), _day(base=0.1)),
    "daytime": (_day(h8_18=2.0), _day(h8_18=2.0)),
    "night": (_day(h22_29=2.0), _day(h22_29=2.0)),
    "flat": (_day(base=1.0), _day(base=1.0)),
    "noon_evening": (_day(h11_13=1.6, h18_22=1.8), _day(h11_13=1.6, h18_22=1.8)),
    "morning_evening": (_day(h6_8=1.7, h18_22=1.8), _day(h6_8=1.7, h18_22=1.8)),
    "sun_dip": (_day(base=0.8, h9_15=0.1, h18_22=1.2), _day(base=0.8, h9_15=0.1, h18_22=1.2)),
    "weekend": (_day(base=0.2), _day(base=1.0, h10_20=2.0)),
    "day_evening": (_day(h7_22=1.5), _day(h7_22=1.5)),
    "morning": (_day(h5_9=2.0), _day(h5_9=2.0)),
}


def test_planted_shapes_are_found_and_named_whatever_their_size() -> None:
    chance = np.random.default_rng(2)
    kinds = typical_days(FIRST, DAYS)
    chosen = ("evening", "office", "night", "flat")
    energy = []
    for name in chosen:
        for _ in range(9):
            days = np.stack([PLANTED[name][int(kind > 0)] for kind in kinds])
            energy.append(days * chance.uniform(100, 9000) * chance.gamma(20, 0.05, days.shape))
    wh = np.rint(np.stack(energy)).astype(int)
    quality = (chance.random(wh.shape) > 0.02).astype(int)
    points, reasons = shapes(wh, quality, kinds)
    assert set(reasons) == {""}
    found = grouped(points)
    assert np.unique(found.labels.reshape(4, 9), axis=1).shape == (4, 1), "each planted shape is one group"
    assert sorted(named(centre) for centre in found.centres) == sorted(chosen)
    assert (found.distance < found.next_distance).all()
    for each, near in zip((0, 17, 35), peers(points, (0, 17, 35)), strict=True):
        apart = ((points - points[each]) ** 2).sum(axis=1)
        assert near == np.argsort(apart)[1:4].tolist()
        assert {one // 9 for one in near} == {each // 9}
    again = grouped(points)
    np.testing.assert_array_equal(again.labels, found.labels)
    alone = grouped(np.concatenate([points[:9], points[9:10]]))
    assert len(alone.centres) > 1
    assert (alone.labels == alone.labels[9]).sum() == 1, "one unlike all others stands by itself"


def test_every_name_is_given_and_has_its_words() -> None:
    for name, (working, rest) in PLANTED.items():
        shape = np.concatenate([working, rest])
        mean = (5 * working.mean() + 2 * rest.mean()) / 7
        assert named(shape / mean) == name
    assert named(np.tile(np.where(np.arange(24) % 2, 1.25, 0.75), 2)) == "mixed"
    assert {*PLANTED, "mixed"} == set(NAMES)
    assert highest_hour(np.concatenate(PLANTED["evening"])) == 18
    for name in NAMES:
        assert all(load_words.both("shapes", name).values())


def test_little_nothing_and_all_the_same() -> None:
    kinds = typical_days(FIRST, DAYS)
    ones = np.ones((3, DAYS, 24), int)
    quality = ones.copy()
    quality[1, 3:] = 0
    points, reasons = shapes(ones * np.array([1, 1, 0])[:, None, None], quality, kinds)
    assert reasons == ["", "few_days", "no_use"], "three days of history, and nothing but zeros"
    assert np.isnan(points[1:]).all()
    for many in (0, 1, 7, 30):
        same = grouped(np.ones((many, 48)))
        assert len(same.centres) == min(many, 1), "constant loads are one group"
        assert (same.distance == 0).all()
        assert np.isnan(same.next_distance).all()
    assert peers(np.ones((1, 48)), [0]) == [[]]
