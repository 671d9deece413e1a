"""`ami bench listen` in a small form: modems connected and read by one head-end, little memory for each."""

from __future__ import annotations

from typing import Any

import pytest


def judged(document: dict[str, Any], modems: int) -> None:
    assert document["held"] == {"all_connected": True, "all_intervals": True, "memory": True, "flat": True}
    assert document["intervals"] == {"due": modems * 48, "stored": modems * 48}
    assert {"idle", "heartbeats", "idle beside them", "arriving and read"} <= set(document["lag_ms"])
    print(document["memory"], document["lag_ms"])


@pytest.mark.long
def test_a_hundred_modems_that_stay(ami: Any, free_port: int) -> None:
    document = ami.json(
        "bench", "listen", "--modems", "100", "--seconds", "5", "--heartbeat", "1", "--port", str(free_port),
        "--json",
    )  # fmt: skip
    judged(document, 100)


@pytest.mark.soak
def test_ten_thousand_modems_that_stay(ami: Any, free_port: int) -> None:
    document = ami.json(
        "bench", "listen", "--modems", "10000", "--seconds", "120", "--port", str(free_port), "--json",
        timeout=1800,
    )  # fmt: skip
    judged(document, 10_000)
