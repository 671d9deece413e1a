"""Which customers use power alike: their meters grouped by the shape of the day, named by what it does."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

import numpy as np
import numpy.typing as npt
from psycopg import Connection
from psycopg.rows import TupleRow

from analytics.billing.because import Figure
from analytics.profiles.shape_names import highest_hour, named
from analytics.profiles.shapes import FEWEST, HOURS, Groups, grouped, peers, shapes
from analytics.profiles.typical import typical_days
from operations import load_words
from operations.loads import HOURS as IN_HOURS
from operations.loads import Whose, found_places, read

FEW_METERS, NO_STRUCTURE, NOTHING = "few_meters", "no_structure", "nothing"
Float = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Group:
    """`working`, `rest` (24): factors of the meter's own mean power by hour, of working days and of days of
    rest; `name` as `shape_names.NAMES`, `number` apart from others of the same name and hour (0: none is)."""

    name: str
    hour: int
    number: int
    alone: bool  # no other group has the name
    meters: int
    working: Float
    rest: Float

    def said(self, language: str) -> str:
        """The name in words; with its highest hour where another group does the same."""
        words = load_words.say("shapes", self.name, language)
        if not self.alone:
            words = load_words.say("shape", "at", language, name=words, hour=self.hour)
        if self.number:
            words = load_words.say("shape", "number", language, name=words, number=self.number)
        return words


@dataclass(frozen=True, slots=True)
class Member:
    """A meter, its `group` (place in the groups), its distance from that group's middle and from the next
    one's (None: there is none), both in factors of its own mean power, and the meters most like it."""

    serial: str
    group: int
    distance: float
    next_distance: float | None
    peers: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Shapes:
    """`reason` why there are no groups of meters (empty: there are); then each group is one shape, of one
    meter or of all. `left_out`: (serial, why) of those that have no shape."""

    whose: Whose
    first: date
    days: int
    reason: str
    silhouette: float
    groups: tuple[Group, ...]
    members: tuple[Member, ...]
    left_out: tuple[tuple[str, str], ...]

    def said(self, language: str) -> str:
        """Why there are no groups, in a sentence; empty where there are."""
        if not self.reason:
            return ""
        score = Decimal(str(round(self.silhouette, 2)))
        figures: dict[str, Figure] = {"meters": len(self.members), "least": FEWEST, "silhouette": score}
        return load_words.say("shapes_reason", self.reason, language, **figures)


def shapes_of(conn: Connection[TupleRow], whose: Whose, first: date, end: date) -> Shapes:
    """By the hours of the days from `first`, without `end`; raises LoadRefused as `loads` does."""
    places = found_places(conn, whose, first, end)
    given = read(conn, places, first, end, minutes=IN_HOURS)
    quality = np.where(given.hung, given.matrix.quality, 0)
    every, reasons = shapes(given.matrix.energy, quality, typical_days(first, (end - first).days))
    known = [row for row, reason in enumerate(reasons) if not reason]
    left_out = tuple(
        (serial, reason) for serial, reason in zip(given.serials, reasons, strict=True) if reason
    )
    points, serials = every[known], [given.serials[row] for row in known]
    reason, made = _made(points)
    return Shapes(
        whose,
        first,
        (end - first).days,
        reason,
        made.silhouette,
        _named(made),
        _members(points, serials, made),
        left_out,
    )


def _made(points: Float) -> tuple[str, Groups]:
    made = grouped(points)
    if not len(points):
        return NOTHING, made
    if len(points) < FEWEST:
        nothing = np.full(len(points), np.nan)
        each = Groups(np.arange(len(points)), points, np.zeros(len(points)), nothing, 0.0)
        return FEW_METERS, each
    return ("" if len(made.centres) > 1 else NO_STRUCTURE), made


def _named(made: Groups) -> tuple[Group, ...]:
    names = [(named(centre), highest_hour(centre)) for centre in made.centres]
    by_name, by_both = Counter(name for name, _ in names), Counter(names)
    seen: Counter[tuple[str, int]] = Counter()
    found = []
    for place, (one, centre) in enumerate(zip(names, made.centres, strict=True)):
        seen[one] += 1
        found.append(
            Group(
                one[0],
                one[1],
                seen[one] if by_both[one] > 1 else 0,
                by_name[one[0]] == 1,
                int((made.labels == place).sum()),
                centre[:HOURS],
                centre[HOURS:],
            )
        )
    return tuple(found)


def _members(points: Float, serials: Sequence[str], made: Groups) -> tuple[Member, ...]:
    near = peers(points, range(len(points)))
    columns = made.labels.tolist(), made.distance.tolist(), made.next_distance.tolist()
    return tuple(
        Member(
            serial,
            group,
            distance,
            None if np.isnan(following) else following,
            tuple(serials[one] for one in row),
        )
        for serial, group, distance, following, row in zip(serials, *columns, near, strict=True)
    )
