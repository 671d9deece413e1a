"""`ami bench run` in a small form: everything is issued, and comes back as it went."""

from __future__ import annotations

import dataclasses
import json
import os
from pathlib import Path

import numpy as np
import pytest

from ami.bench import memory, run
from model.jsonform import to_json
from storage.pool import open_pool


def test_a_thousand_customers_are_billed_and_copied(database: str, tmp_path: Path) -> None:
    with open_pool(database) as pool:
        found = [run.measure(database, pool, tmp_path, many, os.getpid()) for many in (200, 1_000)]
    small, large = found
    assert (large.customers, large.bills) == (1_000, 1_000)
    assert 2_000 < large.lines < 7_000
    assert large.total > 0
    assert large.ratio_all > large.ratio > 0
    assert large.postgres_peak_mb is not None
    told = json.loads(json.dumps(to_json(run.document(found))))
    assert [one["customers"] for one in told["results"]] == [200, 1_000]
    assert told["linear"]["us_per_customer"].keys() == {"200", "1000"}
    rounds = [dataclasses.replace(large, ratio=ratio) for ratio in (3.0, 1.0, 2.0)]
    assert run.median(rounds).ratio == 2.0
    assert run.steady(iter(rounds).__next__, run.SHORT - 1).ratio == 2.0
    assert run.steady(iter(rounds).__next__, run.SHORT).ratio == 3.0
    growth = large.us_per_customer / small.us_per_customer
    assert told["linear"]["growth"] == pytest.approx(growth, abs=0.01)
    assert set(told["held"].values()) <= {True, False}


def test_the_peak_is_of_what_is_watched() -> None:
    with memory.watched(os.getpid()) as large:
        np.ones(8_000_000).sum()
    with memory.watched(None) as small:
        pass
    assert large.ours_mb > small.ours_mb + 50
    assert large.server_mb is not None
    assert large.server_mb > 10
    assert small.server_mb is None
