"""What a node said of a modem after another one had taken it over: evidence, and nothing else."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from collector.spool.spool import Spooled
from model.readout import Readout, Rejected

OUTCOME: Final = "fenced"


def fenced(record: Spooled) -> Readout:
    """The readout without a single value: its answers stand among the rejected, with the reason."""
    readout = record.readout
    reason = f"taken under epoch {record.epoch}, after another node had taken over modem {record.modem}"
    late = tuple(Rejected(answer.item, reason, answer.raw, answer.asked) for answer in readout.answers)
    return replace(
        readout,
        outcome=OUTCOME,
        detail=f"{readout.outcome}, but {reason}",
        answers=(),
        rejected=(*readout.rejected, *late),
    )
