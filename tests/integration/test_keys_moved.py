"""Meters with keys go from one head-end to another that lives elsewhere: each believes whoever comes."""

from __future__ import annotations

import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.nodes import Nodes, nodes_before

TICKING = ("--as-of", "2026-11-17T09:10:00+07:00", "--ticking")
SIZE = ("--meters", "10", "--modems", "10", "--dial-in", "0", "--keyed", "1", "--seed", "3")
LIVE = {"AMI_LIVE_EVERY_S": "5"}


def good(nodes: Nodes) -> dict[int, int]:
    """Polls that went well, by meter."""
    return dict(nodes.rows("SELECT meter_id, count(*) FROM poll WHERE outcome = 'ok' GROUP BY 1"))


@pytest.mark.soak  # with two homes in turn, one of them killed: test_keys
@pytest.mark.timeout(150)
async def test_shards_of_meters_with_keys_move(
    ami: Any, tmp_path: Path, free_ports: Callable[[], int]
) -> None:
    """Node b of another home takes its share, then all of a killed one: no meter refuses anybody."""
    ports = [free_ports() for _ in range(2)]
    with nodes_before(ami, tmp_path, ports[0], *SIZE, clock=TICKING) as nodes:
        other = tmp_path / "elsewhere"
        other.mkdir(mode=0o700)
        shutil.copy(ami.home / "wrapping.key", other)

        async def all_anew() -> None:
            before = good(nodes)
            await nodes.until(
                lambda: len(now := good(nodes)) == 10 and all(now[m] > before.get(m, 0) + 1 for m in now), 40
            )

        nodes.start("a", ports[0], **LIVE)
        await all_anew()
        nodes.start("b", ports[1], AMI_HOME=str(other), **LIVE)
        await nodes.until(lambda: set(nodes.held()) == {"a", "b"})
        await all_anew()
        nodes.end("a", signal.SIGKILL)
        await nodes.until(lambda: set(nodes.held()) == {"b"})
        await all_anew()
        refused = nodes.rows("SELECT detail FROM poll WHERE outcome IN ('refused', 'garbage')")
        assert refused == []
        titles = {path.read_text() for path in (ami.home, other) for path in [path / "fleet-keys" / "title"]}
        assert len(titles) == 2
