"""Time-outs of one conversation after another by a single timer, instead of one for every answer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class Patience:
    """What `asyncio.timeout_at` does, for somebody who waits very often and hardly ever in vain.

    The timer stays where it is while answers come; when it goes off it looks whether anybody has really
    waited too long, and is set anew. Belongs to one task at a time.
    """

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._set_for = 0.0
        self._due = 0.0
        self._later: Callable[[], float] | None = None
        self._waiting: asyncio.Task[Any] | None = None
        self._over = False

    async def until(
        self, due: float, work: Coroutine[Any, Any, T], later: Callable[[], float] | None = None
    ) -> T:
        """The result of `work`; `TimeoutError` when it is not there at `due`, in the loop's time.

        `later`: when it really is due, which is not before `due`. It is asked for only when that has passed,
        for what takes some working out and hardly ever matters.
        """
        self._due, self._later = due, later
        if self._timer is None or self._set_for > due:
            self._set()
        task = self._waiting = asyncio.current_task(self._loop)
        assert task is not None
        cancelling = task.cancelling()
        try:
            return await work
        except asyncio.CancelledError:
            if self._over and task.uncancel() <= cancelling:
                raise TimeoutError from None
            raise
        finally:
            self._waiting, self._later, self._over = None, None, False  # whoever waited is let go of

    def end(self) -> None:
        """Nobody will wait any more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _set(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if self._loop is None:
            self._loop = asyncio.get_running_loop()
        self._set_for = self._due
        self._timer = self._loop.call_at(self._due, self._went_off)

    def _went_off(self) -> None:
        self._timer = None
        if self._waiting is None or self._loop is None:
            return
        now = self._loop.time()
        if now >= self._due and self._later is not None:
            self._due = self._later()
        if now < self._due:
            self._set()
            return
        self._over = True
        self._waiting.cancel()
