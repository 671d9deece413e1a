"""Ways to be counted less, and what the station would lack by each."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import numpy as np
import numpy.typing as npt

from analytics.suspicion.arranged import Arranged
from analytics.suspicion.lacking import Lacking
from analytics.suspicion.own import FRACTIONS, LAST

Float = npt.NDArray[np.float64]

TIMES: Final = 1 / FRACTIONS - 1  # of what is counted, that is not
OUTLIER: Final = 2.5  # spreads
TEMPER: Final = 2.0  # neither thieves nor losses keep to the formulas: evidence counts that much less
YOUNG: Final = 4.0  # days: what few of them say counts less still
PARTS: Final = np.array([0.6, 1.0, 1.4])  # of what was usual, that hours by-passed may lose


class Way(StrEnum):
    """How a meter counts less: a fraction of everything (a phase by-passed among it), less by night, less at
    some hours."""

    FRACTION = "fraction"
    NIGHTS = "nights"
    HOURS = "hours"


@dataclass(frozen=True, slots=True, eq=False)
class Ways:
    """Hypotheses in order: `FRACTIONS` of everything, `PARTS` of the usual nights, `PARTS` of the usual day.
    `counted` and `fallen` (m, d, g) Wh: what is counted, and how far it lies below the usual."""

    counted: Float
    fallen: Float
    night: npt.NDArray[np.bool_]

    @classmethod
    def of(cls, found: Arranged, before: int) -> Ways:
        """`before`: the days that tell what is usual."""
        used = found.used[:, max(0, before - LAST) : before]
        known = ~np.isnan(used)
        usual = np.where(known, used, 0.0).sum(axis=1) / np.maximum(known.sum(axis=1), 1)
        return cls(found.filled, usual[:, None, :] - found.filled, found.night)

    @property
    def count(self) -> int:
        """How many hypotheses."""
        return len(FRACTIONS) + 2 * len(PARTS)

    def way(self, at: int) -> Way:
        """Which way a hypothesis is."""
        if at < len(FRACTIONS):
            return Way.FRACTION
        return Way.NIGHTS if at < len(FRACTIONS) + len(PARTS) else Way.HOURS

    def loss(self, meter: int, at: int) -> Float:
        """(d, g) Wh that the meter leaves uncounted by that hypothesis, on all days."""
        if at < len(FRACTIONS):
            return np.asarray((1 / FRACTIONS[at] - 1) * self.counted[meter])
        part = PARTS[(at - len(FRACTIONS)) % len(PARTS)] * self.fallen[meter]
        return np.where(self.night, part, 0.0) if self.way(at) is Way.NIGHTS else part

    def gains(
        self, wh: Float, lack: Lacking, meters: npt.NDArray[np.int64], since: npt.NDArray[np.int64]
    ) -> Float:
        """(meters, s, hypotheses) log-likelihood ratios of what lacks, `wh` (d, g) with the errors of `lack`,
        since each day."""
        from analytics.suspicion.gains_kernel import day_gains

        first, by_day = int(since[0]), []
        there = lack.weighed(wh)[first:]
        counted, fallen = self.counted[meters], self.fallen[meters]
        for loss, times in (
            (counted, TIMES),
            (np.where(self.night, fallen, 0.0), PARTS),
            (fallen, PARTS),
        ):
            gains = np.empty((len(loss), len(times), len(there)))
            day_gains(there, np.ascontiguousarray(lack.weighed(loss)[:, first:]), times, OUTLIER, gains)
            by_day.append(gains)
        suffix = np.cumsum(np.concatenate(by_day, axis=1)[:, :, ::-1], axis=2)[:, :, ::-1]
        days = len(wh) - since
        return np.asarray(
            suffix[:, :, since - first].transpose(0, 2, 1) * (days / (days + YOUNG))[:, None] / TEMPER
        )

    def expected(self, meter: int, odds: Float, since: npt.NDArray[np.int64]) -> Float:
        """(d, g) Wh that a meter leaves uncounted, by the probabilities (s, hypotheses) of all of them."""
        first, parts = int(since[0]), len(PARTS)
        on = np.zeros((len(self.counted[meter]), 3))
        weights = np.stack(
            [
                odds[:, : len(TIMES)] @ TIMES,
                odds[:, len(TIMES) : len(TIMES) + parts] @ PARTS,
                odds[:, len(TIMES) + parts :] @ PARTS,
            ],
            axis=1,
        )
        on[first : first + len(since)] = weights
        on = np.cumsum(on, axis=0)[:, :, None]
        fallen = self.fallen[meter]
        nights = np.where(self.night, fallen, 0.0)
        return np.asarray(on[:, 0] * self.counted[meter] + on[:, 1] * nights + on[:, 2] * fallen)
