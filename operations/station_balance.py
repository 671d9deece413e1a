"""The balance of a station and of its feeders, with who is missing in it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

import numpy as np
import numpy.typing as npt
from psycopg import Connection
from psycopg.rows import TupleRow

from analytics.losses import Balance, Residue, balance, by_day, by_month
from model.grid import Role
from model.period import Period
from operations.loads import LITTLE
from operations.station_sides import Sides, Source, sides
from storage import bills
from storage.register import Hung

Float = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class SideBalance:
    """The balance of a station, or of its feeder. Without a head meter (`source`) all of it is None or empty.

    `residue`: by interval. `unexplained_percent`: by time of day, so that gaps at night hide no loss at night
    (equal to the total's own where all is known). `technical_days`: on how many days the technical loss is
    reckoned; on the others it is a part of what is unexplained. `lacking`: who is missing most, (serial,
    hours).

    `apart`: customers of whom hardly a half-hour is known, with the Wh of their bills of all these days; None
    without those. They are left out of every interval; in `total` and `unexplained_percent` what was billed
    of them counts as sold, evenly over the time. Where one was not billed, his use is a part of what is
    unexplained (`at_most`).
    """

    feeder: str
    source: Source
    heads: tuple[str, ...]
    customers: int
    total: Balance | None = None
    unexplained_percent: float | None = None
    by_day: tuple[tuple[date, Balance], ...] = ()
    by_month: tuple[tuple[date, Balance], ...] = ()
    technical_days: int = 0
    fed_in_wh: int = 0
    lacking: tuple[tuple[str, float], ...] = ()
    apart: tuple[tuple[str, int | None], ...] = ()
    residue: Residue | None = None

    @property
    def at_most(self) -> bool:
        return any(wh is None for _, wh in self.apart)


def balance_of(
    conn: Connection[TupleRow], whole: Sides, lost: Float, told: int, feeder: str, first: date
) -> SideBalance:
    """Added up; `lost` (d, slots) Wh of technical loss, reckoned on `told` of the days."""
    people = whole.customers
    heads = tuple(place.serial for place in whole.heads)
    empty = SideBalance(feeder, whole.source, heads, len(people.points))
    both, apart = without_unknown(conn, whole, first)
    if whole.source not in (Source.HEAD, Source.FEEDERS) or not both.customers.points:
        return replace(empty, apart=apart)
    found = both.residue(lost)
    total = balance(found)
    billed = sum(wh or 0 for _, wh in apart)
    sold = round(billed * total.intervals / total.of)
    total = replace(total, sold_wh=total.sold_wh + sold, unexplained_wh=total.unexplained_wh - sold)
    hours = (both.customers.hung & ~both.customers.known).sum(axis=(1, 2)) * both.minutes / 60
    worst = np.argsort(-hours, kind="stable")[:10].tolist()
    return replace(
        empty,
        total=total,
        unexplained_percent=total.unexplained_percent if apart else found.percent,
        by_day=tuple((first + timedelta(number), one) for number, one in enumerate(by_day(found))),
        by_month=tuple(by_month(found, first)),
        technical_days=told,
        fed_in_wh=int(both.fed_in.sum()),
        lacking=tuple((both.customers.last[row].serial, float(hours[row])) for row in worst if hours[row]),
        apart=apart,
        residue=found,
    )


def without_unknown(
    conn: Connection[TupleRow], both: Sides, first: date
) -> tuple[Sides, tuple[tuple[str, int | None], ...]]:
    """The sides without customers of whom hardly anything is known, and those with what they were billed."""
    people = both.customers
    hung = people.hung.sum(axis=(1, 2))
    known = (people.known & people.hung).sum(axis=(1, 2))
    hardly = (hung > 0) & (known < LITTLE * hung)
    if not hardly.any():
        return both, ()
    period = Period.of_days(first, first + timedelta(len(both.into)))
    billed: dict[str, list[bills.Standing]] = defaultdict(list)
    for one in bills.standing(conn, [people.points[row] for row in np.flatnonzero(hardly)], period):
        billed[one.point].append(one)
    apart = tuple(
        (people.last[row].serial, _billed_wh(billed[people.points[row]], period))
        for row in np.flatnonzero(hardly).tolist()
    )
    return replace(both, customers=people.where(np.flatnonzero(~hardly).tolist())), apart


def _billed_wh(standing: Sequence[bills.Standing], period: Period) -> int | None:
    """Wh of bills that together cover the period and no more; None where they do not."""
    covered = {one.period for one in standing}
    inside = all(period.start <= one.start and one.end <= period.end for one in covered)
    if not inside or sum((one.duration for one in covered), timedelta()) != period.duration:
        return None
    return round(sum(one.wh for one in standing))


def feeders(
    conn: Connection[TupleRow], places: Sequence[Hung], first: date, end: date
) -> Iterator[SideBalance]:
    """The balance of every feeder that customers hang at; what its lines lose is not told from the rest."""
    for feeder in sorted({place.feeder for place in places if place.feeder}):
        of_feeder = [place for place in places if place.feeder == feeder]
        if any(place.role is Role.CUSTOMER for place in of_feeder):
            both = sides(conn, of_feeder, first, end)
            yield balance_of(conn, both, np.zeros(both.through.shape), 0, feeder, first)
