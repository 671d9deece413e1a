"""Honest changes that a judge has not been taught: how often they raise an alarm."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
SLOT: Final = np.arange(48)


def holidays(wh: Floats, random: np.random.Generator) -> Floats:
    """All at home: what a day has above its base load comes two hours later, and half as much again."""
    base = np.quantile(wh, 0.1, axis=1, keepdims=True)
    return np.asarray(np.maximum(wh, base + 1.5 * np.roll(np.maximum(wh - base, 0), 4, axis=1)))


def vacancy(wh: Floats, random: np.random.Generator) -> Floats:
    """Nobody at home: half-hours as the day's quieter third has them, in any order."""
    drawn = random.integers(0, 16, wh.shape)
    return np.asarray(np.take_along_axis(np.sort(wh, axis=1), drawn, axis=1))


def rooftop_pv(wh: Floats, random: np.random.Generator) -> Floats:
    """Panels behind the meter, under clouds that come and go; what they have too much of is not counted."""
    sun = np.maximum(np.sin((SLOT - 11.5) / 25 * np.pi), 0) * ((SLOT > 11) & (SLOT < 37))
    size = random.uniform(1, 3) * wh.mean() * random.beta(4, 1.5, (len(wh), 1))
    return np.asarray(np.maximum(wh - size * sun * random.uniform(0.6, 1, wh.shape), 0))


def air_conditioner(wh: Floats, random: np.random.Generator) -> Floats:
    """A new one, from the evening until morning on most days."""
    hours = (SLOT >= 40) | (SLOT < 11)
    runs = (random.random((len(wh), 1)) < 0.8) * random.uniform(0.5, 1, wh.shape)
    return np.asarray(wh + random.uniform(0.6, 1.5) * wh.mean() * hours * runs)


LIVES: Final[Mapping[str, Callable[[Floats, np.random.Generator], Floats]]] = {
    "holidays": holidays,
    "vacancy": vacancy,
    "rooftop PV": rooftop_pv,
    "air conditioner": air_conditioner,
}
