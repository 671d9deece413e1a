"""What happens to customers of the simulated grid: theft, honest change."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from ami.bench.detect_life import air_conditioner, vacancy

Floats = npt.NDArray[np.float64]

SLOT: Final = np.arange(48)
NIGHT: Final = (SLOT < 10) | (SLOT >= 44)
SCALED, PHASE, NIGHTS = "scaled", "phase by-passed", "nights"
THEFTS: Final = (SCALED, PHASE, NIGHTS)
HONEST: Final[Mapping[str, float]] = {
    "vacancy": 0.04,
    "rooftop PV": 0.03,
    "air conditioner": 0.05,
    "thrift": 0.02,
}  # shares of customers
TOLD: Final = 0.3  # of the vacant tell of it
EXPORTS: Final = 0.7  # of those with panels have a meter that counts what they feed back


@dataclass(frozen=True, eq=False)
class Life:
    """(d, 48) Wh: `used` of what the lines bring, `fed` back into them, `counted` by the meter; `exported` as
    it is counted, None without that channel; `absent` (d) days told."""

    used: Floats
    fed: Floats
    counted: Floats
    exported: Floats | None = None
    absent: npt.NDArray[np.bool_] | None = None


def life(
    use: Floats, what: str, onset: int, shares: Floats, sun: Floats, random: np.random.Generator
) -> Life:
    """A customer who uses `use` (d, 48) and from day `onset` on does `what`. `shares` (d, 48, 3) of the
    phases; `sun` (d, 48) over the station."""
    after, nothing = slice(onset, None), np.zeros_like(use)
    if what in THEFTS:
        counted = use.copy()
        if what == SCALED:
            counted[after] *= random.uniform(0.1, 0.8)
        elif what == PHASE:
            counted[after] *= 1 - shares[after, :, by_passed(shares)]
        else:
            counted[after] *= np.where(NIGHT, random.uniform(0.0, 0.2), 1.0)
        return Life(use, nothing, counted)
    used, absent, exported = use.copy(), None, None
    if what == "vacancy":
        away = slice(onset, onset + int(random.integers(7, 46)))
        used[away] = vacancy(use[away], random) * (random.random() > 0.2)
        if random.random() < TOLD:
            absent = np.zeros(len(use), bool)
            absent[away] = True
    elif what == "air conditioner":
        used[after] = air_conditioner(use[after], random)
    elif what == "thrift":  # the same share less all day: a slowed-down meter looks like it
        used[after] *= random.uniform(0.4, 0.8)
    fed = nothing
    if what == "rooftop PV":
        made = np.zeros_like(use)
        made[after] = sun[after] * use.mean() * random.uniform(1, 3)
        fed, used = np.maximum(made - use, 0), np.maximum(use - made, 0)
        exported = fed if random.random() < EXPORTS else None
    return Life(used, fed, used, exported, absent)


def by_passed(shares: Floats) -> int:
    """The phase that a thief goes around: the one that carries most."""
    return int(shares.mean(axis=(0, 1)).argmax())


def sunshine(days: int, random: np.random.Generator) -> Floats:
    """(days, 48) of the panels' mean need, the same clouds for all of a station."""
    bell = np.maximum(np.sin((SLOT - 11.5) / 25 * np.pi), 0) * ((SLOT > 11) & (SLOT < 37))
    return np.asarray(bell * random.beta(4, 1.5, (days, 1)) * random.uniform(0.6, 1, (days, 48)))


def phase_shares(days: int, random: np.random.Generator) -> Floats:
    """(days, 48, 3) shares of the load by phase: a customer's wiring, and what happens to run."""
    wired = random.dirichlet([6.0, 6.0, 6.0])
    drawn = random.gamma(np.maximum(25 * wired, 0.5), size=(days, 48, 3))
    return np.asarray(drawn / drawn.sum(axis=2, keepdims=True))
