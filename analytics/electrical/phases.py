"""Voltages and currents of the phases at moments: how far from what they should be, and from each other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from analytics.errors import AnalyticsError

Float = npt.NDArray[np.float64]

NORMAL: Final = (0.95, 1.05)  # of the nominal voltage, in normal service
AFTER_FAULT: Final = 0.90  # no lower even after a fault
NO_SUPPLY: Final = 0.05  # below, it is an interruption and no bad voltage (EN 50160)
CURRENT_LIMIT: Final = 15.0  # percent
LEAST_A: Final = 0.5  # mean of the phases: what is less is no load to judge by
LEAST_SHARE: Final = 0.1  # of the highest mean


@dataclass(frozen=True, slots=True)
class PhaseVoltage:
    """One phase at `reads` moments; shares of those under supply. `interrupted`: moments without any.

    `lowest` and `highest` in V with the number of their moment; None where no moment tells of the phase.
    """

    phase: int
    reads: int
    interrupted: int
    low: float | None
    high: float | None
    below_after_fault: float | None
    lowest: tuple[float, int] | None
    highest: tuple[float, int] | None

    @property
    def outside(self) -> float | None:
        """Share of the moments outside of what is normal."""
        return None if self.low is None or self.high is None else self.low + self.high


def voltage_quality(volts: npt.ArrayLike, nominal: float | None) -> list[PhaseVoltage]:
    """Of each of three phases that a moment tells of. `volts` (n, 3), NaN where not told; without a `nominal`
    nothing is a share of it. Raises `AnalyticsError` for another shape."""
    v = _three(volts)
    found = []
    for phase in range(3):
        known = np.flatnonzero(~np.isnan(v[:, phase]))
        if not len(known):
            continue
        floor = NO_SUPPLY * nominal if nominal else 0.0
        fed = known[v[known, phase] > floor]
        one = v[fed, phase]
        low = high = after_fault = None
        if nominal and len(fed):
            low, high = float((one < NORMAL[0] * nominal).mean()), float((one > NORMAL[1] * nominal).mean())
            after_fault = float((one < AFTER_FAULT * nominal).mean())
        lowest = highest = None
        if len(fed):
            lowest = float(one.min()), int(fed[one.argmin()])
            highest = float(one.max()), int(fed[one.argmax()])
        dark = len(known) - len(fed)
        found.append(PhaseVoltage(phase, len(known), dark, low, high, after_fault, lowest, highest))
    return found


@dataclass(frozen=True, slots=True)
class Imbalance:
    """Percent by moments that tell of all three phases under load: `reads` of them, the middle one, the
    highest with the number of its moment, and the share above the limit asked for."""

    reads: int
    median: float
    highest: float
    at: int
    above: float


def imbalance(values: npt.ArrayLike, limit: float, least: float = 0.0) -> Imbalance | None:
    """How unlike three phases are: the largest deviation from their mean, by the mean (phase unbalance rate
    of IEEE Std 112; angles, and with them the negative sequence of IEC 61000-4-30, are not read).

    `values` (n, 3), NaN where not told. Moments whose mean is below `least`, or below a tenth of the highest,
    are no load to judge by. None where no moment can be judged; `AnalyticsError` for another shape.
    """
    v = _three(values)
    whole = np.flatnonzero(~np.isnan(v).any(axis=1))
    mean = v[whole].mean(axis=1)
    loaded = mean >= max(least, LEAST_SHARE * mean.max(initial=0.0), 1e-9)
    if not loaded.any():
        return None
    whole, mean = whole[loaded], mean[loaded]
    percent = 100 * np.abs(v[whole] - mean[:, None]).max(axis=1) / mean
    place = int(percent.argmax())
    return Imbalance(
        len(whole), float(np.median(percent)), float(percent[place]), int(whole[place]),
        float((percent > limit).mean()),
    )  # fmt: skip


def _three(values: npt.ArrayLike) -> Float:
    found = np.asarray(values, np.float64)
    if found.ndim != 2 or found.shape[1] != 3:
        raise AnalyticsError("bad_shape", f"values of {found.shape} are not moments × 3 phases")
    return found
