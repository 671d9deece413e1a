"""What scores are worth: areas, detection at a rate of false alarms, days to detect, precision."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from analytics.abnormal import weekly
from analytics.abnormal.attacks import ATTACKS

Floats = npt.NDArray[np.float64]
FALSE_RATES: Final = (0.05, 0.005)
THIEVES: Final = 0.03  # of meters, where alerts are budgeted
BUDGET: Final = 0.001  # alerts per meter and day
WINDOW: Final = 30  # days that a case is given
FALSE: Final = slice(1, 1 + len(ATTACKS))  # the streams after an attack; stream 0 is honest


def area(honest: Floats, false: Floats) -> float:
    """Chance that a false one scores higher than an honest one; ties count half."""
    _, place, times = np.unique(np.concatenate([honest, false]), return_inverse=True, return_counts=True)
    rank = (np.cumsum(times) - (times - 1) / 2)[place]
    n, m = len(honest), len(false)
    return float((rank[n:].sum() - m * (m + 1) / 2) / (n * m))


def figures(scores: Mapping[str, Floats], lives: Sequence[str], seed: int) -> dict[str, Any]:
    """Of scores (streams, n) by household: the honest days, the same after each attack, after each change of
    `lives`. All thresholds are one for all households."""
    by_week = {name: np.stack([weekly(stream) for stream in one]) for name, one in scores.items()}
    day, week = _rates(scores), _rates(by_week)
    day_limit, week_limit = day["limits"][-1], week["limits"][-1]
    alarms = {
        life: float(np.mean(_pooled(scores, 1 + len(ATTACKS) + k) > day_limit))
        for k, life in enumerate(lives)
    }
    return {
        "auc_day": day["auc"],
        "auc_week": week["auc"],
        "dr_at_fpr": day["found"],
        "dr_week_at_fpr": week["found"],
        "per_attack": {
            attack: {
                "auc_day": area(_pooled(scores, 0), _pooled(scores, k + 1)),
                "auc_week": area(_pooled(by_week, 0), _pooled(by_week, k + 1)),
                "dr_day": float(np.mean(_pooled(scores, k + 1) > day_limit)),
                "dr_week": float(np.mean(_pooled(by_week, k + 1) > week_limit)),
            }
            for k, attack in enumerate(ATTACKS)
        },
        "per_household": {name: area(one[0], one[FALSE].ravel()) for name, one in scores.items()},
        "median_days_to_detect": _days_to_detect(scores, week_limit, seed),
        **_at_budget(by_week),
        "benign_alarm_rate": float(np.mean(list(alarms.values()))) if alarms else None,
        "benign_alarms": alarms,
    }


def _pooled(scores: Mapping[str, Floats], stream: int) -> Floats:
    return np.concatenate([one[stream] for one in scores.values()])


def _rates(scores: Mapping[str, Floats]) -> dict[str, Any]:
    honest = _pooled(scores, 0)
    false = np.concatenate([one[FALSE].ravel() for one in scores.values()])
    limits = [float(np.quantile(honest, 1 - rate)) for rate in FALSE_RATES]
    found = {str(rate): float((false > at).mean()) for rate, at in zip(FALSE_RATES, limits, strict=True)}
    return {"auc": area(honest, false), "limits": limits, "found": found}


def _days_to_detect(scores: Mapping[str, Floats], limit: float, seed: int) -> float | None:
    """Median days from the first falsified one to an alarm of the seven-day mean, onset in mid-stream; `None`
    where more than half are never found."""
    random, took = np.random.default_rng([seed, 7]), []
    for one in scores.values():
        n = one.shape[1]
        for k in range(len(ATTACKS)):
            onset = int(n * random.uniform(0.3, 0.7))
            mean = weekly(np.concatenate([one[0, :onset], one[k + 1, onset:]]))
            after = np.flatnonzero(mean[onset - 6 :] > limit)  # mean[i] ends with day i + 6
            took.append(float(after[0]) + 1 if len(after) else np.inf)
    median = float(np.median(took))
    return median if np.isfinite(median) else None


def _at_budget(by_week: Mapping[str, Floats]) -> dict[str, Any]:
    """One case for a meter and `WINDOW` days, opened by its highest seven-day mean; `THIEVES` of the meters
    are falsified; as many cases as the budget allows are opened, from the highest mean on."""
    whole = {name: one[:, : one.shape[1] // WINDOW * WINDOW] for name, one in by_week.items()}
    tops = [one.reshape(len(one), -1, WINDOW).max(2) for one in whole.values() if one.shape[1]]
    if not tops:
        return {"precision_at_budget": None, "recall_at_budget": None}
    honest = np.concatenate([one[0] for one in tops])
    false = np.concatenate([one[FALSE].ravel() for one in tops])
    both = np.concatenate([honest, false])
    order = np.argsort(-both, kind="stable")
    is_false = np.repeat([0.0, 1.0], [len(honest), len(false)])[order]
    caught = np.cumsum(is_false) * THIEVES / len(false)
    wrong = np.cumsum(1 - is_false) * (1 - THIEVES) / len(honest)
    last = int(np.searchsorted(caught + wrong, BUDGET * WINDOW + 1e-9, side="right")) - 1
    if last < 0:
        return {"precision_at_budget": None, "recall_at_budget": 0.0}
    return {
        "precision_at_budget": float(caught[last] / (caught[last] + wrong[last])),
        "recall_at_budget": float(caught[last] / THIEVES),
    }
