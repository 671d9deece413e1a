"""How bad it gets, and for how long."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from model.period import LOCAL

AS_OF = datetime(2026, 11, 20, 9, 29, tzinfo=LOCAL)  # a half-hour ends while it storms
SMALL = "small"  # the head-end whose spool lies on a small disk


@dataclass(frozen=True)
class Plan:
    """How much, and how long: seconds of storm, and of calm after it at the most."""

    meters: int = 300
    seconds: float = 240.0
    calm: float = 180.0
    kill_every: float = 20.0
    dead_for: float = 24.0  # longer than a takeover may last
    outage: float = 60.0
    outage_at: float = 0.15  # of the storm has passed: the meters' past is being read
    concurrency: int = 12
    seed: int = 1
    as_of: datetime = AS_OF
    nodes: tuple[str, ...] = ("north", "south", "west", SMALL)
    most_kills: int = 1000
    stand_still: bool = False  # every other one is stopped and continued instead of killed
