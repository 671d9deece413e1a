"""Everything weighed together: of each meter the odds that it counts less than is used, by every day since
which and every way in which it might.

A way of stealing says how much the meter's own figures should have fallen *and* what the station should lack,
half-hour by half-hour. Both are asked. A home that stands empty fell and the station lacks nothing; a
neighbour whose use looks like the thief's fits what is lacking and never fell.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from analytics.suspicion.arranged import Arranged, arranged
from analytics.suspicion.clues import Judged, told
from analytics.suspicion.lacking import Lacking, fitting, lacking
from analytics.suspicion.own import FRACTIONS, Own, own, thieves
from analytics.suspicion.seen import StationSeen
from analytics.suspicion.signs import by_events, by_phases, by_score, dark_days, tampering
from analytics.suspicion.suspect import Suspect
from analytics.suspicion.ways import PARTS, Way, Ways

Float = npt.NDArray[np.float64]

PRIOR: Final = -4.6  # log-odds of a meter in the window, before anything is known: one in a hundred
BASE_DAYS: Final = 28  # at least, before any day since which somebody is suspected
BACK_DAYS: Final = 60  # at most, back to which it may have begun
FEWEST: Final = 3  # days since
MOST_THIEVES: Final = 8  # of a station, found one by one
ODDS_OF_WAY: Final = {Way.FRACTION: 0.5, Way.NIGHTS: 0.3, Way.HOURS: 0.2}
SURE: Final = 0.0  # log-odds, from which on a loss is laid to a meter before others are asked


def suspects(station: StationSeen) -> list[Suspect]:
    """Meters of a station about which there is something to say, the likeliest first; those whose change has
    an honest explanation bear it in `benign`.

    With fewer than `BASE_DAYS` + `FEWEST` days, or without meters, none: nothing can be said then. A
    meter with fewer than two weeks of its own before is left out. Raises `AnalyticsError` for shapes that do
    not fit.
    """
    begin = max(BASE_DAYS, station.days - BACK_DAYS)
    since = np.arange(begin, station.days - FEWEST + 1)
    if not len(station.meters) or not len(since):
        return []
    case = _Case.of(station, since)
    return told(station, case.all, case.seen, case.ways, since, case.judged())


@dataclass(frozen=True, eq=False)
class _Case:
    all: Arranged
    seen: Own
    ways: Ways
    station: StationSeen
    since: npt.NDArray[np.int64]
    alone: Float  # (m, s, h) log-likelihood ratios without the station, priors among ways and days in them
    judgeable: npt.NDArray[np.bool_]

    @classmethod
    def of(cls, station: StationSeen, since: npt.NDArray[np.int64]) -> _Case:
        found = arranged(station)
        away = np.zeros(found.used.shape[:2], bool)
        for at, one in enumerate(station.meters):
            if one.absent is not None:
                away[at] = one.absent
        seen = own(np.where(away[:, :, None], np.nan, found.used), found.night, since)
        ways = Ways.of(found, int(since[0]))
        return cls(
            found,
            seen,
            ways,
            station,
            since,
            _alone(station, seen, since),
            np.asarray(~np.isnan(seen.change).all(axis=1)),
        )

    def judged(self) -> Judged:
        """Thieves found one by one, so that one's loss is not laid to another's door."""
        m = len(self.station.meters)
        flat = self.alone.reshape(m, -1)
        alone = np.where(self.judgeable, PRIOR + _summed(flat), -np.inf)
        if self.all.head is None:
            return Judged(alone, alone, flat.argmax(axis=1), np.zeros(m), None)
        laid: dict[int, Float] = {}
        lack = self._lacking(laid)
        unexplained = lack.wh
        while True:
            strength, best, gain = self._odds(lack, laid)
            free = [at for at in np.argsort(-strength, kind="stable").tolist() if at not in laid]
            if not free or strength[free[0]] < SURE or len(laid) >= MOST_THIEVES:
                break
            laid[free[0]] = self._loss(free[0], int(best[free[0]]), lack)
            lack = self._lacking(laid)
        for at in laid:  # each anew, the others' losses known
            others = {other: place for other, place in laid.items() if other != at}
            again = self._odds(self._lacking(others), others)
            for kept, new in zip((strength, best, gain), again, strict=True):
                kept[at] = new[at]
        return Judged(strength, alone, best, gain, unexplained)

    def _odds(self, lack: Lacking, laid: Collection[int]) -> tuple[Float, npt.NDArray[np.int64], Float]:
        """(m) log-odds of each meter, its best hypothesis and what the station adds to that, when what those
        in `laid` lose is no longer in what is lacking."""
        gains = self.ways.gains(lack, self.since)  # (m, s, h)
        m = len(gains)
        both = (self.alone + gains).reshape(m, -1)
        odds, best = PRIOR + _summed(both), both.argmax(axis=1)
        gain = gains.reshape(m, -1)[np.arange(m), best]
        # Who else would explain what is lacking: their part of it, no more than all that speaks for them.
        rivals = np.where(self.judgeable, np.minimum(odds, PRIOR + np.maximum(gain, 0.0)), -np.inf)
        rivals[list(laid)] = -np.inf
        return np.where(self.judgeable, odds - _others(rivals), -np.inf), best, gain

    def _loss(self, at: int, place: int, lack: Lacking) -> Float:
        """(d, g) Wh that a meter leaves uncounted by its best hypothesis, as far as it fits what lacks."""
        day, way = divmod(place, self.ways.count)
        loss = self.ways.loss(at, way)
        loss[: self.since[day]] = 0.0
        return loss * fitting(lack, loss)

    def _lacking(self, laid: dict[int, Float]) -> Lacking:
        head = self.all.head
        assert head is not None
        explained = np.zeros_like(head)
        for loss in laid.values():
            explained += loss
        return lacking(
            head,
            self.all.filled.sum(axis=0) - self.all.fed,
            self.all.unsure,
            explained,
            int(self.since[0]),
            self.station.technical,
        )


def _alone(station: StationSeen, seen: Own, since: npt.NDArray[np.int64]) -> Float:
    scaled, nights, hours = thieves(seen)
    known = ~np.isnan(seen.change)
    days = known.shape[1]
    parts = len(PARTS)
    table = np.concatenate(
        [
            scaled + np.log(ODDS_OF_WAY[Way.FRACTION] / len(FRACTIONS)),
            np.repeat((nights + np.log(ODDS_OF_WAY[Way.NIGHTS] / parts))[:, :, None], parts, axis=2),
            np.repeat((hours + np.log(ODDS_OF_WAY[Way.HOURS] / parts))[:, :, None], parts, axis=2),
        ],
        axis=2,
    )
    for at, one in enumerate(station.meters):
        signs = by_score(one.scores, since) + by_events(tampering(one, station.first), since)
        table[at] += (signs + by_phases(dark_days(one), since))[:, None]
    return np.asarray(np.where(known[:, :, None], table, -60.0) - np.log(days))


def _summed(logs: Float) -> Float:
    """log Σ exp along the last axis."""
    top = logs.max(axis=-1)
    return np.asarray(top + np.log(np.exp(logs - top[..., None]).sum(axis=-1)))


def _others(logs: Float) -> Float:
    """(m) log(1 + Σ exp of all the others)."""
    table = np.repeat(logs[None], len(logs), axis=0)
    np.fill_diagonal(table, 0.0)  # in its own place the 1
    return _summed(table)
