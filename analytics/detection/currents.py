"""What voltages and currents say: a phase that stands under voltage and carries nothing, a house that draws
nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from statistics import median

from model.readout import InstantRead

CARRIES_A = 0.05  # secondary side; below, a phase counts as idle
DARK_SHARE = 0.05  # of what the weaker of the other phases carries
UNDER_VOLTAGE = 0.5  # of the highest phase voltage
POWER_FACTOR = 0.8  # where the meter tells none


@dataclass(frozen=True, slots=True)
class DarkPhase:
    """Phase 0-2 that carried nothing in `dark` of the `loaded` moments in which both others carried."""

    phase: int
    dark: int
    loaded: int
    voltage_v: float
    current_a: float
    other_a: float


def dark_phase(instants: Sequence[InstantRead]) -> DarkPhase | None:
    """The phase under voltage that is nearly always without current while both others carry; None when
    there is none."""
    for phase in range(3):
        others = [one for one in range(3) if one != phase]
        seen: list[tuple[float, float, float]] = []
        loaded = 0
        for instant in instants:
            volts, amperes = _all(instant.voltage_v), _all(instant.current_a)
            if volts is None or amperes is None or min(volts) < UNDER_VOLTAGE * max(volts) or max(volts) <= 0:
                continue
            least = min(amperes[one] for one in others)
            if least < CARRIES_A:
                continue
            loaded += 1
            if amperes[phase] <= DARK_SHARE * least:
                seen.append((volts[phase], amperes[phase], sum(amperes[one] for one in others) / 2))
        if seen and len(seen) >= 0.9 * loaded:
            middle = [median(column) for column in zip(*seen, strict=True)]
            return DarkPhase(phase, len(seen), loaded, *middle)
    return None


@dataclass(frozen=True, slots=True)
class UnfedPhase:
    """Phase 0-2 that carried current without voltage in `unfed` moments, the first of them at `since`."""

    phase: int
    unfed: int
    since: datetime
    voltage_v: float
    other_v: float
    current_a: float


def unfed_phase(instants: Sequence[InstantRead]) -> UnfedPhase | None:
    """The phase that has carried current without voltage in every moment up to the last one told, while
    another is under voltage; None when there is none."""
    for phase in range(3):
        run: list[tuple[datetime, float, float, float]] = []
        for instant in reversed(instants):
            volts, amperes = _all(instant.voltage_v), _all(instant.current_a)
            if volts is None or amperes is None or amperes[phase] < CARRIES_A:
                continue
            if max(volts) <= 0 or volts[phase] >= UNDER_VOLTAGE * max(volts):
                break
            run.append((instant.at, volts[phase], max(volts), amperes[phase]))
        if run:
            middle = [median(column) for column in zip(*(row[1:] for row in run), strict=True)]
            return UnfedPhase(phase, len(run), run[-1][0], *middle)
    return None


@dataclass(frozen=True, slots=True)
class Imbalance:
    """How unevenly three phases carried in `moments`: `share` is the greatest deviation from the mean by the
    mean (the definition of NEMA MG 1, 14.36, for currents), `phase` the one that deviates most."""

    share: float
    phase: int
    current_a: float
    other_a: float
    moments: int
    first: datetime
    last: datetime


def imbalance(instants: Sequence[InstantRead], least_a: float) -> Imbalance | None:
    """Medians over the moments in which all phases were under voltage and carried `least_a` on average; None
    without any."""
    rows: list[tuple[float, float, float]] = []
    at: list[datetime] = []
    for instant in instants:
        volts, amperes = _all(instant.voltage_v), _all(instant.current_a)
        if volts is None or amperes is None or min(volts) < UNDER_VOLTAGE * max(volts) or max(volts) <= 0:
            continue
        if sum(amperes) / 3 >= least_a:
            rows.append(amperes)
            at.append(instant.at)
    if not rows:
        return None
    share = median(max(abs(3 * one / sum(row) - 1) for one in row) for row in rows)
    typical = [median(column) for column in zip(*rows, strict=True)]
    mean = sum(typical) / 3
    phase = max(range(3), key=lambda one: abs(typical[one] - mean))
    other = (sum(typical) - typical[phase]) / 2
    return Imbalance(share, phase, typical[phase], other, len(rows), min(at), max(at))


def total_current_a(instant: InstantRead) -> float | None:
    """Sum of the phases that the meter tells of; None without any."""
    told = [one for one in instant.current_a if one is not None]
    return sum(told) if told else None


def drawn_w(instant: InstantRead) -> float | None:
    """Power by voltage and current, whatever the counting part says; secondary side."""
    told = [
        v * a
        for v, a in zip(instant.voltage_v, instant.current_a, strict=True)
        if v is not None and a is not None
    ]
    return sum(told) * (instant.cos_phi or POWER_FACTOR) if told else None


def _all(values: tuple[float | None, float | None, float | None]) -> tuple[float, float, float] | None:
    a, b, c = values
    return None if a is None or b is None or c is None else (a, b, c)
