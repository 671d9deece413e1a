"""Foreign codecs and ours come to the same rows, bytes and check sequence, or no bench is told."""

from __future__ import annotations

import json
import subprocess
import sys

from tests.foreign_peers import REPOSITORY, Peers


def test_codecs_agree(peers: Peers) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "ami.main", "bench", "protocols", "--size", "3", "--rounds", "1", "--json"],
        capture_output=True, text=True, check=True, cwd=REPOSITORY, timeout=120,
    )  # fmt: skip
    found = json.loads(done.stdout)
    tasks = {result["name"] for result in found["results"]}
    assert tasks == {"decode", "encode", "fcs"}
    for task in tasks:
        told = {r["engine"]: r["checksum"] for r in found["results"] if r["name"] == task}
        assert set(told) == {"dienke", "dlms-cosem", "gurux-dlms"}
        assert len(set(told.values())) == 1, told
    assert set(found["ratios"]) == {
        f"{task} vs {peer}" for task in tasks for peer in ("dlms-cosem", "gurux-dlms")
    }
