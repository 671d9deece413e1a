"""One round along one line: every meter with something to say, in turn, with bounded tries.

The most urgent first, whoever failed before after the others; back-fill only once nobody behind the modem
wants anything more urgent, and in pieces: between two of them whoever waits for a permit has his turn.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections import Counter
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from collector.context import about
from collector.errors import LinkDown, SpoolError
from collector.exchange import read_meter
from collector.exchange.clock_setting import settable_at
from collector.exchange.course import Course
from collector.links.kinds import DialIn, Link
from collector.poll_ids import poll_id
from collector.polling.experience import LineExperience
from collector.polling.known import FINAL, UNANSWERED
from collector.polling.permits import Permit, Permits
from collector.polling.plan import Wanted, next_due
from collector.polling.roster import Seat
from collector.polling.urgency import Urgency
from collector.settings import HeadEndSettings
from collector.spool.spool import Spool, Spooled
from collector.watch import tally
from model.clock import Clock
from model.period import HALF_HOUR
from model.readout import Readout
from storage.fleet import Line

log = logging.getLogger("ami.collect")

SHUT_OUT = timedelta(hours=1)  # a wrong password or a wrong meter: a person has to do something
UNMOVED = timedelta(minutes=1)  # asked, answered, and still missing: the meter has not written it yet
LONGEST_PAUSE_S = 30.0


@dataclass(slots=True)
class Office:
    """What all rounds share."""

    settings: HeadEndSettings
    spool: Spool
    clock: Clock
    permits: Permits
    told: Callable[[Seat, Wanted, Readout], None]  # of every readout kept, and what is missing after it
    counts: Counter[str]
    stopped: str = ""  # the sentence why polling has stopped; a full spool, as a rule
    stopped_by: str = ""  # the same as a word: see `SpoolError.cause`
    experience: dict[str, LineExperience] = field(default_factory=dict)  # by modem
    live_every: timedelta = field(init=False)  # how often instant values are usually wanted

    def __post_init__(self) -> None:
        self.live_every = self.settings.live_every

    def stop(self, wrong: SpoolError) -> None:
        """Poll no more: what meters say has no place. Said once, whoever notices it first."""
        if not self.stopped:
            self.stopped, self.stopped_by = wrong.sentence, wrong.cause
            log.error("polling stops: %s", wrong.sentence)

    def go_on(self) -> None:
        """Poll again."""
        self.stopped = self.stopped_by = ""

    def with_modem(self, code: str) -> LineExperience:
        """What has been learnt of a modem and its meters; to be forgotten with the line."""
        found = self.experience.get(code)
        if found is None:
            found = self.experience[code] = LineExperience()
        return found


def call_round(
    office: Office, line: Line, link: Link, seats: list[Seat], wait_s: float
) -> Coroutine[Any, Any, None]:
    """Read whatever is missing of `seats`. Meters that fail wait until their neighbours have been read.

    `wait_s`: how long a modem that dials in is waited for.
    """
    return _Round(office, line, link, seats).go(wait_s)


class _Round:
    def __init__(self, office: Office, line: Line, link: Link, seats: Sequence[Seat]) -> None:
        self.office, self.line, self.link, self.seats = office, line, link, seats
        self.learnt = office.with_modem(line.modem.code)
        self._live_every = office.live_every
        now, tries = office.clock(), office.settings.tries
        of_line = self.learnt.breaker.tries(now, tries)
        self._left = {
            seat.meter.meter_id: min(of_line, self.learnt.of(seat.meter.meter_id).breaker.tries(now, tries))
            for seat in seats
        }

    async def go(self, wait_s: float) -> None:
        settings = self.office.settings
        pause_s = settings.retry_pause_s
        due = self._due()
        while due:
            try:
                await self.link.ready(wait_s)
            except LinkDown as down:
                self.learnt.breaker.failed(self.office.clock(), 1)
                await self._unreached([seat for seat, _ in due], down.sentence)
                return
            if isinstance(self.link, DialIn):
                # Whoever was given up has to call again: his neighbours need not go without for that.
                wait_s = max(wait_s, settings.dial_in_wait_s)
            failed = await self._sit(due)
            due = [] if failed is None else self._due()
            if failed and due:
                await asyncio.sleep(pause_s * random.uniform(0.5, 1.0))
                pause_s = min(2 * pause_s, max(LONGEST_PAUSE_S, settings.retry_pause_s))
                due = self._due()

    def _wants(self, seat: Seat) -> Wanted:
        return seat.wants(self.office.clock(), self._live_every)

    def _due(self) -> list[tuple[Seat, Wanted]]:
        """Who may be asked and has something to say: whoever failed last, else by urgency."""
        if self.office.stopped:
            return []
        found = [
            (seat, wanted)
            for seat in self.seats
            if self._left[seat.meter.meter_id] > 0 and not (wanted := self._wants(seat)).nothing
        ]
        if len(found) > 1:
            found.sort(key=lambda each: (self._failed_before(each[0]), each[1].urgency))
        return found

    def _failed_before(self, seat: Seat) -> bool:
        return self.learnt.of(seat.meter.meter_id).breaker.failures > 0

    async def _sit(self, due: list[tuple[Seat, Wanted]]) -> bool | None:
        """Talk under one permit for as long as nobody else wants it; whether anything failed. None: nobody
        has anything more to say."""
        urgency = min([wanted.urgency for _, wanted in due])
        permit = await self.office.permits.permit(urgency, self.line.modem.cell)
        try:
            while due:
                if not await self._pass(due, permit):
                    return True
                if permit.wanted:
                    return False
                due = self._due()
        finally:
            self.link.rest()
            permit.give_back()
        return None

    async def _pass(self, due: list[tuple[Seat, Wanted]], permit: Permit) -> bool:
        """One conversation with each; False when one failed, or the line was lost for the others."""
        went_well = True
        for at, (seat, missing) in enumerate(due):
            if self.office.stopped or (at and missing.urgency is Urgency.BACK_FILL and permit.wanted):
                break
            wanted = missing
            if at + 1 < len(due) and any(other.urgency < Urgency.BACK_FILL for _, other in due[at + 1 :]):
                wanted = missing.before_back_fill()
            with about(modem=self.line.modem.code, meter=seat.meter.serial):
                reached = await self._converse(seat, missing, wanted, permit)
            if not reached:
                self._left[seat.meter.meter_id] -= 1
                others = [other for other, _ in due if other is not seat]
                await self._unreached(others, seat.known.detail)
                return False
            went_well = went_well and not self._failed_before(seat)
            if isinstance(self.link, DialIn) and not self.link.connected:
                return False
        return went_well

    async def _converse(self, seat: Seat, missing: Wanted, wanted: Wanted, permit: Permit) -> bool:
        """One conversation, on the disk before it counts. False when the modem itself cannot be reached.

        `missing` is all there is to ask; `wanted`, what of it is asked now.
        """
        office, settings = self.office, self.office.settings
        begun, urgency = office.clock(), wanted.urgency
        learnt = self.learnt.of(seat.meter.meter_id)
        course = Course(settings.answer_s, learnt.pace, self.learnt.pace, self._way(permit))
        permit.urgency = urgency
        tally.due()
        reached = True
        try:
            if not self.link.connected:
                await permit.call()
            async with self.link.lease(urgency) as stream:
                permit.reached()
                self.learnt.breaker.worked()
                with tally.talking:
                    readout = await read_meter(
                        stream,
                        seat.meter,
                        wanted,
                        clock=office.clock,
                        answer_s=settings.answer_s,
                        scales=seat.scales,
                        clock_limits=settings.clock_limits,
                        course=course,
                        ours=settings.ours,
                    )
        except LinkDown as down:
            reached = False
            permit.unreached()
            self.learnt.breaker.failed(office.clock(), settings.tries)
            readout = failed(seat, begun, office.clock(), "no_link", down.sentence)
        except Exception as error:
            # The edge of one conversation: whatever is wrong with this meter must not cost the others theirs.
            log.exception("reading meter %s went wrong", seat.meter.serial)
            what = f"{type(error).__name__}: {error}"
            said = f"reading meter {seat.meter.serial} went wrong here ({what}): report it"
            readout = failed(seat, begun, office.clock(), "error", said)
        after = await self._keep(seat, readout)
        if reached and after is not None:
            self._note(seat, missing, wanted, after, readout, gave_way=course.gave_way)
        return reached

    def _way(self, permit: Permit) -> Callable[[Urgency], bool]:
        def way(urgency: Urgency) -> bool:
            waits = self.link.wanted_by
            return permit.give_way(urgency) or (waits is not None and waits < urgency)

        return way

    def _note(
        self, seat: Seat, before: Wanted, wanted: Wanted, after: Wanted, readout: Readout, *, gave_way: bool
    ) -> None:
        """Done with it when it has said everything or will not be moved; else a failure costs a try.

        `before` and `after`: all that was missing.
        """
        meter_id, now = seat.meter.meter_id, self.office.clock()
        breaker = self.learnt.of(meter_id).breaker
        # Asked again at once, a clock that cannot be believed is no better.
        hopeless = abs(readout.clock_offset_s or 0.0) >= HALF_HOUR.total_seconds() and not readout.rejected
        if readout.outcome in FINAL:
            breaker.shut(now, SHUT_OUT)
            self._left[meter_id] = 0
        elif readout.outcome == "ok" or hopeless:
            breaker.worked()
            if not gave_way and not after.nothing and not after.beyond(wanted):
                self._left[meter_id] = 0
        elif after.questions < before.questions:
            breaker.worked()  # it broke off, but not before it had said something: it goes on from there
        else:
            if readout.outcome in UNANSWERED or readout.outcome == "error" or not readout.rejected:
                breaker.failed(now, self.office.settings.tries)
            self._left[meter_id] -= 1

    async def _keep(self, seat: Seat, readout: Readout) -> Wanted | None:
        """Onto the disk, then it counts; what is missing after it. None: it could not be kept."""
        office = self.office
        try:
            await office.spool.append(
                [Spooled(seat.meter.meter_id, self.line.modem.code, office.clock(), readout)]
            )
        except SpoolError as error:
            # Not kept, so not known: it will be asked again once there is room.
            office.stop(error)
            return None
        seat.known.note(readout)
        seat.known.clock_at = settable_at(
            readout, seat.abilities.clock, office.settings.clock_limits, office.clock()
        )
        tally.ended(seat.meter.model, readout)
        counts = office.counts
        counts["conversations"] += 1
        counts["answers"] += len(readout.answers)
        counts["rejected"] += len(readout.rejected)
        counts["values"] += sum([len(block.raw) for answer in readout.answers for block in answer.blocks])
        after = self._wants(seat)
        office.told(seat, after, readout)
        return after

    async def _unreached(self, seats: Sequence[Seat], sentence: str) -> None:
        """The modem is the matter: said of every meter behind it, without calling again for each."""
        for seat in seats:
            now = self.office.clock()
            tally.due()
            readout = failed(seat, now, now, "no_link", sentence)
            if await self._keep(seat, readout) is not None:
                self._left[seat.meter.meter_id] -= 1


def failed(seat: Seat, started: datetime, ended: datetime, outcome: str, sentence: str) -> Readout:
    """The readout of a conversation that brought nothing."""
    return Readout(seat.meter.serial, poll_id(), started, ended, outcome, sentence)


def welcome(office: Office, line: Line) -> None:
    """A modem has dialled in: whatever it and its meters were put off for is tried again now."""
    office.with_modem(line.modem.code).welcome(office.clock())


def due_at(office: Office, seats: list[Seat]) -> datetime:
    """When the next round along a line makes sense, given how the last one left its meters."""
    now = office.clock()
    found = [now + timedelta(hours=1)]
    for seat in seats:
        if seat.problem or seat.meter.since is None:
            continue
        learnt = office.with_modem(seat.line.modem.code)
        for breaker in (learnt.breaker, learnt.of(seat.meter.meter_id).breaker):
            if breaker.until is not None and not breaker.may(now):
                found.append(breaker.until)
                break
        else:
            usual = office.settings.live_every
            if seat.wants(now, usual).nothing:
                state = seat.known.state(now)
                found.append(next_due(state, now, seat.live_every(usual), seat.abilities, seat.read_every))
            else:
                found.append(now + UNMOVED * random.uniform(0.8, 1.2))
    return min(found)
