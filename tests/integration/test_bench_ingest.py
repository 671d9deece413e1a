"""Every engine of `ami bench ingest` brings what it says, once and again."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest

from ami.bench import ingest, store
from ami.bench.engine import Figures, measure
from ami.failure import Contradiction
from storage import row_store
from storage.evidence import StoreCounts

VALUES = 2 * 28 * 48  # of two meters


@pytest.fixture
def server(database: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setenv(store.DATABASE, database)
    with psycopg.connect(database) as conn:
        row_store.make(conn)
    with ingest.LINES:
        yield database


def test_engines_bring_the_same_half_hours(server: str) -> None:
    found = {name: measure(prepare, 2) for name, prepare in ingest.ENGINES.items()}
    assert {(figures.count, figures.checksum) for figures in found.values()} == {
        (VALUES, found["first/rows"].checksum)
    }
    with psycopg.connect(server) as conn:
        row = conn.execute("SELECT sum(cardinality(raw)) FROM profile_block").fetchone()
    kinds, runs = 4, 3  # warming up and measured; what is brought again was brought once
    assert row == (kinds * runs * VALUES,)


def test_a_store_that_lost_something_is_no_result(server: str) -> None:
    fleet = ingest._Fleet(2)
    with pytest.raises(Contradiction, match="Of 8 blocks brought"):
        fleet.outcome(StoreCounts(blocks=7, identical=1))


def test_what_is_promised_is_said_by_length() -> None:
    medians = {name: Figures(1.0 if "rows" in name else 0.04, 0, 0, 1, "") for name in ingest.ENGINES}
    assert set(ingest.held(medians).values()) == {True}
    medians["first/rows"] = Figures(0.7, 0, 0, 1, "")
    assert set(ingest.held(medians).values()) == {False}
