"""The load of a meter, a customer class, a reading book, a feeder or a station over any days."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Final, Literal

import numpy as np
import numpy.typing as npt
from psycopg import Connection
from psycopg.rows import TupleRow

from analytics.profiles.curve import Curve, Interval, Slots, curve, months_of, of_group, slots_of, years_of
from analytics.profiles.group import GroupLoad, together
from model.grid import Role
from model.period import Period, midnight, whole_slots
from model.series import Channel
from operations import load_words
from operations.customer_classes import class_of
from operations.errors import LoadRefused, TooMuch
from storage import days, fleet, register
from storage.days import DayMatrix
from storage.register import Hung

HALF_HOURS: Final = 30
NAMED: Final = 10  # meters in a sentence
HOURS: Final = 60
MOST: Final = 1_000_000  # days of all meters together that are held in memory
FEW: Final = 0.2  # of the meters
LITTLE: Final = 0.2  # of a meter's intervals: with fewer known, next to nothing is known of it
AT_ONCE: Final = 200  # meters whose shorter intervals are held in memory
Bools = npt.NDArray[np.bool_]
Piece = Literal["month", "year"]


@dataclass(frozen=True, slots=True)
class Whose:
    """Whose load: one of these, the others empty."""

    meters: tuple[str, ...] = ()
    station: str = ""
    feeder: str = ""
    book: str = ""
    customer_class: str = ""

    def __str__(self) -> str:
        named = {
            "station": self.station,
            "feeder": self.feeder,
            "book": self.book,
            "class": self.customer_class,
        }
        said = [f"{kind} {code}" for kind, code in named.items() if code]
        return said[0] if said else f"meter{'s' * (len(self.meters) > 1)} {', '.join(self.meters)}"


@dataclass(frozen=True, slots=True)
class Coarser:
    """Days of a meter that are left out: its intervals are too long for what was asked, or, where they are
    not, no day's number of them is there."""

    serial: str
    minutes: int
    days: int


@dataclass(frozen=True, slots=True, eq=False)
class Loads:
    """Serials in the order of the figures' meters; days that intervals of `minutes` cannot be made of are
    left out (`coarser`, `unfit` in all), and so are a few meters of which hardly a thing is known (`silent`).
    `pieces`: the same by month or year, as (first day, end, load). `contract_kw`: what the customers have
    agreed on together by the last day; None where not all have."""

    whose: Whose
    first: date
    days: int
    serials: tuple[str, ...]
    load: GroupLoad
    unfit: int
    minutes: int
    coarser: tuple[Coarser, ...]
    profile: Curve
    profile_coarser: tuple[Coarser, ...] = ()
    silent: tuple[str, ...] = ()
    pieces: tuple[tuple[date, date, GroupLoad], ...] = field(default=())
    contract_kw: Decimal | None = None

    @property
    def utilisation(self) -> float | None:
        """Pmax together by the power agreed on; None where either is not known."""
        if self.contract_kw is None or self.load.pmax_w is None:
            return None
        return self.load.pmax_w / float(1000 * self.contract_kw)


@dataclass(frozen=True, slots=True, eq=False)
class Given:
    """What the store has of the meters `ids` for a load: half-hours (or `minutes`), and where each hung."""

    ids: tuple[int, ...]
    serials: tuple[str, ...]
    minutes: int
    matrix: DayMatrix
    hung: Bools
    coarser: tuple[Coarser, ...]
    silent: tuple[str, ...] = ()


