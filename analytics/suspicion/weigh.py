"""Everything weighed together: of each meter the odds that it counts less than is used, by every day since
which and every way in which it might.

A way of stealing says how much the meter's own figures should have fallen *and* what the station should lack,
half-hour by half-hour. Both are asked. A home that stands empty fell and the station lacks nothing; a
neighbour whose use looks like the thief's fits what is lacking and never fell.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import numpy.typing as npt

from analytics.suspicion.arranged import Arranged, arranged
from analytics.suspicion.budget import LEAST_STRENGTH
from analytics.suspicion.clues import FAINT, Judged, told
from analytics.suspicion.joint import PRIOR, Shared, summed
from analytics.suspicion.own import FRACTIONS, Own, own, thieves
from analytics.suspicion.seen import StationSeen
from analytics.suspicion.signs import by_events, by_phases, by_score, dark_days, tampering
from analytics.suspicion.suspect import Suspect
from analytics.suspicion.ways import PARTS, Way, Ways

Float = npt.NDArray[np.float64]

BASE_DAYS: Final = 28  # at least, before any day since which somebody is suspected
BACK_DAYS: Final = 60  # at most, back to which it may have begun
FEWEST: Final = 3  # days since
NIGHTS: Final = 4  # in a row, on which a suspicion has to stand
ODDS_OF_WAY: Final = {Way.FRACTION: 0.5, Way.NIGHTS: 0.3, Way.HOURS: 0.2}


def suspects(station: StationSeen) -> list[Suspect]:
    """Meters of a station about which there is something to say, the likeliest first; those whose change has
    an honest explanation bear it in `benign`. Who is suspected is so as strongly as on the faintest of the
    last `NIGHTS` nights: what a few days say by chance, the next ones take back.

    With fewer than `BASE_DAYS` + `FEWEST` days, or without meters, none: nothing can be said then. A
    meter with fewer than two weeks of its own before is left out. Raises `AnalyticsError` for shapes that do
    not fit.
    """
    found = tonight(station)
    if not any(one.benign is None and one.strength >= LEAST_STRENGTH for one in found):
        return found
    return standing(found, [tonight(station.until(days)) for days in nights_before(station.days)])


def nights_before(days: int) -> range:
    """How many days were known on those of the nights before that count, and on which something could be
    said."""
    return range(max(days - NIGHTS + 1, BASE_DAYS + FEWEST), days)


def tonight(station: StationSeen) -> list[Suspect]:
    """`suspects` by what this night says alone."""
    begin = max(BASE_DAYS, station.days - BACK_DAYS)
    since = np.arange(begin, station.days - FEWEST + 1)
    if not len(station.meters) or not len(since):
        return []
    case = _Case.of(station, since)
    return told(station, case.all, case.seen, case.ways, since, case.judged())


def standing(found: Sequence[Suspect], before: Iterable[Sequence[Suspect]]) -> list[Suspect]:
    """Those `found` tonight, as strongly as on the faintest of the nights `before`, too."""
    nights = [{one.serial: one.strength for one in night} for night in before]
    said = [
        replace(one, strength=min([one.strength, *(night.get(one.serial, FAINT) for night in nights)]))
        for one in found
    ]
    return sorted(said, key=lambda one: (-one.strength, one.serial))


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
        """Each with what it alone shows, and with what the station lacks."""
        flat = self.alone.reshape(len(self.station.meters), -1)
        alone = np.where(self.judgeable, PRIOR + summed(flat), -np.inf)
        if self.all.head is None:
            return Judged(
                alone, alone, flat.argmax(axis=1), np.zeros(len(flat)), np.full(len(flat), np.nan), None
            )
        shared = Shared(self.all, self.ways, self.since, self.alone, alone, self.station.technical)
        return shared.judged()


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
