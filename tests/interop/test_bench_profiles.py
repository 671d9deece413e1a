"""polars, duckdb, numpy and pandas come to our load figures, or no bench is told."""

from __future__ import annotations

from ami.bench import profiles
from ami.bench.engine import Foreign, measure
from ami.bench.verb import apart
from tests.foreign_peers import Peers

METERS_DAYS = 600


def test_engines_agree_on_every_figure(peers: Peers) -> None:
    """Each foreign one in a process of its own; gaps, estimates and doubts are among the half-hours."""
    told = {}
    for name, prepare in profiles.ENGINES.items():
        task, _, engine = name.partition("/")
        if task == profiles.THREADS[1]:
            if isinstance(prepare, Foreign):
                figures = apart("profiles", name, prepare, METERS_DAYS, {})
            else:
                figures = measure(prepare, METERS_DAYS)
            told[engine] = figures.checksum
    assert set(told) == {"kernel", "polars", "duckdb", "numpy", "pandas"}
    assert len(set(told.values())) == 1, told
