"""What honest life does to consumption: absence, other habits, new appliances, other hours, panels.

The score learns from such days as honest ones, so that it does not take every change for theft.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
HABITS: Final = (0.2, 3.0)  # times the activity above the base load
WITH_PANELS: Final = 0.25  # of lives
SHIFTS: Final = (-4, -3, -2, 2, 3, 4)  # half-hours


def absent(wh: Floats, random: np.random.Generator) -> Floats:
    """Nobody at home: the household's own small hours all day, with less plugged in or nothing at all."""
    nights = random.integers(0, len(wh), (len(wh), 5))
    day = np.concatenate([wh[nights[:, k], :10] for k in range(5)], axis=1)[:, :48]
    day = np.minimum(day, 2.5 * np.median(day, axis=1, keepdims=True) + 5)
    how = random.random()
    return np.asarray(day * (0.0 if how < 0.2 else random.uniform(0.2, 1) if how < 0.6 else 1.0))


def busier(wh: Floats, times: float) -> Floats:
    """Activity above the day's base load `times` what it was; the base load stays."""
    base = np.quantile(wh, 0.1, axis=1, keepdims=True)
    return np.where(wh > base, base + times * (wh - base), wh)


def appliance(wh: Floats, random: np.random.Generator) -> Floats:
    """A new load about some hour, stronger on some days than on others."""
    hour, width = random.uniform(0, 48), random.uniform(3, 9)
    off = np.abs(np.arange(48) - hour)
    bump = np.exp(-0.5 * (np.minimum(off, 48 - off) / width) ** 2)
    size = wh.mean() * random.uniform(0.3, 2.5) * random.gamma(2.0, 0.5, (len(wh), 1))
    return np.asarray(wh + size * bump * random.uniform(0.6, 1.4, wh.shape))


def panels(wh: Floats, random: np.random.Generator) -> Floats:
    """Panels behind the meter, more on some days than on others; what flows back is not counted."""
    rise, fall, slot = random.uniform(10, 16), random.uniform(32, 38), np.arange(48)
    sun = np.maximum(np.sin((slot - rise) / (fall - rise) * np.pi), 0) * ((slot > rise) & (slot < fall))
    size = wh.mean() * random.uniform(0.5, 4) * random.beta(2.0, 1.0, (len(wh), 1))
    return np.asarray(np.maximum(wh - size * sun * random.uniform(0.3, 1, wh.shape), 0))


def _spans(days: int, share: float, random: np.random.Generator) -> list[slice]:
    away, spans = np.zeros(days, bool), []
    while away.mean() < share:
        start = int(random.integers(0, days))
        span = slice(start, start + int(random.integers(4, max(6, days // 3))))
        away[span] = True
        spans.append(span)
    return spans


def lived(wh: Floats, random: np.random.Generator) -> Floats:
    """(n, 48) whole Wh of the same household had it lived otherwise for a part of the time."""
    n, after = len(wh), wh.copy()
    moment = int(random.integers(n // 6, n))
    part = slice(moment, None) if random.random() < 0.7 else slice(None, moment)
    kind = random.random()
    if kind < 0.35:
        after[part] = busier(after[part], float(np.exp(random.uniform(*np.log(HABITS)))))
    elif kind < 0.6:
        after[part] = appliance(after[part], random)
    elif kind < 0.8:
        after[part] = np.roll(after[part], int(random.choice(SHIFTS)), 1)
    if random.random() < 0.3:  # something that always ran is replaced by a thriftier one
        moment = int(random.integers(n // 6, n))
        base = np.quantile(after[moment:], 0.05, axis=1, keepdims=True)
        after[moment:] = np.maximum(after[moment:] - base * random.uniform(0.2, 0.8), 0)
    for first, last in ((0, n // 2), (n // 2, n)):
        if random.random() < 0.6:
            for span in _spans(last - first, random.uniform(0.03, 0.5), random):
                days = slice(first + span.start, min(first + span.stop, last))
                after[days] = absent(wh[days], random)
    if random.random() < WITH_PANELS:
        moment = int(random.integers(0, n))
        after[moment:] = panels(after[moment:], random)
    return np.asarray(np.round(after))
