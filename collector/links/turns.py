"""Who is next on a line: one at a time, the most urgent first, and whoever came first among equals."""

from __future__ import annotations

import asyncio
import heapq

from collector.polling.urgency import Urgency


class Turns:
    """A lock whose waiters are let in by urgency; whoever has it keeps it until he gives it back."""

    __slots__ = ("_came", "_taken", "_waiting")

    def __init__(self) -> None:
        self._taken = False
        self._came = 0
        self._waiting: list[tuple[Urgency, int, asyncio.Future[None]]] = []

    @property
    def taken(self) -> bool:
        """Somebody has the turn."""
        return self._taken

    @property
    def wanted_by(self) -> Urgency | None:
        """How urgent the most urgent waiter is, None when nobody waits."""
        while self._waiting and self._waiting[0][2].done():
            heapq.heappop(self._waiting)  # gave up, or has just been called
        return self._waiting[0][0] if self._waiting else None

    def at_once(self) -> bool:
        """Take the turn if nobody has it; to be given back by `give_back`."""
        free, self._taken = not self._taken, True
        return free

    async def take(self, urgency: Urgency) -> None:
        """Return once the turn is ours; to be given back by `give_back`."""
        if self.at_once():
            return
        called = asyncio.get_running_loop().create_future()
        self._came += 1
        heapq.heappush(self._waiting, (urgency, self._came, called))
        try:
            await called
        except asyncio.CancelledError:
            if called.done() and not called.cancelled():
                self.give_back()  # called and gone in the same moment: the next one must not wait for ever
            raise

    def give_back(self) -> None:
        """The turn is over: the next one has it, or nobody."""
        while self._waiting:
            _, _, called = heapq.heappop(self._waiting)
            if not called.done():
                called.set_result(None)
                return
        self._taken = False
