"""What to ask a meter next: what is missing, on a grid that does not depend on when it is asked.

Pure. Questions about profiles are cut at fixed local weeks, so that a run that was killed and one that was
not ask the same questions and leave the same answers.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

from model.period import HALF_HOUR, Period, local_day, midnight, require_aware, subtract

ANCHOR = date(1970, 1, 5)  # a Monday
CONVERSATION = 26  # questions about profiles in one conversation: half a year of half-hours
SETTLING = timedelta(minutes=5)  # a row this young may still be on its way into the meter's buffer
REGISTERS, INSTANTS, CLOCK, SERIAL = "registers", "instants", "clock", "serial"

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class ProfileAbility:
    """A load profile that a meter keeps. `opening`: of indices, so the row at the beginning counts too."""

    item: str
    interval: timedelta
    opening: bool = False


@dataclass(frozen=True, slots=True)
class Abilities:
    """What a meter model can be asked for. `billing` is the item of its monthly snapshots."""

    profile: ProfileAbility | None = None
    billing: str | None = None
    instants: bool = False


@dataclass(frozen=True, slots=True)
class Span:
    """One question to a profile: the intervals that begin in `asked`; `opening`: the one at its beginning."""

    item: str
    asked: Period
    opening: bool = False


@dataclass(frozen=True, slots=True)
class State:
    """What is known of a meter: answered periods by item, and when registers and instants were last read."""

    answered: Mapping[str, Sequence[Period]] = field(default_factory=dict)
    resting: frozenset[tuple[str, Period]] = frozenset()  # rejected so often that asking again can wait
    again: tuple[tuple[str, Period], ...] = ()  # answered, but not every interval was there
    last_register: datetime | None = None
    last_instant: datetime | None = None


@dataclass(frozen=True, slots=True)
class Wanted:
    """What one conversation asks for, in this order; `left` questions wait for the next one."""

    profile: tuple[Span, ...] = ()
    billing: tuple[Span, ...] = ()
    registers: bool = False
    instants: bool = False
    left: int = 0

    @property
    def nothing(self) -> bool:
        return not (self.profile or self.billing or self.registers or self.instants)

    @property
    def questions(self) -> int:
        """How much work it is, for a progress bar: one for each question."""
        return len(self.profile) + len(self.billing) + self.registers + self.instants + self.left


def floor_to(at: datetime, interval: timedelta) -> datetime:
    """The last multiple of `interval`, counted from 1970 UTC (local time is 7 h off), not after `at`."""
    return at - (require_aware(at) - _EPOCH) % interval


def ceil_to(at: datetime, interval: timedelta) -> datetime:
    """The first multiple of `interval` not before `at`."""
    floor = floor_to(at, interval)
    return floor if floor == at else floor + interval


def weeks(period: Period, interval: timedelta) -> Iterator[Period]:
    """`period` cut at local Mondays, or at every local midnight for intervals under a quarter of an hour."""
    length = 7 if interval >= timedelta(minutes=15) else 1
    day = local_day(period.start)
    first = day - timedelta(days=(day - ANCHOR).days % length)
    while (start := midnight(first)) < period.end:
        first += timedelta(days=length)
        piece = period.overlap(Period(start, midnight(first)))
        if piece is not None:
            yield piece


def years(period: Period) -> Iterator[Period]:
    """`period` cut at local new years."""
    year = local_day(period.start).year
    while (start := midnight(date(year, 1, 1))) < period.end:
        year += 1
        piece = period.overlap(Period(start, midnight(date(year, 1, 1))))
        if piece is not None:
            yield piece


def month_floor(at: datetime) -> datetime:
    """Local midnight of the first day of the month of `at`."""
    return midnight(local_day(at).replace(day=1))


def missing_profile(ability: ProfileAbility, state: State, since: datetime, end: datetime) -> list[Span]:
    """The questions still open between `since` and `end`, newest first: complete intervals only."""
    first, last = ceil_to(since, ability.interval), floor_to(end, ability.interval)
    if first >= last:
        return []
    gaps = subtract(Period(first, last), list(state.answered.get(ability.item, ())))
    spans = [
        Span(ability.item, piece, opening=ability.opening and piece.start == first)
        for gap in gaps
        for piece in weeks(gap, ability.interval)
    ]
    return [span for span in reversed(spans) if (span.item, span.asked) not in state.resting]


def left_out(ability: ProfileAbility, state: State, since: datetime, end: datetime) -> list[Span]:
    """The intervals that answers left out and that are to be asked for once more."""
    hung = Period(since, end) if since < end else None
    return [
        Span(item, period)
        for item, period in state.again
        if item == ability.item and (item, period) not in state.resting and hung and hung.overlap(period)
    ]


def missing_closings(item: str, state: State, since: datetime, end: datetime) -> list[Span]:
    """The months whose closing snapshot is still to be had; it bears the stamp of the month's end."""
    first = month_floor(since - timedelta(microseconds=1))
    last = month_floor(end)
    if first >= last:
        return []
    gaps = subtract(Period(first, last), list(state.answered.get(item, ())))
    spans = [Span(item, piece) for gap in gaps for piece in years(gap)]
    return [span for span in spans if (span.item, span.asked) not in state.resting]


def wanted(
    abilities: Abilities,
    state: State,
    *,
    since: datetime,
    until: datetime | None,
    now: datetime,
    live_every: timedelta,
    limit: int = CONVERSATION,
) -> Wanted:
    """What to ask a meter that hangs `since` (taken down at `until`, or None) at the instant `now`.

    A meter that was taken down is asked for what it kept until then, not for what it shows now.
    """
    end = now if until is None else min(now, until)
    hangs = since <= now and (until is None or now < until)
    profile = missing_profile(abilities.profile, state, since, end) if abilities.profile else []
    profile += left_out(abilities.profile, state, since, end) if abilities.profile else []
    billing = missing_closings(abilities.billing, state, since, end) if abilities.billing else []
    asked = [*profile, *billing]
    now_asked, left = asked[:limit], len(asked[limit:])
    return Wanted(
        profile=tuple(
            span for span in now_asked if abilities.profile and span.item == abilities.profile.item
        ),
        billing=tuple(span for span in now_asked if span.item == abilities.billing),
        registers=hangs and (state.last_register is None or state.last_register < floor_to(now, HALF_HOUR)),
        instants=hangs
        and abilities.instants
        and (state.last_instant is None or now - state.last_instant >= live_every),
        left=left,
    )


def next_due(state: State, now: datetime, live_every: timedelta, abilities: Abilities) -> datetime:
    """When a meter with nothing missing at `now` will have something to say: next half-hour or instants."""
    due = floor_to(now, HALF_HOUR) + HALF_HOUR
    if abilities.instants and state.last_instant is not None:
        due = min(due, state.last_instant + live_every)
    return max(due, now)
