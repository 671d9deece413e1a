"""Volts, amperes and watts of a moment, agreeing with each other and with what the counter counts."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from simulators.chance import key, stream, uniform
from simulators.halfhours import SLOT_S
from simulators.supply import Supply

NOMINAL_V = 220.0


@dataclass(frozen=True, slots=True)
class Moment:
    """What the terminals see, secondary side; phases that are not there hold None."""

    voltage_v: tuple[float | None, float | None, float | None]
    current_a: tuple[float | None, float | None, float | None]
    power_w: float
    reactive_var: float
    cos_phi: float
    frequency_hz: float


def no_load(seen: Moment) -> Moment:
    """The same behind an open switch: volts, and nothing that flows."""
    amperes = seen.current_a
    none = (
        None if amperes[0] is None else 0.0,
        None if amperes[1] is None else 0.0,
        None if amperes[2] is None else 0.0,
    )
    return Moment(seen.voltage_v, none, 0.0, 0.0, 1.0, seen.frequency_hz)


def lag(seed: int) -> float:
    """The customer's cos φ: motors pull it down, lamps hardly."""
    return stream("lag", seed).uniform(0.88, 0.98)


def tangent_permille(seed: int) -> int:
    """Reactive energy in thousandths of active energy."""
    return round(math.tan(math.acos(lag(seed))) * 1000)


def moment(seed: int, supply: Supply, second: int, divisor: int = 1) -> Moment:
    """The state at a second: the half-hour's mean power, wavering from minute to minute."""
    shown = supply.shown(np.array([second // SLOT_S]))[0]
    minute = np.array([second // 60])

    def draw(what: str) -> float:
        return float(uniform(key(what, seed), minute)[0])

    cos_phi = lag(seed)
    volts: list[float | None] = [None, None, None]
    amperes: list[float | None] = [None, None, None]
    watts = 0.0
    for phase in range(supply.phases):
        phase_w = float(shown[phase]) * 2.0 * (0.92 + 0.16 * draw(f"w{phase}")) / divisor
        phase_v = NOMINAL_V + 7.0 * (draw(f"v{phase}") - 0.6)
        volts[phase] = phase_v
        amperes[phase] = phase_w / (phase_v * cos_phi)
        watts += phase_w
    return Moment(
        voltage_v=(volts[0], volts[1], volts[2]),
        current_a=(amperes[0], amperes[1], amperes[2]),
        power_w=watts,
        reactive_var=watts * math.tan(math.acos(cos_phi)),
        cos_phi=cos_phi,
        frequency_hz=50.0 + 0.06 * (draw("hz") - 0.5),
    )
