"""One round along one line: every meter with something to say, in turn, with bounded tries."""

from __future__ import annotations

import asyncio
import logging
import random
import uuid
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from collector import tally
from collector.context import about
from collector.errors import LinkDown, SpoolError
from collector.exchange import read_meter
from collector.known import FINAL, UNANSWERED
from collector.links import Link
from collector.plan import Wanted, next_due
from collector.roster import Seat
from collector.settings import HeadEndSettings
from collector.spool import Spool, Spooled
from model.clock import Clock
from model.period import HALF_HOUR
from model.readout import Readout
from storage.fleet import Line

log = logging.getLogger("ami.collect")

BACK_OFF = (timedelta(seconds=30), timedelta(minutes=15))
SHUT_OUT = timedelta(hours=1)  # a wrong password or a wrong meter: a person has to do something
UNMOVED = timedelta(minutes=1)  # asked, answered, and still missing: the meter has not written it yet


@dataclass(slots=True)
class Office:
    """What all rounds share."""

    settings: HeadEndSettings
    spool: Spool
    clock: Clock
    permits: asyncio.Semaphore
    told: Callable[[Seat, Wanted, Readout], None]
    counts: Counter[str]
    stopped: str = ""  # the sentence why polling has stopped; a full spool, as a rule


class Tries:
    """Who may still be tried in this round: a meter that failed all of the last one gets a single chance."""

    def __init__(self, tries: int, seats: list[Seat]) -> None:
        self._left = {seat.meter.meter_id: 1 if seat.known.failures >= tries else tries for seat in seats}

    def left(self, seat: Seat) -> bool:
        return self._left[seat.meter.meter_id] > 0

    def note(self, seat: Seat, wanted: Wanted, readout: Readout) -> None:
        """Done with it when it has said everything or will not be moved; else a failure costs a try."""
        # Asked again at once, a clock that cannot be believed is no better.
        hopeless = abs(readout.clock_offset_s or 0.0) >= HALF_HOUR.total_seconds() and not readout.rejected
        if readout.outcome in FINAL or ((readout.outcome == "ok" or hopeless) and not wanted.left):
            self._left[seat.meter.meter_id] = 0
        elif readout.outcome != "ok":
            self._left[seat.meter.meter_id] -= 1

    def end(self) -> None:
        """Nobody is tried again."""
        self._left = dict.fromkeys(self._left, 0)


async def call_round(office: Office, line: Line, link: Link, seats: list[Seat], wait_s: float) -> None:
    """Read whatever is missing of `seats`. Meters that fail wait until their neighbours have been read."""
    tried = Tries(office.settings.tries, seats)
    while due := [seat for seat in seats if _due(office, seat, tried)]:
        try:
            await link.ready(wait_s)
        except LinkDown as down:
            await _unreached(office, line, due, tried, down.sentence)
            tried.end()
            return
        async with office.permits:
            try:
                for seat in due:
                    if office.stopped:
                        return
                    with about(modem=line.modem.code, meter=seat.meter.serial):
                        reached = await _converse(office, line, link, seat, tried)
                    if not reached:
                        others = [other for other in due if other is not seat and tried.left(other)]
                        await _unreached(office, line, others, tried, seat.known.detail)
                        break
            finally:
                link.rest()
        if any(seat.known.failures and _due(office, seat, tried) for seat in due):
            await asyncio.sleep(office.settings.retry_pause_s * random.uniform(0.5, 1.0))


def _due(office: Office, seat: Seat, tried: Tries) -> bool:
    now = office.clock()
    if office.stopped or (seat.not_before is not None and now < seat.not_before):
        return False
    return tried.left(seat) and not seat.wants(now, office.settings.live_every).nothing


async def _converse(office: Office, line: Line, link: Link, seat: Seat, tried: Tries) -> bool:
    """One conversation, on the disk before it counts. False when the modem itself cannot be reached."""
    begun = office.clock()
    wanted = seat.wants(begun, office.settings.live_every)
    if wanted.nothing:
        return True
    tally.due()
    reached = True
    try:
        async with link.lease() as stream, tally.talking():
            readout = await read_meter(
                stream,
                seat.meter,
                wanted,
                clock=office.clock,
                answer_s=office.settings.answer_s,
                scales=seat.scales,
            )
    except LinkDown as down:
        reached = False
        readout = failed(seat, begun, office.clock(), "no_link", down.sentence)
    except Exception as error:
        # The edge of one conversation: whatever is wrong with this meter must not cost the others theirs.
        log.exception("reading meter %s went wrong", seat.meter.serial)
        said = (
            f"reading meter {seat.meter.serial} went wrong here ({type(error).__name__}: {error}): report it"
        )
        readout = failed(seat, begun, office.clock(), "error", said)
    if await _keep(office, line, seat, wanted, readout):
        tried.note(seat, wanted, readout)
        _when_next(office, seat, readout)
    return reached


async def _keep(office: Office, line: Line, seat: Seat, wanted: Wanted, readout: Readout) -> bool:
    try:
        await office.spool.append([Spooled(seat.meter.meter_id, line.modem.code, office.clock(), readout)])
    except SpoolError as error:
        # Not kept, so not known: it will be asked again once there is room.
        if not office.stopped:
            log.error("polling stops: %s", error.sentence)
            office.stopped = error.sentence
        return False
    seat.known.note(readout)
    tally.ended(seat.meter.model, readout)
    office.counts["conversations"] += 1
    office.counts["answers"] += len(readout.answers)
    office.counts["rejected"] += len(readout.rejected)
    office.counts["values"] += sum(len(block.raw) for answer in readout.answers for block in answer.blocks)
    office.told(seat, wanted, readout)
    return True


async def _unreached(office: Office, line: Line, seats: list[Seat], tried: Tries, sentence: str) -> None:
    """The modem is the matter: said of every meter behind it, without calling again for each."""
    for seat in seats:
        now = office.clock()
        wanted = seat.wants(now, office.settings.live_every)
        tally.due()
        readout = failed(seat, now, now, "no_link", sentence)
        if await _keep(office, line, seat, wanted, readout):
            tried.note(seat, wanted, readout)
            _when_next(office, seat, readout)


def failed(seat: Seat, started: datetime, ended: datetime, outcome: str, sentence: str) -> Readout:
    """The readout of a conversation that brought nothing."""
    return Readout(seat.meter.serial, str(uuid.uuid4()), started, ended, outcome, sentence)


def _when_next(office: Office, seat: Seat, readout: Readout) -> None:
    """Between rounds: back off from what fails, and do not press a meter for what it has not got yet."""
    now, known = office.clock(), seat.known
    if readout.outcome in FINAL:
        seat.not_before = now + SHUT_OUT
    elif readout.outcome in UNANSWERED and known.failures >= office.settings.tries:
        doubled = BACK_OFF[0] * 2 ** min(known.failures - office.settings.tries, 8)
        seat.not_before = now + min(doubled, BACK_OFF[1]) * random.uniform(0.5, 1.0)
    else:
        seat.not_before = None


def due_at(office: Office, seats: list[Seat]) -> datetime:
    """When the next round along a line makes sense, given how the last one left its meters."""
    now = office.clock()
    found = [now + timedelta(hours=1)]
    for seat in seats:
        if seat.problem or seat.meter.since is None:
            continue
        if seat.not_before is not None and seat.not_before > now:
            found.append(seat.not_before)
        elif seat.wants(now, office.settings.live_every).nothing:
            found.append(next_due(seat.known.state(now), now, office.settings.live_every, seat.abilities))
        else:
            found.append(now + UNMOVED)
    return min(found)
