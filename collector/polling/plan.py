"""What to ask a meter next: what is missing, on a grid that does not depend on when it is asked.

Pure. Questions about profiles are cut at fixed local weeks, so that a run that was killed and one that was
not ask the same questions and leave the same answers. Each is as urgent as what it is about: what closes a
bill before what is watched, that before the half-hours that have just ended, and what is long past last.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from operator import attrgetter

from collector.polling.grid import (
    ceil_to,
    closing_instant,
    first_month,
    first_of,
    floor_to,
    month_floor,
    round_begin,
    weeks,
    years,
)
from collector.polling.urgency import BACK_FILL, CLOSING, REAL_TIME, ROUTINE, Urgency
from model.light import light
from model.period import HALF_HOUR, Period, subtract

CONVERSATION = 26  # questions about profiles in one conversation: half a year of half-hours
SETTLING = timedelta(minutes=5)  # a row this young may still be on its way into the meter's buffer
NEW = timedelta(days=2)  # half-hours this young are routine: yesterday's are wanted in the morning
EVENTS = timedelta(days=60)  # back in an event log: outages before that are known or of no use
DEEP = timedelta(days=31)  # no buffer is shorter: what is older may have left it
DEPTH_HOLDS = timedelta(days=7)  # for so long it is known how far back a meter's buffer goes
REGISTERS, INSTANTS, CLOCK, SERIAL = "registers", "instants", "clock", "serial"
OLDEST_ROW = "oldest_row"

_urgency = attrgetter("urgency")


@dataclass(frozen=True, slots=True)
class ProfileAbility:
    """A load profile that a meter keeps. `opening`: of indices, so the row at the beginning counts too.
    `tells_oldest`: it can be asked how far back its buffer goes."""

    item: str
    interval: timedelta
    opening: bool = False
    tells_oldest: bool = False


@dataclass(frozen=True, slots=True)
class Abilities:
    """What a meter model can be asked for. `billing` is the item of its monthly snapshots; `clock` is the
    interval across whose end its clock must not be set, None where it cannot be set."""

    profile: ProfileAbility | None = None
    billing: str | None = None
    instants: bool = False
    clock: timedelta | None = None
    events: str | None = None  # the item of its event log


@light
class Span:
    """One question to a profile: the intervals that begin in `asked`; `opening`: the one at its beginning."""

    item: str
    asked: Period
    opening: bool = False
    urgency: Urgency = field(default=ROUTINE, compare=False)


@light
class State:
    """What is known of a meter: answered periods by item, and when registers, instants and the depth of its
    buffer were last read."""

    answered: Mapping[str, Sequence[Period]] = field(default_factory=dict)
    resting: frozenset[tuple[str, Period]] = frozenset()  # rejected so often that asking again can wait
    again: tuple[tuple[str, Period], ...] = ()  # answered, but not every interval was there
    last_register: datetime | None = None
    last_instant: datetime | None = None
    depth_at: datetime | None = None
    clock_at: datetime | None = None  # when the clock, which is off, may be set


@light
class Wanted:
    """What one conversation asks for, the most urgent first; `left` questions wait for the next one.

    `closing`: the registers stand for the bill, nothing of this closing instant has been read yet. `deep`:
    missing periods so old that the meter should say first how far back its buffer goes, in whole questions.
    """

    profile: tuple[Span, ...] = ()
    billing: tuple[Span, ...] = ()
    registers: bool = False
    instants: bool = False
    left: int = 0
    closing: bool = False
    deep: tuple[Span, ...] = ()
    events: tuple[Span, ...] = ()
    clock: bool = False  # no question of its own: every conversation looks at it, and sets it where it may

    @property
    def nothing(self) -> bool:
        return self is NOTHING or not (
            self.profile or self.billing or self.registers or self.instants or self.events or self.clock
        )

    @property
    def questions(self) -> int:
        """How much work it is, for a progress bar: one for each question."""
        if self is NOTHING:
            return 0
        spans = len(self.profile) + len(self.billing) + len(self.events)
        return spans + self.registers + self.instants + self.left

    @property
    def urgency(self) -> Urgency:
        """Of the most urgent question."""
        least = BACK_FILL
        if self.registers:
            least = CLOSING if self.closing else ROUTINE
        elif self.clock:
            least = ROUTINE
        if self.instants:
            least = min(least, REAL_TIME)
        for spans in (self.profile, self.billing, self.events):
            for span in spans:
                if span.urgency < least:
                    least = span.urgency
        return least

    def beyond(self, asked: Wanted) -> bool:
        """Whether anything is wanted that `asked` did not ask for: it was left, or has fallen due since."""
        before = (*asked.profile, *asked.billing, *asked.events)
        return (
            (self.registers and not asked.registers)
            or (self.instants and not asked.instants)
            or (self.clock and not asked.clock)
            or any(
                not any(old.item == span.item and old.asked.overlap(span.asked) for old in before)
                for span in (*self.profile, *self.billing, *self.events)
            )
        )

    def before_back_fill(self) -> Wanted:
        """The same without what is long past; it waits for a later conversation."""
        profile, billing = (
            tuple(span for span in spans if span.urgency < BACK_FILL)
            for spans in (self.profile, self.billing)
        )
        put_off = len(self.profile) + len(self.billing) - len(profile) - len(billing)
        if not put_off:
            return self
        return replace(self, profile=profile, billing=billing, left=self.left + put_off, deep=())


NOTHING = Wanted()


def missing_profile(ability: ProfileAbility, state: State, since: datetime, end: datetime) -> list[Span]:
    """The questions still open between `since` and `end`, newest first: complete intervals only."""
    first, last = first_of(since, ability.interval), floor_to(end, ability.interval)
    gaps = _unanswered(state, ability.item, first, last)
    if not gaps:
        return []
    spans = [
        Span(
            ability.item,
            piece,
            ability.opening and piece.start == first,
            ROUTINE if piece.end > end - NEW else BACK_FILL,
        )
        for gap in gaps
        for piece in weeks(gap, ability.interval)
    ]
    spans.reverse()
    return _awake(spans, state)


def _awake(spans: list[Span], state: State) -> list[Span]:
    """Those of the questions that do not rest."""
    if not state.resting:
        return spans
    return [span for span in spans if (span.item, span.asked) not in state.resting]


def _unanswered(state: State, item: str, first: datetime, last: datetime) -> list[Period]:
    """What of the time from `first` to `last` has no answer."""
    if first >= last:
        return []
    answered = state.answered.get(item)
    if not answered:
        return [Period(first, last)]
    known = answered[-1]
    if known.start <= first <= known.end:  # as a rule all is answered up to some instant
        return [Period(known.end, last)] if known.end < last else []
    return subtract(Period(first, last), list(answered))


def left_out(ability: ProfileAbility, state: State, since: datetime, end: datetime) -> list[Span]:
    """The intervals that answers left out and that are to be asked for once more."""
    hung = Period(since, end) if since < end else None
    return [
        Span(item, period, urgency=BACK_FILL)
        for item, period in state.again
        if item == ability.item and (item, period) not in state.resting and hung and hung.overlap(period)
    ]


def missing_closings(
    item: str, state: State, since: datetime, end: datetime, newest: Urgency = CLOSING
) -> list[Span]:
    """The months whose closing snapshot is still to be had; it bears the stamp of the month's end.

    The one of the last month's end is as urgent as `newest`, those before it are back-fill.
    """
    last = month_floor(end)
    gaps = _unanswered(state, item, first_month(since), last)
    if not gaps:
        return []
    spans = [
        Span(item, piece, urgency=newest if piece.end == last else BACK_FILL)
        for gap in gaps
        for piece in years(gap)
    ]
    return _awake(spans, state)


def missing_events(item: str, state: State, since: datetime, end: datetime) -> tuple[Span, ...]:
    """The one question to the event log: from what is not known of it on, up to the last half-hour."""
    first = max(ceil_to(since, HALF_HOUR), floor_to(end, HALF_HOUR) - EVENTS)
    last = floor_to(end, HALF_HOUR)
    gaps = _unanswered(state, item, first, last)
    if not gaps:
        return ()
    span = Span(item, Period(gaps[0].start, last))
    return () if (span.item, span.asked) in state.resting else (span,)


def wanted(
    abilities: Abilities,
    state: State,
    *,
    since: datetime,
    until: datetime | None,
    now: datetime,
    live_every: timedelta | None,
    every: timedelta = HALF_HOUR,
    reading_day: int = 1,
    limit: int = CONVERSATION,
) -> Wanted:
    """What to ask a meter that hangs `since` (taken down at `until`, or None) at the instant `now`.

    A meter that was taken down is asked for what it kept until then, not for what it shows now. `live_every`
    None: nobody watches its instant values. Profiles and registers are wanted `every` so often, a part of the
    local day. Its bills close at 00:00 of the `reading_day`: where it keeps no
    snapshot of that instant itself, its registers are read as soon after it as can be.
    """
    end = now if until is None else min(now, until)
    due = round_begin(now, every)
    ended = end if every == HALF_HOUR else min(end, due)
    hangs = since <= now and (until is None or now < until)
    profile: list[Span] = []
    deep: tuple[Span, ...] = ()
    if abilities.profile is not None:
        profile = missing_profile(abilities.profile, state, since, ended)
        if profile and abilities.profile.tells_oldest:
            deep = _deep(profile, state, now)
        if state.again:
            profile += left_out(abilities.profile, state, since, end)
    snapshots = abilities.billing is not None and reading_day == 1
    newest = CLOSING if snapshots else ROUTINE
    billing = missing_closings(abilities.billing, state, since, end, newest) if abilities.billing else []
    left = 0
    if billing or len(profile) > limit:
        asked = sorted([*billing, *profile], key=_urgency)
        now_asked, left = asked[:limit], len(asked[limit:])
        profile = [span for span in now_asked if abilities.profile and span.item == abilities.profile.item]
        billing = [span for span in now_asked if span.item == abilities.billing]
    elif len(profile) > 1:
        profile.sort(key=_urgency)
    registers = hangs and (state.last_register is None or state.last_register < due)
    instants = (
        hangs
        and abilities.instants
        and live_every is not None
        and (state.last_instant is None or now - state.last_instant >= live_every)
    )
    events = missing_events(abilities.events, state, since, ended) if abilities.events and hangs else ()
    clock = hangs and state.clock_at is not None and now >= state.clock_at
    closing = hangs and not snapshots and _unclosed(state.last_register, since, reading_day, now)
    if not (profile or billing or registers or instants or clock or closing or events):
        return NOTHING
    return Wanted(
        tuple(profile),
        tuple(billing),
        registers,
        instants,
        left,
        closing=closing,
        deep=deep,
        events=events,
        clock=clock,
    )


def _unclosed(last_register: datetime | None, since: datetime, reading_day: int, now: datetime) -> bool:
    """Whether nothing of the last closing instant has been read yet."""
    closed = closing_instant(reading_day, now)
    return since < closed and (last_register is None or last_register < closed)


def _deep(spans: Sequence[Span], state: State, now: datetime) -> tuple[Span, ...]:
    if state.depth_at is not None and now - state.depth_at < DEPTH_HOLDS:
        return ()
    since = now - DEEP
    return tuple([span for span in spans if span.asked.end < since])


def next_due(
    state: State, now: datetime, live_every: timedelta | None, abilities: Abilities,
    every: timedelta = HALF_HOUR,
) -> datetime:  # fmt: skip
    """When a meter with nothing missing at `now` will have something to say: next round or instants."""
    due = round_begin(now, every) + every
    if abilities.instants and live_every is not None and state.last_instant is not None:
        due = min(due, state.last_instant + live_every)
    if state.clock_at is not None:
        due = min(due, state.clock_at)
    return max(due, now)
