"""Which suspects become cases tonight: as many as there are people to look, each meter once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from math import ceil
from typing import Final

from analytics.suspicion.suspect import ClueKind, Suspect

SAVED_DAYS: Final = 30  # of allowance that quiet nights leave to later ones
LONGEST_SAVED: Final = 1000  # days, where there are so few meters that a case takes longer
LEAST_STRENGTH: Final = -0.5  # log-odds; a morning is not wasted on less, whatever the allowance
LEAST_WH: Final = 500  # a day not counted, half a million đồng a year; what cannot be told (0) is worth it
CHANGED: Final = 2.0  # log-odds more than when it was judged honest, to be accused of the same again
MUCH_MORE: Final = 2.0  # times as strong as then, besides: what misled goes on to, day by day


@dataclass(frozen=True, slots=True)
class Accused:
    """A case as it was opened: the meter, when, of what, how strongly. `honest`: what the inspection found
    (None: open, or confirmed and not yet put right)."""

    serial: str
    opened: date
    kinds: frozenset[ClueKind]
    strength: float
    honest: bool | None = None


def saved_days(meters: int, per_1000_a_day: float) -> int:
    """Nights whose allowance is saved up: `SAVED_DAYS`, or as many as a whole case takes among few meters."""
    a_night = meters * per_1000_a_day / 1000
    return max(SAVED_DAYS, min(LONGEST_SAVED, ceil(1 / a_night - 1e-9))) if a_night > 0 else SAVED_DAYS


def allowance(meters: int, per_1000_a_day: float, begun: date, tonight: date, raised: Iterable[date]) -> int:
    """Cases that may be opened tonight among `meters`, when alerts began on `begun`: what the nights up to
    `saved_days` back allow, less what was `raised` in them."""
    first = max(begun, tonight - timedelta(saved_days(meters, per_1000_a_day) - 1))
    nights = (tonight - first).days + 1
    used = sum(first <= day <= tonight for day in raised)
    return max(0, int(meters * per_1000_a_day / 1000 * max(nights, 0) + 1e-9) - used)


def within_budget(
    suspects: Iterable[Suspect],
    meters: int,
    per_1000_a_day: float,
    accused: Sequence[Accused],
    *,
    begun: date,
    tonight: date,
    least: float = LEAST_STRENGTH,
) -> list[Suspect]:
    """Those of all stations that become cases tonight, the strongest of `worth_a_morning`; `meters`: how many
    are watched."""
    free = allowance(meters, per_1000_a_day, begun, tonight, (case.opened for case in accused))
    return worth_a_morning(suspects, accused, least)[:free]


def worth_a_morning(
    suspects: Iterable[Suspect], accused: Sequence[Accused], least: float = LEAST_STRENGTH
) -> list[Suspect]:
    """Those who would become cases if there were people enough, the strongest first.

    `accused`: every case so far. A meter with an open or a confirmed case is not accused beside it; one found
    honest is accused again only of something new, or of the same when it has grown by `CHANGED` and is
    `MUCH_MORE` times as strong.
    """
    by_meter: dict[str, list[Accused]] = {}
    for case in accused:
        by_meter.setdefault(case.serial, []).append(case)
    worth = [
        one
        for one in suspects
        if one.benign is None
        and one.clues
        and one.strength >= least
        and (not one.uncounted_wh_a_day or one.uncounted_wh_a_day >= LEAST_WH)
    ]
    fresh = [one for one in worth if _fresh(one, by_meter.get(one.serial, ()))]
    return sorted(fresh, key=lambda one: (-one.strength, one.serial))


def _fresh(one: Suspect, cases: Iterable[Accused]) -> bool:
    kinds = {clue.kind for clue in one.clues}
    for case in cases:
        if case.honest is not True:
            return False
        if kinds <= case.kinds and one.strength < max(case.strength + CHANGED, MUCH_MORE * case.strength):
            return False
    return True
