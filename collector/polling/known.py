"""What the head-end knows of each meter: from the store, from the spool, and from how the last tries went."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from collector.polling.holes import Hole, due, noted
from collector.polling.plan import INSTANTS, OLDEST_ROW, REGISTERS, State
from model.period import Period
from model.readout import Readout

STRIKES = 3  # rejected answers to one question before it rests
REST = timedelta(hours=6)
AHEAD = timedelta(minutes=30)  # what is stamped so long after now was so by a clock that was wrong
FINAL = (
    "refused",
    "wrong_meter",
    "unknown_model",
)  # asking again at once would change nothing, or lock the meter
UNANSWERED = ("no_link", "timeout", "garbage", *FINAL)


_NONE_RESTS: frozenset[tuple[str, Period]] = frozenset()
_NONE_AGAIN: tuple[tuple[str, Period], ...] = ()


def merged(periods: Sequence[Period]) -> list[Period]:
    """The same instants in the fewest periods, in order."""
    out: list[Period] = []
    for period in sorted(periods):
        if out and period.start <= out[-1].end:
            out[-1] = Period(out[-1].start, max(out[-1].end, period.end))
        else:
            out.append(period)
    return out


@dataclass(slots=True)
class Known:
    """One meter as the head-end knows it; changes with every readout that is noted."""

    answered: dict[str, list[Period]] = field(default_factory=dict)
    last_register: datetime | None = None
    last_instant: datetime | None = None
    failures: int = 0  # tries in a row that brought nothing
    outcome: str = ""
    detail: str = ""
    strikes: dict[tuple[str, Period], tuple[int, datetime]] = field(default_factory=dict)
    holes: list[Hole] = field(default_factory=list)
    depth_at: datetime | None = None  # when it last told how far back its buffer goes
    changes: int = 0  # grows with everything that is learnt
    clock_at: datetime | None = None  # when its clock, which is off, may be set

    def answered_before(self, item: str, periods: Sequence[Period]) -> None:
        """What the store has complete answers for."""
        self.changes += 1
        self.answered[item] = merged([*self.answered.get(item, []), *periods])

    def fresh(self, last_register: datetime | None, last_instant: datetime | None) -> None:
        """How fresh the store's registers and instants are."""
        self.changes += 1
        if last_register is not None:
            self.last_register = _later(self.last_register, last_register)
        if last_instant is not None:
            self.last_instant = _later(self.last_instant, last_instant)

    def note(self, readout: Readout) -> None:
        """Take a readout into account. In whatever order they come, answered periods add up to the same."""
        self.changes += 1
        self.outcome, self.detail = readout.outcome, readout.detail
        got, ended = False, readout.ended
        for answer in readout.answers:
            if answer.asked is not None:
                got = True
                if answer.complete:
                    self._answered(answer.item, answer.asked)
                    self.holes = noted(self.holes, answer, ended)
                continue
            if answer.registers:
                got, read_at = True, max([read.at for read in answer.registers])
                self.last_register = _later(_told(self.last_register, ended), read_at)
            if answer.instants:
                got, read_at = True, max([read.at for read in answer.instants])
                self.last_instant = _later(_told(self.last_instant, ended), read_at)
            if answer.item == OLDEST_ROW:
                self.depth_at = ended
        for rejected in readout.rejected:
            if rejected.asked is not None:
                count, _ = self.strikes.get((rejected.item, rejected.asked), (0, ended))
                self.strikes[rejected.item, rejected.asked] = (count + 1, ended)
        self.failures = 0 if got and not readout.rejected else self.failures + (readout.outcome != "ok")
        if readout.rejected and readout.outcome in ("ok", "partial"):
            self._tried(readout)

    def _answered(self, item: str, asked: Period) -> None:
        before = self.answered.get(item)
        if before and before[-1].start <= asked.start <= before[-1].end:  # as a rule it goes on from there
            before[-1] = Period(before[-1].start, max(before[-1].end, asked.end))
        else:
            self.answered[item] = merged([*before, asked]) if before else [asked]

    def _tried(self, readout: Readout) -> None:
        """Tried counts as read: a register that a meter does not have must not be asked for without end."""
        tried, ended = {rejected.item for rejected in readout.rejected}, readout.ended
        plain = [answer for answer in readout.answers if answer.asked is None]
        if OLDEST_ROW in tried:
            self.depth_at = ended
        if REGISTERS in tried and not any(answer.registers for answer in plain):
            self.last_register = _later(_told(self.last_register, ended), ended)
        if INSTANTS in tried and not any(answer.instants for answer in plain):
            self.last_instant = _later(_told(self.last_instant, ended), ended)

    def state(self, now: datetime) -> State:
        """What the plan needs; a question rejected three times rests for six hours, what an answer left out
        for a day."""
        resting, again = _NONE_RESTS, _NONE_AGAIN
        if self.strikes:
            resting = frozenset(
                key for key, (count, since) in self.strikes.items() if count >= STRIKES and now - since < REST
            )
        if self.holes:
            again = tuple((hole.item, hole.period) for hole in due(self.holes, now))
        return State(
            self.answered,
            resting,
            again,
            _told(self.last_register, now),
            _told(self.last_instant, now),
            _told(self.depth_at, now),
            self.clock_at,
        )

    def put_back(self, now: datetime) -> None:
        """The clock was ahead: nothing was read after `now`, and nothing rests since then."""
        self.changes += 1
        self.last_register, self.last_instant = _told(self.last_register, now), _told(self.last_instant, now)
        self.depth_at, self.clock_at = _told(self.depth_at, now), None
        self.strikes = {key: (count, min(since, now)) for key, (count, since) in self.strikes.items()}
        self.holes = [replace(hole, asked_at=min(hole.asked_at, now)) for hole in self.holes]

    def forgive(self) -> None:
        """A new round: how the last one went no longer counts."""
        self.failures, self.outcome, self.detail = 0, "", ""


def _later(one: datetime | None, other: datetime) -> datetime:
    return other if one is None or other > one else one


def _told(at: datetime | None, now: datetime) -> datetime | None:
    """None where a clock told it that was ahead, here or at the head-end before: it has to be had anew."""
    return None if at is None or at > now + AHEAD else at
