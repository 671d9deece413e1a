"""What a score is worth on households that it has not learned from."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import numpy as np
import numpy.typing as npt

from analytics.abnormal.attacks import changed
from analytics.abnormal.examples import streams
from analytics.abnormal.household import Household
from analytics.abnormal.reference import Reference
from analytics.abnormal.score import Score

Floats = npt.NDArray[np.float64]

FALSE_ALARMS: Final = 0.005  # of honest days


def worth(score: Score, households: Iterable[Household], seed: int) -> dict[str, float]:
    """`auc_day`: chance that a falsified day of the second half of a household scores above an honest one, by
    what its first half shows; `found`: falsified days above all but 0.5 % of the honest ones; `households`,
    `days`. Empty where there is nothing to judge."""
    random = np.random.default_rng(seed)
    honest, false, n = [], [], 0
    for one in households:
        history, rest = one.halves()
        reference = Reference.of(history)
        days, *attacked = streams(rest, random)
        honest.append(score.of(reference, days))
        false += [score.of(reference, other)[changed(days.wh, other.wh)] for other in attacked]
        n += 1
    if not n:
        return {}
    plain, falsified = np.concatenate(honest), np.concatenate(false)
    if not len(plain) or not len(falsified):
        return {}
    threshold = float(np.quantile(plain, 1 - FALSE_ALARMS))
    return {
        "auc_day": round(area(plain, falsified), 4),
        "found": round(float((falsified > threshold).mean()), 4),
        "households": n,
        "days": len(plain),
    }


def area(low: Floats, high: Floats) -> float:
    """Chance that one of `high` lies above one of `low`, ties counting half."""
    order = np.sort(low)
    below, upto = np.searchsorted(order, high, "left"), np.searchsorted(order, high, "right")
    return float((below + upto).mean() / 2 / len(low))
