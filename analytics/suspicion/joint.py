"""What a station lacks, shared out among all who may be why.

Several may steal at a station at once, and what one leaves uncounted must not be laid to another's door. So
everybody's expected part is taken from what lacks before anybody is weighed, beginning with what each
meter's own figures say, in turns until they agree (mean field).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from analytics.losses import Technical
from analytics.suspicion.arranged import Arranged
from analytics.suspicion.clues import Judged
from analytics.suspicion.lacking import Lacking, fitting, lacking
from analytics.suspicion.ways import Ways

Float = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

PRIOR: Final = -4.6  # log-odds of a meter in the window, before anything is known: one in a hundred
TURNS: Final = (6.0, 3.0, 1.5, 1.0, 1.0)  # how much less evidence counts while the others are still unsure
MOST: Final = 24  # meters that are asked in turns: the others' own figures speak too strongly for them
HOPELESS: Final = -12.0  # log-odds of a meter's own figures
CLEAR: Final = 3.0  # log-odds, from which on a part is fitted to what lacks
SURE: Final = 0.0  # log-odds, from which on a meter is no mere rival


@dataclass(frozen=True, eq=False)
class Shared:
    """A station with a head meter. `own` (m, s, h) log-likelihood ratios by the meters' own figures with the
    priors of days and ways, `alone` (m) their log-odds."""

    all: Arranged
    ways: Ways
    since: Ints
    own: Float
    alone: Float
    technical: Technical | None

    def judged(self) -> Judged:
        """All of them, weighed with what lacks."""
        asked = np.argsort(-self.alone, kind="stable")[:MOST]
        asked = asked[self.alone[asked] > HOPELESS].astype(np.int64)
        laid = np.zeros((len(asked), *self.all.unsure.shape))
        for place, at in enumerate(asked.tolist()):
            laid[place] = self._part(at, self.own[at], float(self.alone[at]))
        unexplained = self._lacking(np.zeros_like(self.all.unsure)).plain
        for slower in TURNS:
            lack = self._lacking(laid.sum(axis=0))
            rest = lack.wh.copy()
            for place, at in enumerate(asked.tolist()):
                there = rest + laid[place]
                both = self.own[at] + self._gains(there, lack, np.array([at]))[0] / slower
                odds = PRIOR + float(summed(both.ravel()[None])[0])
                laid[place] = self._part(at, both, odds)
                if odds > CLEAR:
                    laid[place] *= fitting(lack, there, laid[place])
                rest = there - laid[place]
        return self._weighed(asked, laid, unexplained)

    def _weighed(self, asked: Ints, laid: Float, unexplained: Float) -> Judged:
        lack = self._lacking(laid.sum(axis=0))
        m = len(self.alone)
        strength, gain, loss = np.full(m, -np.inf), np.zeros(m), np.full(m, np.nan)
        best = self.own.reshape(m, -1).argmax(axis=1)
        for place, at in enumerate(asked.tolist()):
            there = lack.wh + laid[place]
            both = self.own[at] + (gains := self._gains(there, lack, np.array([at]))[0])
            strength[at] = PRIOR + summed(both.ravel()[None])[0]
            best[at] = both.argmax()
            gain[at] = gains.ravel()[best[at]]
            if strength[at] > CLEAR:
                day = int(self.since[best[at] // self.ways.count])
                loss[at] = laid[place, day:].sum(axis=1).mean()
        first = strength[asked].copy()
        for place, at in enumerate(asked.tolist()):
            if strength[at] < SURE - 3:
                continue
            there = self._by_others(
                place, [int(p) for p in np.argsort(-first) if first[p] > CLEAR], laid, lack
            )
            both = self.own[at] + (gains := self._gains(there, lack, np.array([at]))[0])
            strength[at] = min(strength[at], PRIOR + summed(both.ravel()[None])[0])
            gain[at] = min(gain[at], gains.ravel()[best[at]])
            others = asked[(asked != at) & ((strength[asked] < SURE) | (strength[asked] < strength[at] - 20))]
            strength[at] -= self._rivalry(others, there, lack)
        return Judged(strength, self.alone, best, gain, loss, unexplained)

    def _by_others(self, place: int, clear: list[int], laid: Float, lack: Lacking) -> Float:
        """(d, g) Wh left for a meter, when the parts of those who are `clear` may grow into what was laid to
        it: who is away from the day on which a neighbour begins to steal, looks like a part of that."""
        there = lack.wh + laid[place]
        for other in clear:
            if other != place:
                whole = there + laid[other]
                there = whole - laid[other] * fitting(lack, whole, laid[other])
        return np.asarray(there)

    def _rivalry(self, others: Ints, there: Float, lack: Lacking) -> float:
        """log(1 + Σ odds) of those who would explain as well what is laid to a meter; of each its part by the
        station, no more than all that speaks for it."""
        if not len(others):
            return 0.0
        gains = self._gains(there, lack, others).reshape(len(others), -1)
        both = self.own[others].reshape(len(others), -1) + gains
        odds = PRIOR + summed(both)
        part = gains[np.arange(len(others)), both.argmax(axis=1)]
        logs = np.minimum(odds, PRIOR + np.maximum(part, 0.0))
        return float(summed(np.append(logs, 0.0)[None])[0])

    def _part(self, at: int, both: Float, odds: float) -> Float:
        """(d, g) Wh expected to be the meter's part."""
        likely = np.exp(both - both.max())
        there = 1 / (1 + np.exp(-np.clip(odds, -30, 30)))
        return self.ways.expected(at, likely / likely.sum() * there, self.since)

    def _gains(self, there: Float, lack: Lacking, meters: Ints) -> Float:
        return self.ways.gains(there, lack, meters, self.since)

    def _lacking(self, explained: Float) -> Lacking:
        head = self.all.head
        assert head is not None
        used = self.all.filled.sum(axis=0) - self.all.fed
        return lacking(head, used, self.all.unsure, explained, int(self.since[0]), self.technical)


def summed(logs: Float) -> Float:
    """log Σ exp along the last axis."""
    top = logs.max(axis=-1)
    return np.asarray(top + np.log(np.exp(logs - top[..., None]).sum(axis=-1)))
