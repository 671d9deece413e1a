"""Who may talk next: conversations at the same time, in all and in each cell, and new connections a second.

The most urgent waiter is let in first, and whoever has waited for `age_s` seconds stands where somebody one
class more urgent stands who comes now: back-fill waits, but not for ever. A waiter's place in the queue is
therefore the instant of its coming plus its class times `age_s`, which never changes.

An on-demand read waits for no permit of the general kind: people are few. In its cell it is the first.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
import random
from collections.abc import Callable, Coroutine
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Any

from collector.polling.urgency import BACK_FILL, ON_DEMAND, Urgency
from collector.watch.metrics import PERMIT_WAIT_SECONDS

__all__ = ["AGE_S", "Permit", "Permits", "Urgency"]

AGE_S = 600.0
GRAIN_S = 0.005  # so much before its time a new connection may be made: a timer for each costs more than it
DOWN_S = (0.5, 5.0)  # between two calls into a cell in which nobody answers

_WAITED = {urgency: PERMIT_WAIT_SECONDS.of(urgency.name.lower()) for urgency in Urgency}

Key = tuple[bool, float, int]


@dataclass(slots=True, eq=False)
class _Cell:
    """Modems that share a radio cell; `room` is what it takes now, less where calls into it fail."""

    name: str
    most: float
    room: float
    active: int = 0
    waiting: list[tuple[Key, _Waiter]] = field(default_factory=list)
    pause_s: float = 0.0
    shut_until: float = 0.0

    def has_room(self, now: float) -> bool:
        return self.active < int(self.room) and now >= self.shut_until

    def first(self) -> tuple[Key, _Waiter] | None:
        """Who is next; those who gave up are forgotten."""
        while self.waiting and self.waiting[0][1].let_in.done():
            heapq.heappop(self.waiting)
        return self.waiting[0] if self.waiting else None

    def first_is(self, waiter: _Waiter) -> bool:
        """Whether he is next."""
        if self.waiting and self.waiting[0][1] is waiter:
            return not waiter.let_in.done()
        first = self.first()
        return first is not None and first[1] is waiter

    @property
    def idle(self) -> bool:
        return not self.active and self.first() is None and self.room >= self.most


@dataclass(slots=True, eq=False)
class _Waiter:
    urgency: Urgency
    cell: _Cell
    let_in: asyncio.Future[None]


@dataclass(slots=True, eq=False)
class Permit:
    """The right to talk. `urgency` is that of what is being asked now; its holder lowers it as he goes on."""

    urgency: Urgency
    general: bool  # counts among all sessions: one for an on-demand read does not
    _cell: _Cell
    _permits: Permits
    _asked_back: bool = False
    _begun: bool = False

    def give_way(self, urgency: Urgency) -> bool:
        """Before a question of this urgency: whether to end early.

        Back-fill does where somebody more urgent waits for want of this permit. Whoever was let in for
        back-fill, after its time of waiting, has one question first: else he would never come to it.
        """
        first, self._begun = not self._begun and self.urgency is BACK_FILL, True
        self.urgency = urgency
        if first:
            return False
        if not self._asked_back and urgency is BACK_FILL:
            self._asked_back = self._permits.asks_back(self._cell)
        return self._asked_back

    @property
    def wanted(self) -> bool:
        """Whether anybody at all, as urgent or more, waits for want of this permit."""
        return self._asked_back or self._permits.wanted(self._cell, self.urgency)

    def call(self) -> Coroutine[Any, Any, None]:
        """Return when a new connection may be made."""
        return self._permits.call(self.urgency)

    def give_back(self) -> None:
        """The end of what it was for; one that `take` has given is given back by itself."""
        self._permits.back(self)

    def reached(self) -> None:
        """The modem answered: its cell works."""
        self._permits.cell_works(self._cell)

    def unreached(self) -> None:
        """The modem did not answer the call: its cell may be down, and is not to be pressed."""
        self._permits.cell_fails(self._cell)


class _Taking:
    """See `Permits.take`: a class, for there is one in every round."""

    __slots__ = ("_cell", "_permit", "_permits", "_urgency")

    def __init__(self, permits: Permits, urgency: Urgency, cell: str) -> None:
        self._permits, self._urgency, self._cell = permits, urgency, cell

    async def __aenter__(self) -> Permit:
        self._permit = await self._permits.permit(self._urgency, self._cell)
        return self._permit

    async def __aexit__(self, *how: object) -> None:
        self._permits.back(self._permit)


class Permits:
    """`cell_sessions`: the most conversations in one named cell; modems of the cell "" are in none.

    `calls_per_second` new connections, evenly spaced. `now` is the loop's time.
    """

    def __init__(
        self,
        sessions: int,
        calls_per_second: float = 100.0,
        cell_sessions: int = 8,
        *,
        age_s: float = AGE_S,
        now: Callable[[], float] | None = None,
    ) -> None:
        self.sessions, self.cell_sessions = sessions, cell_sessions
        self.active = 0  # on-demand reads aside
        self._age_s, self._spacing_s = age_s, 1.0 / calls_per_second
        self._time = now or self._first_time
        self._came = itertools.count()
        self._open = _Cell("", float("inf"), 1 << 30)
        self._cells: dict[str, _Cell] = {}
        self._next: list[tuple[Key, int, _Waiter]] = []  # the first of each cell that has room
        self._yielding = 0
        self._calls: list[tuple[Key, asyncio.Future[None]]] = []
        self._call_at = 0.0
        self._calling: asyncio.TimerHandle | None = None

    def _first_time(self) -> float:
        self._time = asyncio.get_running_loop().time
        return self._time()

    def take(self, urgency: Urgency, cell: str = "") -> AbstractAsyncContextManager[Permit]:
        """A permit, given back at the end of the block."""
        return _Taking(self, urgency, cell)

    async def permit(self, urgency: Urgency, cell: str = "") -> Permit:
        """A permit, for whoever gives it back."""
        place = self._cell(cell) if cell else self._open
        permit = Permit(urgency, urgency is not ON_DEMAND, place, self)
        if self._nobody_waits(place) and self._has_room(permit):
            self.active += permit.general
            place.active += 1
            _WAITED[urgency].observe(0.0)
            return permit
        began = self._time()
        waiter = _Waiter(urgency, place, asyncio.get_running_loop().create_future())
        heapq.heappush(place.waiting, (self._key(urgency, began), waiter))
        if place.first_is(waiter):  # whoever was first before has been offered already
            self._offer(place)
            self._serve()
        try:
            await waiter.let_in
        except asyncio.CancelledError:
            if waiter.let_in.cancelled():
                self._offer(place)
            else:
                self._give_back(permit)
            self._serve()
            raise
        _WAITED[urgency].observe(self._time() - began)
        return permit

    def _nobody_waits(self, cell: _Cell) -> bool:
        """For this cell, or at all; most of the time it takes no more than a look."""
        return (not cell.waiting or cell.first() is None) and (not self._next or self._head() is None)

    def _has_room(self, permit: Permit) -> bool:
        return (not permit.general or self.active < self.sessions) and self._takes(permit._cell)

    def _takes(self, cell: _Cell) -> bool:
        """Whether a cell takes one more now; there is always room outside of all cells."""
        return cell is self._open or cell.has_room(self._time())

    def back(self, permit: Permit) -> None:
        """The end of a conversation."""
        self._give_back(permit)
        if self._next:
            self._serve()

    def _key(self, urgency: Urgency, now: float) -> Key:
        return (urgency is not ON_DEMAND, now + urgency * self._age_s, next(self._came))

    def _cell(self, name: str) -> _Cell:
        if name not in self._cells:
            self._cells[name] = _Cell(name, self.cell_sessions, self.cell_sessions)
        return self._cells[name]

    def _offer(self, cell: _Cell) -> None:
        """Whoever is first in a cell with room may be let in."""
        first = cell.first()
        if first is not None and self._takes(cell):
            heapq.heappush(self._next, (first[0], id(first[1]), first[1]))

    def _head(self) -> _Waiter | None:
        """Who is let in next, of all who have room in their cells."""
        while self._next:
            _, _, waiter = self._next[0]
            if waiter.cell.first_is(waiter) and self._takes(waiter.cell):
                return waiter
            heapq.heappop(self._next)  # gave up, was let in, or somebody more urgent came
        return None

    def _serve(self) -> None:
        while self._next:
            if self.active >= self.sessions and self._next[0][0][0]:
                return  # those on demand come first: there is none
            waiter = self._head()
            if waiter is None:
                return
            general = waiter.urgency is not ON_DEMAND
            if general and self.active >= self.sessions:
                return
            cell = waiter.cell
            heapq.heappop(self._next)
            heapq.heappop(cell.waiting)
            self.active += general
            cell.active += 1
            waiter.let_in.set_result(None)
            self._offer(cell)

    def _give_back(self, permit: Permit) -> None:
        cell = permit._cell
        self.active -= permit.general
        cell.active -= 1
        self._yielding -= permit._asked_back
        if cell is self._open:
            return  # it had room before, too
        if cell.waiting:
            self._offer(cell)
        if cell.idle:
            self._cells.pop(cell.name, None)

    def wanted(self, cell: _Cell, urgency: Urgency) -> bool:
        """Whether who is next, in all or in this cell, is so urgent or more and waits for a permit."""
        if not cell.waiting and not self._next:
            return False
        first = cell.first()
        if first is not None and not self._takes(cell) and first[1].urgency <= urgency:
            return True
        head = self._head()
        return head is not None and head.urgency <= urgency

    def asks_back(self, cell: _Cell) -> bool:
        """Whether a permit for back-fill is wanted by somebody more urgent; of as many as wait, no more."""
        if not self.wanted(cell, Urgency.ROUTINE):
            return False
        elsewhere = {id(waiter.cell): len(waiter.cell.waiting) for _, _, waiter in self._next}
        if self._yielding >= sum({**elsewhere, id(cell): len(cell.waiting)}.values()):
            return False
        self._yielding += 1
        return True

    async def call(self, urgency: Urgency) -> None:
        """Return when a new connection may be made; at once for an on-demand read."""
        now = self._time()
        if urgency is ON_DEMAND or (now + GRAIN_S >= self._call_at and not self._calls):
            self._call_at = max(now, self._call_at) + self._spacing_s
            return
        may = asyncio.get_running_loop().create_future()
        heapq.heappush(self._calls, (self._key(urgency, now), may))
        self._let_call()
        await may

    def _let_call(self) -> None:
        """Whoever is next may call when it is time; then the one behind."""
        while self._calls and self._calls[0][1].done():
            heapq.heappop(self._calls)
        if self._calls and self._calling is None:
            self._calling = asyncio.get_running_loop().call_later(
                max(0.0, self._call_at - self._time()), self._called
            )

    def _called(self) -> None:
        self._calling = None
        while self._calls:
            _, may = heapq.heappop(self._calls)
            if not may.done():
                self._call_at = max(self._time(), self._call_at) + self._spacing_s
                may.set_result(None)
                if self._time() + GRAIN_S < self._call_at:
                    break
        self._let_call()

    def cell_works(self, cell: _Cell) -> None:
        """A modem of the cell answered: one conversation more at a time, up to the most."""
        if cell is self._open:
            return
        if cell.room < cell.most:
            cell.room = min(cell.most, cell.room + 1)
        cell.pause_s = cell.shut_until = 0.0
        self._offer(cell)
        self._serve()

    def cell_fails(self, cell: _Cell) -> None:
        """A modem of the cell could not be called: half as many at a time, and at one a pause that grows."""
        if cell is self._open:
            return
        cell.room = max(1.0, cell.room / 2)
        if cell.room < 2:
            cell.pause_s = min(max(DOWN_S[0], cell.pause_s * 2), DOWN_S[1])
            pause = cell.pause_s * random.uniform(0.5, 1.0)
            cell.shut_until = self._time() + pause
            asyncio.get_running_loop().call_later(pause, self._reopen, cell, cell.shut_until)

    def _reopen(self, cell: _Cell, shut_until: float) -> None:
        """It was shut until then, and no failure since has shut it for longer.

        By the timer, not by the clock: one of whole milliseconds goes off before its time as often as after,
        and nobody would look again.
        """
        if cell.shut_until == shut_until:
            cell.shut_until = 0.0
        self._offer(cell)
        self._serve()
