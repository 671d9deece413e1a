"""What the score is compared with: 19 figures of a day as the literature takes them, and their judges.

Gradient boosting and isolation forest are scikit-learn's and run in .venv-peers
(tests/peers/abnormal_baselines.py).
"""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from ami.bench.engine import PEERS_PYTHON, REPOSITORY
from ami.failure import Failure
from analytics.abnormal import Household

Floats = npt.NDArray[np.float64]
DROP: Final = "drop rule"
LEARNED: Final = ("gradient boosting", "isolation forest")


def _correlation(one: Floats, other: Floats) -> Floats:
    a, b = one - one.mean(1, keepdims=True), other - other.mean(1, keepdims=True)
    below = np.sqrt((a * a).sum(1) * (b * b).sum(1))
    return np.where(below > 0, (a * b).sum(1) / np.maximum(below, 1e-9), 0.0)


def _roughness(wh: Floats) -> Floats:
    return np.asarray(np.abs(np.diff(wh, axis=1)).mean(1) / (wh.mean(1) + 1))


def _ratio(value: Floats, usual: float) -> Floats:
    return np.asarray(np.log((value + 5) / (usual + 5)))


def day_figures(history: Household, days: Household) -> Floats:
    """(n, 19): the first is the logarithm of the day's energy against the history's median day."""
    known, wh = history.wh, days.wh
    total, usual = wh.sum(1), float(np.median(known.sum(1)))
    spread = 1.4826 * float(np.median(np.abs(known.sum(1) - usual))) + 1.0
    alike = [known[history.rest == kind] if (history.rest == kind).any() else known for kind in (0, 1)]
    profile = np.stack([one.mean(0) for one in alike])[days.rest]
    off = (wh - profile) / (np.stack([one.std(0) for one in alike]) + 1)[days.rest]
    rough, night = _roughness(wh), wh[:, :12].sum(1)
    return np.stack(
        [
            np.log((total + 50) / (usual + 50)),
            (total - usual) / spread,
            _correlation(wh, profile),
            _correlation(wh, profile[:, ::-1]),
            off.mean(1),
            np.abs(off).mean(1),
            off.max(1),
            off.min(1),
            (np.abs(off) > 3).mean(1),
            _ratio(wh.min(1), float(np.median(known.min(1)))),
            _ratio(np.median(wh, axis=1), float(np.median(np.median(known, axis=1)))),
            _ratio(wh.max(1), float(np.median(known.max(1)))),
            _ratio(wh.std(1), float(np.median(known.std(1)))),
            rough,
            rough / (float(np.median(_roughness(known))) + 1e-6),
            night / (total + 1),
            _ratio(night, float(np.median(known[:, :12].sum(1)))),
            (wh <= 0).mean(1),
            _correlation(wh[:, :-1], wh[:, 1:]),
        ],
        axis=1,
    )


def baselines(
    judged: Mapping[str, Floats], taught: Mapping[str, Sequence[str]], known: Mapping[str, Floats], seed: int
) -> dict[str, dict[str, Floats]]:
    """Engine → household → scores (streams, n) of `judged` (streams, n, 19), the higher the more suspect.

    `known` (7, n, 19): the honest days and those after each attack of all that is learned from; `taught` says
    from whom each household's judge learns. Raises `Failure` where scikit-learn is not installed.
    """
    found = {DROP: {name: -figures[:, :, 0] for name, figures in judged.items()}}
    if not PEERS_PYTHON.exists():
        raise Failure("Bench detect: scikit-learn is not installed: run `make peers` first.")
    names, teachers = list(judged), list(known)
    with tempfile.TemporaryDirectory(prefix="ami-detect-") as folder:
        given, answered = Path(folder) / "given.npz", Path(folder) / "scores.npz"
        arrays = {f"judged{k}": judged[name] for k, name in enumerate(names)}
        arrays |= {f"known{k}": known[name] for k, name in enumerate(teachers)}
        arrays |= {
            f"taught{k}": np.array([teachers.index(one) for one in taught[name]], np.int64)
            for k, name in enumerate(names)
        }
        np.savez(given, allow_pickle=False, **arrays)
        script = REPOSITORY / "tests/peers/abnormal_baselines.py"
        done = subprocess.run(
            [str(PEERS_PYTHON), str(script), str(given), str(answered), str(seed)],
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, "OMP_NUM_THREADS": "1"},  # threads that wait for each other spin
        )
        if done.returncode != 0:
            last = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
            raise Failure(f"Bench detect, scikit-learn: {last} (`make peers` installs what is missing)")
        with np.load(answered) as scores:
            for engine in LEARNED:
                found[engine] = {name: scores[f"{engine}{k}"] for k, name in enumerate(names)}
    return found
