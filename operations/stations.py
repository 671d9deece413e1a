"""What a station carries and loses: load against its transformer, balance, whose use the loss follows."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Final

import numpy as np
import numpy.typing as npt
from psycopg import Connection
from psycopg.rows import TupleRow

from analytics.losses import Balance, Residue, balance, by_day, by_month, suspects
from analytics.profiles.figures import peaks
from analytics.profiles.group import mean_power
from analytics.profiles.rated import RatedLoad, against
from model.grid import Role, Station, Transformer
from model.period import Period
from model.quality import Quality
from model.series import Channel
from operations import point_energy
from operations.errors import LoadRefused
from operations.station_sides import Sides, Source, sides, technical_of, technical_wh
from storage import bills, register
from storage.errors import Unknown
from storage.register import Hung

Float = npt.NDArray[np.float64]

LONGEST: Final = 366  # days
BEFORE: Final = 30  # days that suspects' use is compared with
APART: Final = 0.05  # known of less than this of the time, a customer is left out of the balance
SUSPECTED_DAYS: Final = 60  # the last ones, that suspects are sought in
FEWEST_DAYS: Final = 7  # with fewer, nobody is suspected
WORTH_PERCENT: Final = 1.0  # with less unexplained, there is nothing to suspect anybody of
WORTH_SCORE: Final = 3.0  # standard deviations: below, a rank says nothing
WORTH_SHARE: Final = 0.1  # of a customer's own use: below, it may be lines as well as a meter
MEASURED: Final = (Quality.ACTUAL, Quality.SUSPECT, Quality.EDITED)


@dataclass(frozen=True, slots=True, eq=False)
class StationLoad:
    """A station's load. `w` (d, slots of `minutes`): mean active power, NaN where unknown; `rated` tells it
    against the transformer's kVA, where those are known (`transformer`: on the last day).

    `source` is the head, or why the load is the customers' sum and technical loss: then `customers` counts
    them, and of `silent` of them nothing came; what less than 95 % of them are known in is not told.
    """

    station: Station
    first: date
    minutes: int
    source: Source
    heads: tuple[str, ...]
    transformer: Transformer | None
    customers: int
    silent: int
    w: Float
    rated: RatedLoad


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


@dataclass(frozen=True, slots=True, eq=False)
class StationSheet:
    """All of it. `suspects` is empty, and `why_no_suspects` says why: no_balance, few_days, little_lost."""

    load: StationLoad
    balance: SideBalance
    feeders: tuple[SideBalance, ...]
    suspects: tuple[SuspectCustomer, ...]
    why_no_suspects: str
    largest: tuple[LargeCustomer, ...]
    days: int


@dataclass(frozen=True, slots=True, eq=False)
class StationRow:
    """A station in the list of all: its load and, where there is a head meter, its balance."""

    load: StationLoad
    balance: SideBalance


def station(
    conn: Connection[TupleRow], code: str, first: date, end: date, *, largest: int = 10
) -> StationSheet:
    """The sheet of a station, days from `first`, without `end`. Raises `storage.errors.Unknown`, and
    `LoadRefused` for no days or more than `LONGEST`."""
    known, places = _asked(conn, code, first, end)
    both = sides(conn, places, first, end)
    lost, told = technical_wh(known, both.through, first)
    of_station = _balance(conn, both, lost, told, "", first)
    names = register.customer_names(conn, [place.customer for place in both.customers.last])
    of_known, _ = _without_unknown(conn, both, first)
    suspected, why = _suspects(conn, of_known, of_station, first, names)
    return StationSheet(
        load=_load(conn, known, both, first, end),
        balance=of_station,
        feeders=tuple(_feeders(conn, places, first, end)),
        suspects=suspected,
        why_no_suspects=why,
        largest=tuple(_largest(both, names)[:largest]),
        days=(end - first).days,
    )


def stations(
    conn: Connection[TupleRow], first: date, end: date, codes: Collection[str] | None = None
) -> list[StationRow]:
    """The stations of these codes (None: all), the most heavily loaded first (of what they are made for),
    those nothing is known of last. One station's days are held at a time."""
    rows = []
    for known in register.stations(conn, codes):
        _, places = _asked(conn, known.code, first, end)
        both = sides(conn, places, first, end)
        lost, told = technical_wh(known, both.through, first)
        rows.append(
            StationRow(_load(conn, known, both, first, end), _balance(conn, both, lost, told, "", first))
        )

    def heat(row: StationRow) -> tuple[bool, float, bool, float]:
        share, pmax = row.load.rated.smax_share, row.load.rated.pmax_w
        return share is None, -(share or 0.0), pmax is None, -(pmax or 0.0)

    return sorted(rows, key=heat)


