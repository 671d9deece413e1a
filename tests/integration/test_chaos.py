"""The short form of `make chaos`, same judge: three head-ends, one killed, the database stopped, a flood."""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest

from model.period import LOCAL
from tests.chaos.plan import Plan
from tests.chaos.storm import Storm

SHORT = Plan(
    meters=40,
    seconds=12.0,
    calm=60.0,
    kill_every=5.0,
    dead_for=20.0,
    outage=2.0,
    outage_at=0.1,
    concurrency=30,
    nodes=("north", "south", "west"),
    most_kills=1,
    as_of=datetime(2026, 11, 20, 9, 10, tzinfo=LOCAL),
)


@pytest.mark.long
@pytest.mark.timeout(240)
async def test_a_short_storm(tmp_path: Path, free_ports: Callable[[], int]) -> None:
    result = await Storm(SHORT, tmp_path, lambda text: print(text, file=sys.stderr), free_ports).run()
    print(result)
    assert (result["lost"], result["doubled"], result["invented"]) == (0, 0, 0), result["examples"]
    assert result["due"] > 100_000
    assert result["kills"] == 1
    assert result["hostile_calls"] > 100
    assert result["ended_by_themselves"] == 0
    assert result["takeovers_s"], "the one that was killed had nothing to lose"
    assert all(seconds < 20.0 for seconds in result["takeovers_s"])
    assert result["not_taken_over"] == 0
