"""The simulated grid asked night by night, by everything together and by energy alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import Any, Final

import numpy as np

from ami.bench.grid_world import DAYS, FIRST, HISTORY, WATCHED, GridStation
from analytics.suspicion import Accused, Clue, ClueKind, MeterSeen, StationSeen, Suspect, within_budget
from analytics.suspicion.budget import LEAST_STRENGTH
from analytics.suspicion.weigh import nights_before, standing, tonight
from model.quality import Quality

WEEK: Final = 7
TOGETHER, SAME_ALONE = "everything together", "the same, energy alone"
SCORE, DROP = "learned score", "drop rule"
Ask = Callable[[GridStation, int], list[Suspect]]


def everything() -> Ask:
    """Balance, score, currents, events, export channel."""
    return _remembering(lambda seen: seen)


def energy_alone() -> Ask:
    """The same reckoning, deaf to the station's head, to currents and to events."""

    def bare(seen: StationSeen) -> StationSeen:
        meters = tuple(replace(one, events=(), current_a=None, voltage_v=None) for one in seen.meters)
        return replace(seen, meters=meters, head=None, head_quality=None)

    return _remembering(bare)


def _remembering(view: Callable[[StationSeen], StationSeen]) -> Ask:
    """`suspects`, with the nights before as they were told then."""
    told: dict[tuple[str, int], list[Suspect]] = {}

    def night(seen: StationSeen, days: int) -> list[Suspect]:
        if (seen.code, days) not in told:
            told[seen.code, days] = tonight(view(seen.until(days)))
        return told[seen.code, days]

    return lambda station, days: standing(
        night(station.seen, days), [night(station.seen, before) for before in nights_before(days)]
    )


def learned_score() -> Ask:
    """The mean learned logit of the last seven days."""
    return lambda station, days: _ranked(station.seen, days, lambda one: one.scores[days - WEEK : days])


def drop_rule() -> Ask:
    """How far the last seven days' use lies below the median of the history."""
    return lambda station, days: _ranked(station.seen, days, lambda one: _fall(one, days))


def _fall(one: MeterSeen, days: int) -> Any:
    whole = (one.quality != Quality.MISSING).all(axis=1)
    daily = np.where(whole, one.energy.sum(axis=1), np.nan)
    before = float(np.nanmedian(daily[:HISTORY])) if whole[:HISTORY].any() else np.nan
    return 1 - daily[days - WEEK : days] / before if before > 0 else np.full(WEEK, np.nan)


def _ranked(seen: StationSeen, days: int, figure: Callable[[MeterSeen], Any]) -> list[Suspect]:
    found = []
    for one in seen.meters:
        known = np.asarray(figure(one), np.float64)
        known = known[np.isfinite(known)]
        if len(known) >= 3:
            day = seen.day(days - 1)
            clue = Clue(ClueKind.SHAPE, {}, day, day)
            found.append(Suspect(one.serial, float(known.mean()), day, (clue,), 0, None, False))
    return found


ENGINES: Final[Mapping[str, tuple[Callable[[], Ask], float]]] = {
    TOGETHER: (everything, LEAST_STRENGTH),
    SAME_ALONE: (energy_alone, -np.inf),  # the others spend what they are allowed, the strongest first
    SCORE: (learned_score, -np.inf),
    DROP: (drop_rule, -np.inf),
}


def nights(
    stations: Sequence[GridStation],
    engine: str,
    per_1000: float,
    step: Callable[[int], None] = lambda night: None,
    every: int = 1,
) -> list[Accused]:
    """The cases that are opened `every` so many nights, nobody inspected in between."""
    begin, least = ENGINES[engine]
    ask = begin()
    meters = sum(len(one.customers) for one in stations)
    cases: list[Accused] = []
    begun = FIRST + timedelta(HISTORY)
    for days in range(HISTORY + 1, DAYS + 1, every):
        step(days - HISTORY)
        asked = [suspect for one in stations for suspect in ask(one, days)]
        night = FIRST + timedelta(days - 1)
        for one in within_budget(asked, meters, per_1000, cases, begun=begun, tonight=night, least=least):
            kinds = frozenset(clue.kind for clue in one.clues)
            cases.append(Accused(one.serial, night, kinds, one.strength))
    return cases


def judged(stations: Sequence[GridStation], cases: Sequence[Accused]) -> dict[str, Any]:
    """What the cases were worth. A thief is found when the case is opened within 30 days of the onset; a case
    before it is false."""
    truth = {
        meter.serial: (customer, one.seen.head is not None)
        for one in stations
        for meter, customer in zip(one.seen.meters, one.customers, strict=True)
    }
    stolen = {name: customer for name, (customer, _) in truth.items() if customer.steals}
    late: dict[str, int] = {}
    false: dict[str, int] = {}
    for case in cases:
        customer = truth[case.serial][0]
        days = _days(case.opened, customer.onset)
        if customer.steals and days > 0:
            late[case.serial] = days
        else:
            what = customer.what or "nothing"
            false[what] = false.get(what, 0) + 1
    found = {name for name, days in late.items() if days <= WATCHED}
    return {
        "cases": len(cases),
        "precision": round(len(late) / len(cases), 4) if cases else None,
        "recall": round(len(found) / len(stolen), 4) if stolen else None,
        "recall_with_head": _share(found, [name for name in stolen if truth[name][1]]),
        "recall_without_head": _share(found, [name for name in stolen if not truth[name][1]]),
        "recall_by_theft": {
            what: _share(found, [name for name, one in stolen.items() if one.what == what])
            for what in sorted({one.what for one in stolen.values()})
        },
        "median_days": float(np.median([late[name] for name in found])) if found else None,
        "false_cases": dict(sorted(false.items())),
    }


def _days(opened: date, onset: int) -> int:
    """Days of theft that were known when the case was opened."""
    return (opened - FIRST).days - onset + 1


def _share(found: set[str], names: Sequence[str]) -> float | None:
    return round(sum(name in found for name in names) / len(names), 4) if names else None
