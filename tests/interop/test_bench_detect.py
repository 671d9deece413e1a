"""A round of `ami bench detect` on made-up households: all judges see the same days, scikit-learn's too."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from ami.bench.detect import OURS, PEER, STRANGERS, command, one_run
from ami.bench.detect_life import LIVES
from ami.failure import InputFailure
from analytics.abnormal import Household
from analytics.abnormal.attacks import ATTACKS
from tests.foreign_peers import REPOSITORY, Peers

REAL = Path(__file__).parents[3] / "shared" / "data"


def home(seed: int) -> Household:
    random, slot = np.random.default_rng([31, seed]), np.arange(48)
    evening = np.exp(-0.5 * ((slot - random.normal(39, 1, (64, 1))) / 4) ** 2)
    wh = 40 + 20 * (slot % 3) + random.uniform(200, 900) * evening * random.gamma(4, 0.25, (64, 48))
    return Household(f"home {seed}", wh.round(), np.arange(64) % 7 // 5)


def test_a_round(peers: Peers) -> None:
    homes = [home(seed) for seed in range(3)]
    found = one_run(homes[:2], [*homes[:2], homes[2]], seed=1, seeds=1, trees=12)
    assert set(found) == {OURS, STRANGERS, PEER, "isolation forest", "drop rule"}
    for engine, figures in found.items():
        assert set(figures["per_attack"]) == set(ATTACKS), engine
        assert set(figures["benign_alarms"]) == set(LIVES), engine
        assert set(figures["per_household"]) == {"home 0", "home 1"}, engine
        assert 0.5 < figures["auc_day"] <= figures["auc_week"] + 0.05, engine
    assert found[OURS]["auc_day"] > 0.9 < found[PEER]["auc_day"]
    assert found[PEER]["auc_day"] > found["drop rule"]["auc_day"]


@pytest.mark.soak
@pytest.mark.timeout(3600)
@pytest.mark.skipif(not REAL.is_dir(), reason="the real households are not here")
def test_what_is_promised_on_real_households(peers: Peers, tmp_path: Path) -> None:
    files = sorted(REAL.glob("*.csv.gz"))
    done = subprocess.run(
        [sys.executable, "-m", "ami.main", "bench", "detect", *files, "--seeds", "1", "--json"],
        capture_output=True, text=True, check=True, cwd=REPOSITORY, timeout=3600,
    )  # fmt: skip
    found = json.loads(done.stdout)
    assert found["households"] >= 9
    assert all(found["held"].values()), found["held"]


def test_one_alone_is_not_judged(tmp_path: Path) -> None:
    file = tmp_path / "none.csv"
    file.write_text("meter,timestamp,kwh\na,2026-01-01 00:00:00,1\n")
    with pytest.raises(InputFailure, match=r"too few households.*a: one time of day only"):
        command.main([str(file)], standalone_mode=False)
