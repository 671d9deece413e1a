"""What voltages and currents say: a phase that stands under voltage and carries nothing, a house that draws
nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
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