def loads(
    conn: Connection[TupleRow],
    whose: Whose,
    first: date,
    end: date,
    *,
    interval: Interval = "30",
    by: Piece | None = None,
    channel: Channel = Channel.ACTIVE_IMPORT,
    now: datetime | None = None,
    most: int = MOST,
) -> Loads:
    """From the first day, without `end`; customers alone, head meters only where they are named.

    What is not over by `now` is not missed. Figures go by half-hours; where somebody tells none and hours,
    days or months are asked for, or nobody tells any, by hours. `interval` is that of the profile. Raises
    LoadRefused where nobody of `whose` hung anywhere in these days, TooMuch where they are more than `most`
    days of all meters.
    """
    places = found_places(conn, whose, first, end, most)
    given = read(conn, places, first, end, channel, now=now)
    longer = any(one.minutes > given.minutes for one in given.coarser)
    if longer and (interval in ("60", "day", "month") or not given.matrix.quality.any()):
        given = read(conn, places, first, end, channel, HOURS, now)
    load = together(given.matrix.energy, given.matrix.quality, first, given.hung)
    profile, left_out = None, given.coarser
    if interval in ("5", "15") or (interval == "30" and given.minutes > HALF_HOURS):
        # Of those who tell so short ones.
        slots, left_out = added_up(conn, places, first, end, channel, int(interval), now)
        profile = curve(slots, first, interval)
    many = (end - first).days
    cut = months_of(first, many) if by == "month" else years_of(first, many) if by == "year" else []
    return Loads(
        whose,
        first,
        many,
        given.serials,
        load,
        sum(one.days for one in given.coarser),
        given.minutes,
        given.coarser,
        profile or curve(of_group(load), first, interval),
        left_out,
        given.silent,
        tuple(_pieces(given, first, cut)),
        _contract_kw(places, end - timedelta(1)),
    )


def limits(found: Loads, language: str) -> list[str]:
    """What a load does not rest on, in a sentence each; none where it rests on everything."""
    said = []
    if found.minutes > HALF_HOURS:
        said.append(load_words.say("limits", "longer", language, minutes=found.minutes))
    longer = [one for one in found.coarser if one.minutes > found.minutes]
    odd = [one for one in found.coarser if one.minutes <= found.minutes]
    if longer:
        said.append(_named("coarser", longer, language))
    if odd:
        said.append(_named("odd_days", odd, language))
    if found.profile_coarser and found.profile_coarser != found.coarser:
        of_profile = [one for one in found.profile_coarser if one not in odd]
        said += [_named("profile_coarser", of_profile, language)] if of_profile else []
    if found.silent:
        listed = ", ".join(found.silent[:NAMED])
        many, every = len(found.silent), len(found.serials)
        said.append(load_words.say("limits", "silent", language, many=many, of=every, meters=listed))
    if not found.load.known:
        said.append(load_words.say("limits", "nothing", language))
    elif found.load.pmax_at is None:
        said.append(load_words.say("limits", "no_pmax", language))
    return said


def _named(kind: str, those: Sequence[Coarser], language: str) -> str:
    each = [
        load_words.say(
            "limits", "one_coarser", language, meter=one.serial, minutes=one.minutes, days=one.days
        )
        for one in those[:NAMED]
    ]
    more = [load_words.say("limits", "more", language, many=len(those) - NAMED)] if len(those) > NAMED else []
    return load_words.say("limits", kind, language, meters="; ".join([*each, *more]))


def found_places(
    conn: Connection[TupleRow], whose: Whose, first: date, end: date, most: int = MOST
) -> list[Hung]:
    """Where the meters of `whose` hung in these days; raises LoadRefused where none did, TooMuch where too
    many did."""
    period = Period.of_days(first, end)
    places = _places(conn, whose, period)
    last = end - timedelta(1)
    if not places:
        listed = " (see `ami station`)" if whose.station else ""
        raise LoadRefused(
            f"No meter of {whose} hung anywhere from {first:%d/%m/%Y} to {last:%d/%m/%Y}: "
            f"correct it{listed}, or name other days."
        )
    meters, many = len({place.meter_id for place in places}), (end - first).days
    if meters * many > most:
        raise TooMuch(str(whose), meters, many)
    return places