def _asked(conn: Connection[TupleRow], code: str, first: date, end: date) -> tuple[Station, list[Hung]]:
    if not 0 < (end - first).days <= LONGEST:
        raise LoadRefused(f"from {first} until {end} are no 1 to {LONGEST} days: choose others")
    known = register.stations(conn, [code])
    if not known:
        raise Unknown("station", code)
    points = register.points_of_station(conn, code)
    return known[0], register.hung(conn, points=points, period=Period.of_days(first, end))


# Load


def _load(conn: Connection[TupleRow], known: Station, both: Sides, first: date, end: date) -> StationLoad:
    per_hour = 60 / both.minutes
    fed = [known.transformer_on(first + timedelta(number)) for number in range(len(both.through))]
    rated_va = np.array([np.nan if one is None else float(one.kva) * 1000 for one in fed])
    people = both.customers
    if both.source in (Source.HEAD, Source.FEEDERS):
        there = both.quality != Quality.MISSING
        w = np.where(there, both.through * per_hour, np.nan)
        var = _reactive(conn, both, first, end) * per_hour
        measured = np.isin(both.quality, MEASURED)
    else:
        w = _summed(both, known, first) * per_hour
        var, measured = np.full(w.shape, np.nan), ~np.isnan(w)
    silent = people.hung.any(axis=(1, 2)) & ~people.known.any(axis=(1, 2))
    return StationLoad(
        station=known,
        first=first,
        minutes=both.minutes,
        source=both.source,
        heads=tuple(place.serial for place in both.heads),
        transformer=fed[-1],
        customers=len(people.points),
        silent=int(silent.sum()),
        w=w,
        rated=against(w, var, measured, rated_va, first),
    )


def _reactive(conn: Connection[TupleRow], both: Sides, first: date, end: date) -> Float:
    """varh through the heads, drawn less given back; NaN where a head does not tell of it."""
    drawn, given = (
        point_energy.of_points(conn, both.head_places, first, end, channel, both.minutes)
        for channel in (Channel.REACTIVE_IMPORT, Channel.REACTIVE_EXPORT)
    )
    whole = drawn.known.all(axis=0)
    return np.where(whole, (drawn.energy - given.energy).sum(axis=0, dtype=np.int64), np.nan)


def _summed(both: Sides, known: Station, first: date) -> Float:
    """Wh of the customers together and of what is lost on the way to them; NaN where too few are known."""
    people = both.customers
    there = people.known & people.hung
    used = np.where(there, people.energy, 0).sum(axis=0, dtype=np.int64)
    slots = used.shape[-1]
    wh = mean_power(used, there.sum(axis=0), people.hung.sum(axis=0)) * 24 / slots - both.fed_in
    for number in range(len(wh)):
        technical = technical_of(known.transformer_on(first + timedelta(number)), whole=True)
        if technical is not None:
            wh[number] += technical.wh_above(np.nan_to_num(wh[number]))
    return np.asarray(wh)


# Balance


def _balance(
    conn: Connection[TupleRow], whole: Sides, lost: Float, told: int, feeder: str, first: date
) -> SideBalance:
    people = whole.customers
    heads = tuple(place.serial for place in whole.heads)
    empty = SideBalance(feeder, whole.source, heads, len(people.points))
    both, apart = _without_unknown(conn, whole, first)
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


def _without_unknown(
    conn: Connection[TupleRow], both: Sides, first: date
) -> tuple[Sides, tuple[tuple[str, int | None], ...]]:
    """The sides without customers of whom hardly anything is known, and those with what they were billed."""
    people = both.customers
    hung = people.hung.sum(axis=(1, 2))
    known = (people.known & people.hung).sum(axis=(1, 2))
    hardly = (hung > 0) & (known < APART * hung)
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


def _feeders(
    conn: Connection[TupleRow], places: Sequence[Hung], first: date, end: date
) -> Iterator[SideBalance]:
    """The balance of every feeder that customers hang at; what its lines lose is not told from the rest."""
    for feeder in sorted({place.feeder for place in places if place.feeder}):
        of_feeder = [place for place in places if place.feeder == feeder]
        if any(place.role is Role.CUSTOMER for place in of_feeder):
            both = sides(conn, of_feeder, first, end)
            yield _balance(conn, both, np.zeros(both.through.shape), 0, feeder, first)


# Customers


def _suspects(
    conn: Connection[TupleRow], both: Sides, found: SideBalance, first: date, names: dict[str, str]
) -> tuple[tuple[SuspectCustomer, ...], str]:
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


def _largest(both: Sides, names: dict[str, str]) -> list[LargeCustomer]:
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
