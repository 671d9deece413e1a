"""What is said of a meter: how strongly, since when, why, and what speaks for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum


class ClueKind(StrEnum):
    """What speaks against a meter; its figures stand beside it (kWh a day unless a name says otherwise)."""

    FALL = "fall"
    """`before`, `after`: counted a day before `first` and since; `percent` less; `days_before`, `days`."""
    NIGHT_FALL = "night_fall"
    """The same of the hours from 22 to 5; `day_percent`: how the rest of the day changed."""
    BALANCE = "balance"
    """`loss`: what the station loses unexplained each day in step with this meter; `before`: what it lost
    unexplained before `first`, `after`: since; `customers` at the station."""
    SHAPE = "shape"
    """`logit`: mean learned score of the days since `first`; `usual`: of the days before, where any
    was scored; `days` scored."""
    DARK_PHASE = "dark_phase"
    """`phase` (1 to 3) under `voltage_v` carries `current_a` while the others carry `other_a`; `days` of
    `days_read` since `first`."""
    EVENT = "event"
    """The meter logged `code` on `first`, `times` since."""


class BenignKind(StrEnum):
    """What explains a fall honestly."""

    ABSENCE_TOLD = "absence_told"
    """`days` that the customer told to be away."""
    VACANCY_SEEN = "vacancy_seen"
    """The home stands at its base load (`after`, `before`), and the station lacks nothing."""
    PANELS = "panels"
    """Less by day, not by night: `exported` kWh a day where it is counted; the station lacks nothing."""
    BALANCE_HOLDS = "balance_holds"
    """The meter counts less (`before`, `after`), the station lacks no more than it did: it is used less."""
    RISE = "rise"
    """It counts more than before (`before`, `after`)."""


Figure = float | int | str


@dataclass(frozen=True, slots=True)
class Clue:
    """One reason, with the figures that its sentence needs and the days it goes by."""

    kind: ClueKind
    figures: Mapping[str, Figure]
    first: date
    last: date


@dataclass(frozen=True, slots=True)
class Benign:
    """What explains what was seen, with its figures and days."""

    kind: BenignKind
    figures: Mapping[str, Figure]
    first: date
    last: date


@dataclass(frozen=True, slots=True)
class Suspect:
    """A meter on the night of `asked`.

    `strength`: log-odds that it counts less than is used, on the faintest of the last nights; 0 is even,
    values of all stations compare. `since`: the day from which on. `clues`: the strongest first; none
    where `benign` explains it all.
    `uncounted_wh_a_day`: used and not counted since then, a day; `stake_dong_a_day` at the meter's price.
    `by_balance`: whether the station's head meter could be asked.
    """

    serial: str
    strength: float
    since: date
    clues: tuple[Clue, ...]
    uncounted_wh_a_day: int
    stake_dong_a_day: int | None
    by_balance: bool
    benign: Benign | None = None