def read(
    conn: Connection[TupleRow],
    places: Sequence[Hung],
    first: date,
    end: date,
    channel: Channel = Channel.ACTIVE_IMPORT,
    minutes: int = HALF_HOURS,
    now: datetime | None = None,
) -> Given:
    """The days from `first`, without `end`, of the meters of `places`; a day of longer intervals than
    `minutes` is left out, as if the meter did not hang, and so is what is not over by `now`, and meters of
    which next to nothing is known while they are few (`FEW`): one dead meter makes no station unknown."""
    period = Period.of_days(first, end)
    over = min(period.end, now) if now else period.end
    ids = tuple(dict.fromkeys(place.meter_id for place in places))
    row_of = {meter_id: row for row, meter_id in enumerate(ids)}
    names = {place.meter_id: place.serial for place in places}
    matrix = days.matrix(conn, ids, channel, first, end, minutes * 60)
    slots, step, origin = matrix.energy.shape[2], timedelta(minutes=minutes), midnight(first)
    hung = np.zeros((len(ids), (end - first).days * slots), bool)
    for place in places:
        own = whole_slots(origin, step, place.since, min(place.until or over, over))
        hung[row_of[place.meter_id], own] = True
    hung = hung.reshape(matrix.energy.shape)
    for meter_id, day in matrix.unfit:
        hung[row_of[meter_id], (day - first).days] = False
    counted = Counter(
        (meter_id, own_s // 60) for (meter_id, _), own_s in zip(matrix.unfit, matrix.unfit_s, strict=True)
    )
    there = hung.sum(axis=(1, 2))
    known = (hung & (matrix.quality > 0)).sum(axis=(1, 2))
    silent: Bools = np.asarray((there > 0) & (known < LITTLE * there))
    if silent.sum() > FEW * len(ids):
        silent = np.zeros(len(ids), bool)
    hung[silent] = False
    coarser = tuple(Coarser(names[meter_id], own, many) for (meter_id, own), many in counted.items())
    serials = tuple(names[one] for one in ids)
    unheard = tuple(serials[row] for row in np.flatnonzero(silent))
    return Given(ids, serials, minutes, matrix, hung, coarser, unheard)


def added_up(
    conn: Connection[TupleRow],
    places: Sequence[Hung],
    first: date,
    end: date,
    channel: Channel = Channel.ACTIVE_IMPORT,
    minutes: int = HALF_HOURS,
    now: datetime | None = None,
) -> tuple[Slots, tuple[Coarser, ...]]:
    """What `read` gives, added up over the meters, however many: a part of them at a time."""
    by_meter: dict[int, list[Hung]] = defaultdict(list)
    for place in places:
        by_meter[place.meter_id].append(place)
    ids = list(by_meter)
    summed: Slots | None = None
    coarser: list[Coarser] = []
    for start in range(0, len(ids), AT_ONCE):
        part = [place for one in ids[start : start + AT_ONCE] for place in by_meter[one]]
        given = read(conn, part, first, end, channel, minutes, now)
        slots = slots_of(given.matrix.energy, given.matrix.quality, given.hung)
        summed = slots if summed is None else summed + slots
        coarser += given.coarser
    if summed is None:
        raise LoadRefused(f"No meter hung anywhere from {first:%d/%m/%Y} on.")
    return summed, tuple(coarser)


def _contract_kw(places: Sequence[Hung], last: date) -> Decimal | None:
    found = {}
    for place in places:
        supply = place.supply_on(last)
        if supply is None or supply.contract_kw is None:
            return None
        found[place.point] = supply.contract_kw
    return sum(found.values(), Decimal(0))


def _pieces(
    given: Given, first: date, cut: Sequence[tuple[int, int]]
) -> Iterator[tuple[date, date, GroupLoad]]:
    for begin, end in cut:
        start = first + timedelta(begin)
        energy, quality = given.matrix.energy[:, begin:end], given.matrix.quality[:, begin:end]
        yield (
            start,
            first + timedelta(end),
            together(energy, quality, start, given.hung[:, begin:end]),
        )


def _places(conn: Connection[TupleRow], whose: Whose, period: Period) -> list[Hung]:
    if whose.meters:
        known = fleet.meter_ids(conn, whose.meters)
        unknown = [serial for serial in whose.meters if serial not in known]
        if unknown:
            raise LoadRefused(f"No meter {', '.join(unknown)} is registered: correct its number.")
        return register.hung(conn, meter_ids=known.values(), period=period)
    points = None
    if whose.station:
        points = register.points_of_station(conn, whose.station)
    elif whose.feeder:
        points = register.points_of_feeder(conn, whose.feeder)
    elif whose.book:
        points = register.points_of_book(conn, whose.book)
    return [
        place
        for place in register.hung(conn, points=points, period=period)
        if place.role is Role.CUSTOMER
        and (not whose.customer_class or class_of(place) == whose.customer_class)
    ]
