"""The lines a node holds, whichever way they came to it, and when each is to be called next.

A line comes with a shard (the node holds its lease) or with a call (the modem dialled in here). A heap of due
times says who is next: ten thousand lines that wait cost nothing.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
import logging
import random
import time
from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from collector.context import about
from collector.errors import SpoolError, StoreAway
from collector.links.kinds import DialIn, Link, link_to
from collector.nodes.trial import keep, trial, witness
from collector.polling.caller import Office, call_round, due_at, welcome
from collector.polling.roster import Roster, Seat
from collector.spool.spool import Spooled
from model.grid import ModemLink
from storage.fleet import Line

log = logging.getLogger("ami.collect")

TICK_S = 0.5
REST_S = 10.0
ROOM = 0.8  # polling that stopped for a full spool goes on below this share
GIVE_BACK_S = 30.0  # polling that has stopped for so long: others are to have what is polled from here
ASLEEP_S = 5.0  # the loop stood still for so long: others may have taken over
PUT_BACK = timedelta(seconds=30)  # the clock, by so much or more: what was due by it is due now
AGAIN = timedelta(minutes=1)  # a modem that is with another node: looked at again


async def _nobody(modems: Collection[str]) -> None:
    """Nobody wants to know which lines came."""


async def _nowhere(modems: Collection[str]) -> set[str]:
    """No other node has them."""
    return set()


async def _sure() -> None:
    """Nobody else could have taken over."""


async def _ours(modem: str) -> None:
    """Nobody else could have it."""


@dataclass(slots=True, eq=False)
class Held:
    """A line of ours. Epochs are 0 where it is not held that way; `shard` is None while it is not ours."""

    line: Line
    link: Link
    came: float  # monotonic
    shard: int | None = None
    shard_epoch: int = 0
    call_epoch: int = 0
    task: asyncio.Task[None] | None = None
    due: datetime | None = None
    again: bool = False  # something happened while a round was under way
    in_doubt: bool = False  # another node has the modem that somebody here says to be

    @property
    def epoch(self) -> int:
        """Under which it is polled."""
        return self.call_epoch or self.shard_epoch

    @property
    def absent(self) -> bool:
        """It should call, and is not connected here."""
        return isinstance(self.link, DialIn) and not self.link.connected


@dataclass(slots=True)
class Hooks:
    """What a desk asks and tells its node. `elsewhere`: which of these modems are with another node;
    `acquired`: these lines are ours from now on; `awake`: returns when it is known what is still ours;
    `proved`: a caller in doubt is this modem, returns when it is ours."""

    elsewhere: Callable[[Collection[str]], Awaitable[set[str]]] = _nowhere
    acquired: Callable[[Collection[str]], Awaitable[None]] = _nobody
    awake: Callable[[], Awaitable[None]] = _sure
    proved: Callable[[str], Awaitable[None]] = _ours


class Desk:
    """`serve` polls what is held; `take`, `called`, `drop` and `hung_up` say what that is."""

    def __init__(self, office: Office, roster: Roster, hooks: Hooks | None = None) -> None:
        self.office, self.roster, self.hooks = office, roster, hooks or Hooks()
        self.lines: dict[str, Held] = {}
        self.shards: dict[int, int] = {}  # shards held, with their epochs
        self.calls: dict[str, DialIn] = {}  # the links of all modems that may dial in here
        self.skew_s = 0.0  # the store's clock minus ours
        self._heap: list[tuple[datetime, int, Held]] = []
        self._count = itertools.count()
        self._stopped_since: float | None = None
        self._tried = 0.0  # monotonic; when something was last written to the spool on trial
        self._ticked = time.monotonic()
        self._shown: datetime | None = None  # by the clock, at the last tick
        self._failed: BaseException | None = None

    def link_of(self, modem: str) -> Link | None:
        """The link of a modem whose line is held here."""
        held = self.lines.get(modem)
        return None if held is None or held.in_doubt else held.link

    def epoch_of(self, modem: str) -> int | None:
        """Under which epoch a modem's line is held here; None when it is not."""
        held = self.lines.get(modem)
        return None if held is None or held.in_doubt else held.epoch

    def seat_of(self, meter_id: int) -> Seat | None:
        """The seat of a meter behind a line that is held here."""
        seat = self.roster.seats.get(meter_id)
        return seat if seat is not None and seat.line.modem.code in self.lines else None

    def stamp(self, record: Spooled) -> Spooled:
        """Put the epoch of its line on a record, and when it was taken by the store's clock."""
        held = self.lines.get(record.modem)
        epoch = 0 if held is None else held.epoch
        return replace(record, epoch=epoch, taken=time.time() + self.skew_s)

    async def take(self, shard: int, epoch: int, lines: Sequence[Line]) -> None:
        """A shard is ours. Lines held already go on undisturbed, under the new epoch."""
        self.shards[shard] = epoch
        new = [line.modem.code for line in lines if line.modem.code not in self.lines]
        for line in lines:
            held = self.lines.get(line.modem.code) or self._hold(line)
            held.shard, held.shard_epoch = shard, epoch
        await self.hooks.acquired(new)

    def refresh(self, lines: Iterable[Line]) -> None:
        """Lines we hold, as the register says they are now; a modem whose particulars changed starts anew."""
        for line in lines:
            held = self.lines.get(line.modem.code)
            if held is None or held.line == line:
                continue
            if held.line.modem != line.modem:
                self._end_round(held)
                held.link = self._link(line)
            learnt = self.office.with_modem(line.modem.code)
            for meter in set(line.meters) - set(held.line.meters):  # another password, perhaps: that is tried
                learnt.meters.pop(meter.meter_id, None)
            held.line = line
            self._put(held, self.office.clock())

    def _hold(self, line: Line) -> Held:
        held = self.lines[line.modem.code] = Held(line, self._link(line), time.monotonic())
        self._put(held, self.office.clock())
        return held

    def _link(self, line: Line) -> Link:
        code, modem = line.modem.code, line.modem
        if modem.link is ModemLink.DIAL_IN and code in self.calls:
            return self.calls[code]
        return link_to(modem, self.office.settings.connect_s)

    def drop(self, shard: int) -> None:
        """A shard is no longer ours; conversations under way are as if never begun."""
        self.shards.pop(shard, None)
        for held in [one for one in self.lines.values() if one.shard == shard]:
            held.shard, held.shard_epoch = None, 0
            if not held.call_epoch:
                self._let_go(held)

    async def called(self, line: Line, link: DialIn, epoch: int) -> None:
        """A modem that dialled in here is ours: whatever its meters were put off for is tried again now."""
        code = line.modem.code
        held = self.lines.get(code) or self._hold(line)
        held.line, held.link, held.call_epoch, held.in_doubt = line, link, epoch, False
        link.believe()
        welcome(self.office, line)
        self._now(held)
        await self.hooks.acquired([code])

    def doubt(self, line: Line, link: DialIn) -> None:
        """Somebody here says to be a modem that another node has: that is tried."""
        link.doubt()
        held = self.lines.get(line.modem.code) or self._hold(line)
        held.link, held.in_doubt = link, True
        self._now(held)

    def hung_up(self, modem: str) -> None:
        """A modem that had called is no longer connected, or has called another node."""
        held = self.lines.get(modem)
        if held is not None:
            held.call_epoch, held.in_doubt = 0, False
            if held.shard is None:
                self._let_go(held)

    def wake(self, modem: str) -> None:
        """Something is to be asked at once."""
        held = self.lines.get(modem)
        if held is not None:
            self._now(held)

    def _now(self, held: Held) -> None:
        held.again = True
        if held.task is None or held.task.done():
            self._put(held, self.office.clock())

    def close(self) -> list[asyncio.Task[None]]:
        """Let go of everything; the rounds that are being cancelled."""
        tasks = [held.task for held in self.lines.values() if held.task is not None]
        for held in list(self.lines.values()):
            self._let_go(held)
        self.shards.clear()
        return tasks

    def _let_go(self, held: Held) -> None:
        self.lines.pop(held.line.modem.code, None)
        held.due = None
        self._end_round(held)
        self.roster.drop(held.line)
        self.office.experience.pop(held.line.modem.code, None)
        if not isinstance(held.link, DialIn):
            held.link.close()

    def _end_round(self, held: Held) -> None:
        if held.task is not None and not held.task.done():
            held.task.cancel()

    def _put(self, held: Held, due: datetime) -> None:
        held.due = due
        heapq.heappush(self._heap, (due, next(self._count), held))

    def _due(self, now: datetime) -> list[Held]:
        found = []
        while self._heap and self._heap[0][0] <= now:
            due, _, held = heapq.heappop(self._heap)
            if held.due == due:
                held.due = None
                found.append(held)
        return found

    async def serve(self) -> None:
        """Until cancelled: start a round along every line that is due."""
        while True:
            if time.monotonic() - self._ticked > ASLEEP_S:
                log.warning("this node stood still for %.0f s: it asks what is still its own",
                            time.monotonic() - self._ticked)  # fmt: skip
                await self.hooks.awake()
            self._ticked = time.monotonic()
            if self._failed is not None:
                raise self._failed
            await self._resume()
            self._follow_clock()
            if not self.office.stopped:
                await self._start(self._due(self.office.clock()))
            await asyncio.sleep(TICK_S)

    @property
    def idle(self) -> bool:
        """Nothing has been polled for so long that others had better do it."""
        return self._stopped_since is not None and time.monotonic() - self._stopped_since > GIVE_BACK_S

    async def _resume(self) -> None:
        """Polling that stopped goes on once something could be written on trial, and the spool is empty for
        the most part. It stops too where others could not keep what came to them."""
        office, now = self.office, time.monotonic()
        if not office.stopped and office.spool.wrong is not None:
            office.stop(office.spool.wrong)
        if not office.stopped:
            self._stopped_since = None
        elif self._stopped_since is None:
            self._stopped_since = self._tried = now
        elif now - self._tried > REST_S and office.spool.fullness < ROOM:
            self._tried = now
            try:
                await office.spool.trial()
            except SpoolError:
                return  # said already
            log.warning("there is room in the spool again: polling goes on")
            office.go_on()
            self._stopped_since = None
            self._all_now()

    def _follow_clock(self) -> None:
        """A clock that was ahead and is put right would have all lines wait until it is there again, and so
        would what failed by it, and what was read."""
        now, before = self.office.clock(), self._shown
        self._shown = now
        if before is not None and now < before - PUT_BACK:
            log.warning("the clock was put back by %.0f s: all lines are looked at anew",
                        (before - now).total_seconds())  # fmt: skip
            for learnt in self.office.experience.values():
                learnt.put_back(before - now)
            for seat in self.roster.seats.values():
                seat.known.put_back(now)
            self._all_now()

    def _all_now(self) -> None:
        now = self.office.clock()
        for held in self.lines.values():
            if held.task is None or held.task.done():
                self._put(held, now)

    async def _start(self, due: list[Held]) -> None:
        if not due:
            return
        now = self.office.clock()
        absent = [held for held in due if held.absent]
        away: set[str] = set()
        if absent:
            try:
                away = await self.hooks.elsewhere([held.line.modem.code for held in absent])
            except StoreAway:
                # Whether they are with another node cannot be known: nothing is said of them now.
                away = {held.line.modem.code for held in absent}
        for held in due:
            code = held.line.modem.code
            if self.lines.get(code) is not held:
                continue
            if held.task is not None and not held.task.done():
                held.again = True
            elif held.absent and (code in away or self._just_came(held)):
                self._put(held, now + (AGAIN if code in away else timedelta(seconds=1)))
            else:
                held.again = False
                held.task = asyncio.create_task(self._round(held))
                held.task.add_done_callback(self._ended)

    def _just_came(self, held: Held) -> bool:
        """A modem had hardly the time to call."""
        return time.monotonic() - held.came < self.office.settings.dial_in_wait_s

    async def _round(self, held: Held) -> None:
        # All lines are due at the half-hour; a fleet that calls in the same millisecond helps nobody.
        await asyncio.sleep(random.uniform(0.0, TICK_S))
        seats = self.roster.of(held.line)
        lease = {} if held.shard is None else {"shard": held.shard}
        with about(modem=held.line.modem.code, epoch=held.epoch, **lease):
            doubt = held.in_doubt
            if doubt:
                await self._try(held, seats)
            else:
                await call_round(self.office, held.line, held.link, seats, 0.0)
        if self.lines.get(held.line.modem.code) is held:
            now = self.office.clock()
            self._put(held, now if held.again else now + AGAIN if doubt else due_at(self.office, seats))

    async def _try(self, held: Held, seats: Sequence[Seat]) -> None:
        """Whether the modem has come to us: what its meter says then is the first thing we know of it."""
        link, seat = held.link, witness(seats)
        if not isinstance(link, DialIn) or seat is None:
            return
        readout = await trial(self.office, link, seat)
        if readout is None:
            held.again = held.again or link.connected  # there is another caller to be tried
            return
        await self.hooks.proved(link.modem.code)
        await keep(self.office, seat, readout)

    def _ended(self, task: asyncio.Task[None]) -> None:
        """A round that went wrong is told by `serve`, which ends: nobody else waits for it."""
        if not task.cancelled() and task.exception() is not None:
            self._failed = task.exception()
