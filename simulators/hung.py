"""A meter where it hangs, and a whole fleet of them, whatever village or file it came from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from model.alert import AlertKind
from model.grid import Customer, Feeder, Point, ReadingBook, Station
from simulators.ledger import Counting
from simulators.lines import Line
from simulators.supply import Recorded, Supply


@dataclass(frozen=True, slots=True)
class Hung:
    """A meter at a point, from half-hour `since` until `until` (None: still there).

    `multiplier` is that of its current transformers, `drift_s` its clock minus the right time. `recorded`
    holds the file it replays, and tells which half-hours its buffer lacks.
    """

    serial: str
    model: str
    point: str
    supply: Supply
    ledger: Counting
    since: int
    seed: int
    until: int | None = None
    multiplier: int = 1
    drift_s: int = 0
    password: str = ""
    recorded: Recorded | None = None


@dataclass(frozen=True, slots=True)
class Planted:
    """One fault, and the meter it shows at."""

    kind: AlertKind
    serial: str


@dataclass(frozen=True, slots=True)
class Fleet:
    """Grid, people, meters by serial, modems, and what was planted.

    `silent` maps modems to the half-hour they fall silent at; `replay` reports of a replayed file.
    """

    history_from: datetime
    stations: tuple[Station, ...]
    feeders: tuple[Feeder, ...]
    books: tuple[ReadingBook, ...]
    customers: tuple[Customer, ...]
    points: tuple[Point, ...]
    meters: Mapping[str, Hung]
    lines: tuple[Line, ...]
    planted: tuple[Planted, ...] = ()
    silent: Mapping[str, int] = field(default_factory=dict)
    replay: Mapping[str, object] | None = None
