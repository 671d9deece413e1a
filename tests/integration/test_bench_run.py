"""`ami bench run` in a small form: everything is issued, and comes back as it went."""

from __future__ import annotations

import json
from pathlib import Path

from ami.bench import run
from model.jsonform import to_json
from storage.pool import open_pool


def test_a_thousand_customers_are_billed_and_copied(database: str, tmp_path: Path) -> None:
    with open_pool(database) as pool:
        found = run.measure(database, pool, tmp_path, 1_000)
    assert (found.customers, found.bills) == (1_000, 1_000)
    assert 2_000 < found.lines < 7_000
    assert found.total > 0
    assert found.ratio > 0
    json.dumps(to_json(found))
