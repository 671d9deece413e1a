"""polars, duckdb, numpy, pandas and a plain loop come to our đồng, or no bench is told."""

from __future__ import annotations

import json
import subprocess
import sys

from tests.foreign_peers import REPOSITORY, Peers

FOREIGN = {"kernel", "polars", "polars tabulated", "duckdb", "duckdb tabulated"}


def test_engines_agree_on_every_bill(peers: Peers) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "ami.main", "bench", "billing", "--size", "5000", "--rounds", "1", "--json"],
        capture_output=True, text=True, check=True, cwd=REPOSITORY, timeout=120,
    )  # fmt: skip
    found = json.loads(done.stdout)
    tasks = {result["name"] for result in found["results"]}
    engines = {task: {r["engine"] for r in found["results"] if r["name"] == task} for task in tasks}
    assert engines == {"1 thread": FOREIGN | {"numpy", "pandas", "python"}, "2 threads": FOREIGN}
    assert len({result["checksum"] for result in found["results"]}) == 1
    assert set(found["held"]) == {"4 x polars, 1 thread", "4 x polars, 2 threads"}
    assert found["ratios"].keys() >= {f"{task}: kernel vs polars" for task in engines}
