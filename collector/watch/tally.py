"""Reads as the metrics count them: due, ended, how long they took, how far the meter's clock was off."""

from __future__ import annotations

from functools import lru_cache

from collector.errors import UnknownModel
from collector.exchange.abilities import model_of
from collector.watch import metrics
from model.readout import Readout
from protocols.errors import ProtocolError

SILENT = frozenset(("no_link", "unknown_model", "error"))
"""Outcomes of no conversation: how long they took says nothing of a meter."""


@lru_cache(maxsize=256)
def protocol_of(model: str) -> str:
    """How a meter of this model speaks, as a label."""
    try:
        return metrics.bounded(model_of(model).speech.name.lower(), metrics.PROTOCOLS)
    except (UnknownModel, ProtocolError):
        return metrics.OTHER


class _Talking:
    """A conversation is under way for as long as the block runs."""

    count = 0

    def __enter__(self) -> None:
        self.count += 1

    def __exit__(self, *how: object) -> None:
        self.count -= 1


talking = _Talking()
metrics.SESSION_COUNT.labels("talking").set_function(lambda: talking.count)


def due() -> None:
    """A meter's turn has come, with something to ask."""
    metrics.READS_EXPECTED.inc()


def ended(model: str, readout: Readout) -> None:
    """A read of a meter of this model is over and on the disk."""
    outcome = metrics.bounded(readout.outcome, metrics.OUTCOMES)
    metrics.READS.inc(protocol_of(model), outcome)
    if outcome not in SILENT:
        metrics.POLL_SECONDS.observe(max(0.0, (readout.ended - readout.started).total_seconds()))
    if readout.clock_offset_s is not None:
        metrics.CLOCK_DRIFT_SECONDS.observe(abs(readout.clock_offset_s))
