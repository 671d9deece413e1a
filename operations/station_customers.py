"""A station's customers: whose use its unexplained loss follows, and who draws most."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

import numpy as np
import numpy.typing as npt
from psycopg import Connection
from psycopg.rows import TupleRow

from analytics.losses import suspects
from analytics.profiles.figures import peaks
from model.period import Period
from model.quality import Quality
from operations import point_energy
from operations.station_balance import SideBalance
from operations.station_sides import Sides
from storage import register

Float = npt.NDArray[np.float64]

BEFORE: Final = 30  # days that suspects' use is compared with
SUSPECTED_DAYS: Final = 60  # the last ones, that suspects are sought in
FEWEST_DAYS: Final = 7  # with fewer, nobody is suspected
WORTH_PERCENT: Final = 1.0  # with less unexplained, there is nothing to suspect anybody of
WORTH_SCORE: Final = 3.0  # standard deviations: below, a rank says nothing
WORTH_SHARE: Final = 0.1  # of a customer's own use: below, it may be lines as well as a meter


@dataclass(frozen=True, slots=True)
class SuspectCustomer:
    """Whose use the unexplained loss follows, the likeliest first. `score` in standard deviations; below
    `WORTH_SCORE` it says nothing. `loss_wh`: loss in step with their use, `share` of what they were counted;
    `at_night`: told by the nights."""

    serial: str
    point: str
    customer: str
    name: str
    score: float
    loss_wh: int
    share: float
    at_night: bool

    @property
    def stands_out(self) -> bool:
        """A loss in step with everybody's use is nobody's: it has to be a good part of one's own."""
        return self.score >= WORTH_SCORE and (self.at_night or self.share >= WORTH_SHARE)


@dataclass(frozen=True, slots=True)
class LargeCustomer:
    """`wh` as far as it is known (`known`: share of the time the meter hung), `share` of all customers'."""

    serial: str
    point: str
    customer: str
    name: str
    wh: int
    share: float | None
    pmax_w: float | None
    known: float


def suspected_of(
    conn: Connection[TupleRow], both: Sides, found: SideBalance, first: date, names: dict[str, str]
) -> tuple[tuple[SuspectCustomer, ...], str]:
    """The ten likeliest, and why there is none: no_balance, few_days or little_lost. `both`: without who
    stands apart in the balance."""
    if found.residue is None or found.total is None or found.unexplained_percent is None:
        return (), "no_balance"
    known = ~np.isnan(found.residue.unexplained)
    if int(known.any(axis=1).sum()) < FEWEST_DAYS:
        return (), "few_days"
    if found.unexplained_percent < WORTH_PERCENT:
        return (), "little_lost"
    skipped = max(0, len(known) - SUSPECTED_DAYS)
    late = both.customers.of_days(slice(skipped, None))
    begun = first + timedelta(skipped)
    past = _past(conn, both, begun)
    ranked = suspects(
        found.residue.unexplained[skipped:],
        found.residue.delivered[skipped:],
        np.where(late.sold_quality != Quality.MISSING, late.energy, np.nan),
        past,
    )
    told = []
    for one in ranked:
        place = both.customers.last[one.at]
        told.append(
            SuspectCustomer(
                place.serial, place.point, place.customer, names.get(place.customer, ""), one.score,
                round(one.wh), one.share, one.at_night,
            )
        )  # fmt: skip
    return tuple(told[:10]), ""


def _past(conn: Connection[TupleRow], both: Sides, begun: date) -> Float:
    """Wh of the customers on the days before, NaN where unknown; no days at all where nothing is known."""
    points, earlier = both.customers.points, begun - timedelta(BEFORE)
    places = register.hung(conn, points=points, period=Period.of_days(earlier, begun))
    found = point_energy.of_points(conn, places, earlier, begun, minutes=both.minutes)
    past = np.full((len(points), *found.energy.shape[1:]), np.nan)
    past[[points.index(point) for point in found.points]] = np.where(found.known, found.energy, np.nan)
    return past if found.known.any() else past[:, :0]


def largest_of(both: Sides, names: dict[str, str]) -> list[LargeCustomer]:
    """All customers, who drew most first."""
    people = both.customers
    if not people.points:
        return []
    pmax, _, _ = peaks(people.energy, people.quality)
    used = people.energy.sum(axis=(1, 2), dtype=np.int64)
    whole = int(used.sum())
    hung = people.hung.sum(axis=(1, 2))
    there = (people.known & people.hung).sum(axis=(1, 2))
    found = []
    for row in np.argsort(-used, kind="stable").tolist():
        place = people.last[row]
        found.append(
            LargeCustomer(
                place.serial, place.point, place.customer, names.get(place.customer, ""), int(used[row]),
                float(used[row] / whole) if whole else None,
                None if np.isnan(pmax[row]) else float(pmax[row]),
                float(there[row] / hung[row]) if hung[row] else 0.0,
            )
        )  # fmt: skip
    return found
