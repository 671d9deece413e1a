"""Six ways to falsify a day's half-hours, as the literature on theft from smart meters uses them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
LOW, HIGH = 0.1, 0.8  # of the true energy that is counted
SHORTEST_ZERO = 8  # half-hours


def scaled(wh: Floats, random: np.random.Generator) -> Floats:
    """h1: the day times one U(0.1, 0.8)."""
    return wh * random.uniform(LOW, HIGH, (len(wh), 1))


def silent(wh: Floats, random: np.random.Generator) -> Floats:
    """h2: nothing during a span of four hours or more."""
    length = random.integers(SHORTEST_ZERO, 49, len(wh))
    start = (random.random(len(wh)) * (49 - length)).astype(np.int64)
    slot = np.arange(48)
    return np.where((slot >= start[:, None]) & (slot < (start + length)[:, None]), 0.0, wh)


def scaled_by_slot(wh: Floats, random: np.random.Generator) -> Floats:
    """h3: each slot times a U(0.1, 0.8) of its own."""
    return wh * random.uniform(LOW, HIGH, wh.shape)


def mean_by_slot(wh: Floats, random: np.random.Generator) -> Floats:
    """h4: the day's mean times a U(0.1, 0.8) of each slot's own."""
    return np.asarray(wh.mean(1, keepdims=True) * random.uniform(LOW, HIGH, wh.shape))


def flat(wh: Floats, random: np.random.Generator) -> Floats:
    """h5: the day's mean all day."""
    return np.repeat(wh.mean(1, keepdims=True), wh.shape[1], 1)


def mirrored(wh: Floats, random: np.random.Generator) -> Floats:
    """h6: the day from its end, so that dear hours become cheap ones."""
    return wh[:, ::-1]


ATTACKS: Final[Mapping[str, Callable[[Floats, np.random.Generator], Floats]]] = {
    "h1": scaled,
    "h2": silent,
    "h3": scaled_by_slot,
    "h4": mean_by_slot,
    "h5": flat,
    "h6": mirrored,
}


def falsified(wh: Floats, attack: str, random: np.random.Generator) -> Floats:
    """(n, 48) Wh after `attack`, in whole Wh as a meter counts them."""
    return np.round(ATTACKS[attack](wh, random))


def changed(true: Floats, counted: Floats) -> npt.NDArray[np.bool_]:
    """(n) days on which a falsification changed anything that could be seen: an empty day stays empty."""
    least = 0.1 * true.sum(1) + 0.01 * float(np.median(true.sum(1)))
    return np.asarray(np.abs(counted - true).sum(1) > least)
