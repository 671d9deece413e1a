"""Shapes of days: meters grouped by how their typical working day and day of rest run, whatever their size.

A shape is 48 factors of the meter's own mean power: 24 hours of a working day, 24 of a day of rest. Groups
are those of k-means with ten careful starts (k-means++), the same for the same meters every time. As many
groups are made as stay within a tenth of the best mean silhouette (Rousseeuw 1987), eight at the most; where
even the best stays below `APART`, there are no groups to tell. A meter unlike all others is set apart first:
beside it the others would all look the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import log
from typing import Final

import numpy as np
import numpy.typing as npt

from analytics.profiles.typical import Typical
from model.quality import Quality

Float = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

HOURS: Final = 24
FEWEST: Final = 8  # meters that are grouped
MOST: Final = 8  # groups
WORKING_DAYS, REST_DAYS = 5, 2  # that every hour must be known of
APART: Final = 0.1  # mean silhouette below which groups are none
WITHIN: Final = 0.9  # of the best silhouette: more groups are preferred
LOOKED_AT: Final = 600  # meters that the number of groups is chosen by, evenly out of all
STARTS: Final = 10
ROUNDS: Final = 300
PEERS: Final = 3
FEW_DAYS, NO_USE = "few_days", "no_use"


@dataclass(frozen=True, slots=True, eq=False)
class Groups:
    """n shapes in k groups: `labels` int64[n], `centres` (k, 48); the largest group first. `distance` and
    `next_distance` float64[n]: root mean square from its own centre, and from the nearest other (NaN: there
    is one group only). `silhouette`: the mean of those that are grouped, 0 where too few are."""

    labels: Ints
    centres: Float
    distance: Float
    next_distance: Float
    silhouette: float


def shapes(energy: npt.ArrayLike, quality: npt.ArrayLike, kinds: npt.ArrayLike) -> tuple[Float, list[str]]:
    """(m, 48) shapes of `energy` (m, d, 24) Wh with `quality`, `kinds` (d) as `typical_days`; NaN with a
    reason (m, empty where there is a shape) where too few days are known or nothing was used."""
    wh, known = np.asarray(energy, np.float64), np.asarray(quality) != Quality.MISSING
    working = np.asarray(kinds) == Typical.WEEKDAY
    found = np.empty((len(wh), 2 * HOURS))
    enough = np.ones(len(wh), bool)
    for part, (mine, least) in enumerate(((working, WORKING_DAYS), (~working, REST_DAYS))):
        seen = known[:, mine].sum(axis=1)
        sums = np.where(known[:, mine], wh[:, mine], 0.0).sum(axis=1)
        enough &= (seen >= least).all(axis=1)
        found[:, part * HOURS : (part + 1) * HOURS] = sums / np.maximum(seen, 1)
    mean = week(found).mean(axis=1)
    reasons = np.where(~enough, FEW_DAYS, np.where(mean <= 0, NO_USE, ""))
    found /= np.where(mean > 0, mean, 1.0)[:, None]
    found[reasons != ""] = np.nan
    return found, [str(one) for one in reasons]


def week(shape: Float) -> Float:
    """(…, 24): the mean day of a week, five working days and two of rest, of (…, 48)."""
    return np.asarray((5 * shape[..., :HOURS] + 2 * shape[..., HOURS:]) / 7)


def grouped(points: npt.ArrayLike) -> Groups:
    """Groups of shapes (n, 48), as many as stand apart; one where there are fewer than `FEWEST`."""
    given = np.ascontiguousarray(points, np.float64)
    lone: list[int] = []
    rest = np.arange(len(given))
    labels, centres, score = _standing_apart(given)
    while True:
        single = np.bincount(labels)[labels] == 1 if len(centres) > 1 else np.zeros(len(rest), bool)
        if not single.any() or len(rest) - single.sum() < FEWEST or len(lone) + single.sum() > MOST:
            break
        lone += rest[single].tolist()
        rest = rest[~single]
        labels, centres, score = _standing_apart(given[rest])
    every = np.empty(len(given), np.int64)
    every[rest] = labels
    every[lone] = len(centres) + np.arange(len(lone))
    return _groups(given, every, np.concatenate([centres, given[lone]]), score)


def _standing_apart(points: Float) -> tuple[Ints, Float, float]:
    """(labels, centres, mean silhouette)."""
    if len(points) < FEWEST:
        return *_one(points), 0.0
    some = points[np.unique(np.linspace(0, len(points) - 1, min(LOOKED_AT, len(points))).astype(int))]
    told = {k: silhouette(some, k_means(some, k)[0]) for k in range(2, min(MOST, len(some) // 2) + 1)}
    best = max(told.values())
    if best < APART:
        return *_one(points), best
    k = max(k for k, one in told.items() if one >= WITHIN * best)
    labels, centres, _ = k_means(points, k)
    return labels, centres, told[k]


def k_means(points: Float, k: int, starts: int = STARTS) -> tuple[Ints, Float, float]:
    """(labels, centres, inertia) of the best of `starts`, drawn the same way every time."""
    from analytics.profiles.shapes_kernel import settled

    chance = np.random.default_rng(k)
    best: tuple[Ints, Float, float] | None = None
    given = np.ascontiguousarray(points, np.float64)
    for _ in range(starts):
        centres = _start(given, k, chance)
        labels, far = np.empty(len(given), np.int64), np.empty(len(given))
        inertia = float(settled(given, centres, labels, far, ROUNDS))
        if best is None or inertia < best[2]:
            best = labels, centres, inertia
    assert best is not None
    return best


def _start(points: Float, k: int, chance: np.random.Generator) -> Float:
    """Centres far from each other: each the best of a few drawn by their squared distance (greedy
    k-means++, Arthur and Vassilvitskii 2007)."""
    chosen = [int(chance.integers(len(points)))]
    near = ((points - points[chosen[0]]) ** 2).sum(axis=1)
    for _ in range(1, k):
        whole = near.sum()
        odds = near / whole if whole > 0 else np.full(len(points), 1 / len(points))
        drawn = chance.choice(len(points), 2 + int(log(k)), p=odds)
        after = [np.minimum(near, ((points - points[one]) ** 2).sum(axis=1)) for one in drawn]
        best = int(np.argmin([one.sum() for one in after]))
        chosen.append(int(drawn[best]))
        near = after[best]
    return points[chosen].copy()


def silhouette(points: Float, labels: Ints) -> float:
    """The mean silhouette: how much nearer the points lie to their own group than to the next one, −1 to 1;
    a point alone counts 0 (Rousseeuw 1987)."""
    apart = _apart(points, points)
    sizes = np.bincount(labels)
    sums = np.stack([apart[:, labels == one].sum(axis=1) for one in range(len(sizes))], axis=1)
    row = np.arange(len(points))
    own = sums[row, labels] / np.maximum(sizes[labels] - 1, 1)
    means = np.where(sizes > 0, sums / np.maximum(sizes, 1), np.inf)
    means[row, labels] = np.inf
    other = means.min(axis=1)
    larger = np.maximum(own, other)
    counted = (sizes[labels] > 1) & np.isfinite(other) & (larger > 0)
    scores = np.zeros(len(points))
    scores[counted] = (other - own)[counted] / larger[counted]
    return float(scores.mean()) if len(scores) else 0.0


def peers(points: npt.ArrayLike, of: Sequence[int], many: int = PEERS) -> list[list[int]]:
    """The `many` points nearest to each of those `of`, itself not among them, the nearest first."""
    given = np.asarray(points, np.float64)
    nearest = min(many, len(given) - 1)
    if nearest < 1:
        return [[] for _ in of]
    found: list[list[int]] = []
    squares = (given**2).sum(axis=1)[None]
    for start in range(0, len(of), 512):
        some = list(of[start : start + 512])
        apart = squares - 2 * given[some] @ given.T  # but for what is the same all along a row
        apart[np.arange(len(some)), some] = np.inf
        near = np.sort(np.argpartition(apart, nearest - 1, axis=1)[:, :nearest], axis=1)
        order = np.argsort(np.take_along_axis(apart, near, axis=1), axis=1, kind="stable")
        found += np.take_along_axis(near, order, axis=1).tolist()
    return found


def _apart(some: Float, others: Float) -> Float:
    squares = (some**2).sum(axis=1)[:, None] + (others**2).sum(axis=1)[None] - 2 * some @ others.T
    return np.asarray(np.sqrt(np.maximum(squares, 0.0)))


def _one(points: Float) -> tuple[Ints, Float]:
    centre = points.mean(axis=0, keepdims=True) if len(points) else np.zeros((0, 2 * HOURS))
    return np.zeros(len(points), np.int64), centre


def _groups(points: Float, labels: Ints, centres: Float, score: float) -> Groups:
    order = np.argsort(-np.bincount(labels, minlength=len(centres)), kind="stable")
    place = np.empty(len(order), np.int64)
    place[order] = np.arange(len(order))
    labels, centres = place[labels], centres[order]
    far = np.sqrt(((points[:, None] - centres[None]) ** 2).mean(axis=2))
    row = np.arange(len(points))
    own = far[row, labels].copy()
    far[row, labels] = np.inf
    following = far.min(axis=1, initial=np.inf)
    return Groups(labels, centres, own, np.where(np.isfinite(following), following, np.nan), score)
