"""Somebody waits for a reading while everything behind every modem is being read back over far links."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest


@pytest.mark.long
def test_a_reading_comes_soon_while_the_fleet_is_busy(
    ami: Any, database: str, free_ports: Callable[[], int]
) -> None:
    """The short form of `ami bench ondemand`: the bound is the same, 3 round trips and 2 seconds."""
    done = ami(
        "bench", "ondemand", "--meters", "8", "--modems", "4", "--reads", "8", "--at-once", "1",
        "--rtt", "0.5", "--days", "200", "--port", str(free_ports()), "--database", database, "--json",
    )  # fmt: skip
    found = json.loads(done.stdout)
    assert found["reads"] == {"asked": 8, "done": 8, "failed": []}
    assert found["held"] == {"p95": True, "all_read": True, "under_load": True}, found
