"""The two sides of a station or a feeder: what its head meters delivered, what its customers were counted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from enum import StrEnum

import numpy as np
import numpy.typing as npt
from psycopg import Connection
from psycopg.rows import TupleRow

from analytics.losses import Residue, Technical, residue
from model.grid import Role, Station, Transformer
from model.quality import Quality
from model.series import Channel
from operations import point_energy
from operations.point_energy import HALF_HOUR_MIN, HOUR_MIN, PointEnergy
from storage.register import Hung

Float = npt.NDArray[np.float64]


class Source(StrEnum):
    """Where what was delivered is known from, or why it is not."""

    HEAD = "head"  # the head meter
    FEEDERS = "feeders"  # the head meters of all its feeders
    NO_HEAD = "no_head"  # none hangs there
    UNCLEAR_HEADS = "unclear_heads"  # there are some, but not one of all of it nor one of each feeder
    SILENT_HEAD = "silent_head"  # it gave nothing in these days


@dataclass(frozen=True, slots=True, eq=False)
class Sides:
    """d days × slots of `minutes`. `through` Wh that passed the head, less what was given back; `into` with
    what customers fed in besides; both with `quality`, 0 where unknown. `customers`: what each was counted,
    a slot whose feeding-in is unknown being missing. `heads`: the meters that hang there now, `head_places`
    all that did. `fed_in` (d, slots): what they gave, as far as known.
    """

    source: Source
    heads: tuple[Hung, ...]
    head_places: tuple[Hung, ...]
    minutes: int
    through: npt.NDArray[np.int64]
    into: npt.NDArray[np.int64]
    quality: npt.NDArray[np.uint8]
    customers: PointEnergy
    fed_in: npt.NDArray[np.int64]

    def residue(self, technical_wh: Float) -> Residue:
        """What was delivered, lost and not explained."""
        return residue(
            self.into, self.quality, self.customers.energy, self.customers.sold_quality, technical_wh
        )


def heads_of(places: Sequence[Hung]) -> tuple[Source, list[str]]:
    """The points whose meters together say what was delivered to these customers and heads."""
    heads = {place.point: place.feeder for place in places if place.role is Role.STATION_HEAD}
    own = [point for point, feeder in heads.items() if not feeder]
    if not heads:
        return Source.NO_HEAD, []
    if len(own) == 1:
        return Source.HEAD, own
    fed = {place.feeder for place in places if place.role is Role.CUSTOMER}
    if not own and fed == set(heads.values()) and len(fed) == len(heads):
        return (Source.FEEDERS if len(heads) > 1 else Source.HEAD), list(heads)
    return Source.UNCLEAR_HEADS, []


def sides(conn: Connection[TupleRow], places: Sequence[Hung], first: date, end: date) -> Sides:
    """Of the head meters and customers among `places`, days from `first`, without `end`: by half-hours, or by
    hours where some meter tells nothing shorter."""
    return next(many(conn, [places], first, end))


def many(
    conn: Connection[TupleRow], of_each: Sequence[Sequence[Hung]], first: date, end: date
) -> Iterator[Sides]:
    """The same of several, in their order, out of one reading of all their days: these are held together. No
    point is among the places of two."""
    wanted = [_wanted(places) for places in of_each]
    drawn, given = _read(conn, [place for some in wanted for place in some], first, end, HALF_HOUR_MIN)
    row_of = {point: row for row, point in enumerate(drawn.points)}
    for places, some in zip(of_each, wanted, strict=True):
        rows = [row_of[point] for point in dict.fromkeys(place.point for place in some)]
        if drawn.unfit.isdisjoint(place.serial for place in some):
            own = replace(drawn.where(rows), unfit=frozenset[str]())
            yield _sides(places, some, own, given.where(rows), HALF_HOUR_MIN)
        else:
            yield _sides(places, some, *_read(conn, some, first, end, HOUR_MIN), HOUR_MIN)


def _wanted(places: Sequence[Hung]) -> list[Hung]:
    _, heads = heads_of(places)
    return [place for place in places if place.role is Role.CUSTOMER or place.point in heads]


def _read(
    conn: Connection[TupleRow], wanted: Sequence[Hung], first: date, end: date, minutes: int
) -> tuple[PointEnergy, PointEnergy]:
    drawn = point_energy.of_points(conn, wanted, first, end, Channel.ACTIVE_IMPORT, minutes)
    return drawn, point_energy.of_points(conn, wanted, first, end, Channel.ACTIVE_EXPORT, minutes)


def _sides(
    places: Sequence[Hung], wanted: Sequence[Hung], drawn: PointEnergy, given: PointEnergy, minutes: int
) -> Sides:
    source, heads = heads_of(places)
    # Who never tells of feeding in has no such register: nothing is missed of them.
    feeds = given.known.any(axis=(1, 2), keepdims=True)
    back = np.where(feeds, given.energy, 0)
    lacking = feeds & drawn.hung & ~given.known
    quality = np.where(lacking, np.uint8(Quality.MISSING), drawn.quality).astype(np.uint8)
    is_head = np.array([place.role is Role.STATION_HEAD for place in drawn.last], bool)
    shape = drawn.energy.shape[1:]
    through, told = np.zeros(shape, np.int64), np.zeros(shape, np.uint8)
    if is_head.any():
        through = (drawn.energy - back)[is_head].sum(axis=0, dtype=np.int64)
        of_heads = quality[is_head]
        told = np.where((of_heads == Quality.MISSING).any(axis=0), 0, of_heads.max(axis=0)).astype(np.uint8)
        if not told.any():
            source = Source.SILENT_HEAD
    fed_in = back[~is_head].sum(axis=0, dtype=np.int64)
    customers = PointEnergy(
        drawn.points, drawn.last, drawn.energy, quality, drawn.hung, drawn.unfit
    ).of_role(Role.CUSTOMER)  # fmt: skip
    by_code = {place.point: place for place in drawn.last}
    return Sides(
        source, tuple(by_code[point] for point in heads),
        tuple(place for place in wanted if place.point in heads), minutes, through, through + fed_in, told,
        customers, fed_in,
    )  # fmt: skip


def technical_of(fed: Transformer | None, *, whole: bool = False) -> Technical | None:
    """What a transformer and the lines behind it lose; None where nobody said what. Of a head meter behind it
    the transformer's own loss is left out, unless the `whole` is asked for."""
    if fed is None or (fed.no_load_w, fed.load_w, fed.line_percent) == (None, None, None):
        return None
    own = whole or not fed.head_behind
    no_load, load = ((float(watts or 0) if own else 0.0) for watts in (fed.no_load_w, fed.load_w))
    return Technical.of_transformer(float(fed.kva), no_load, load, float(fed.line_percent or 0))


def technical_wh(station: Station, through: npt.NDArray[np.int64], first: date) -> tuple[Float, int]:
    """(Wh lost by interval, on how many days somebody said what is lost): 0 on the others."""
    lost, told = np.zeros(through.shape), 0
    for number in range(len(through)):
        technical = technical_of(station.transformer_on(first + timedelta(number)))
        if technical is not None:
            lost[number], told = technical.wh(through[number]), told + 1
    return lost, told
