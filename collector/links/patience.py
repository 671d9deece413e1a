"""Time-outs of one conversation after another by a single timer, instead of one for every answer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self


class Patience:
    """What `asyncio.timeout_at` does, for somebody who waits very often and hardly ever in vain.

    The timer stays where it is while answers come; when it goes off it looks whether anybody has really
    waited too long, and is set anew. Belongs to one task.
    """

    _timer: asyncio.TimerHandle | None = None
    _set_for = 0.0
    _due = 0.0
    _later: Callable[[], float] | None = None
    _task: asyncio.Task[Any]
    _cancelling = 0
    _waiting = _over = False

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop

    def until(self, due: float, later: Callable[[], float] | None = None) -> Self:
        """For a `with`: what is awaited in it raises `TimeoutError` when it is not there at `due`, in the
        loop's time.

        `later`: when it really is due, which is not before `due`. It is asked for only when that has passed,
        for what takes some working out and hardly ever matters.
        """
        self._due, self._later = due, later
        if self._timer is None or self._set_for > due:
            task = asyncio.current_task(self._loop)
            assert task is not None
            self._task = task
            self._set()
        return self

    def __enter__(self) -> None:
        self._waiting, self._cancelling = True, self._task.cancelling()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._waiting, self._later = False, None  # whoever waited is let go of
        if self._over:
            self._over = False
            if self._task.uncancel() <= self._cancelling and kind is asyncio.CancelledError:
                raise TimeoutError from None

    def end(self) -> None:
        """Nobody will wait any more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _set(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._set_for = self._due
        self._timer = self._loop.call_at(self._due, self._went_off)

    def _went_off(self) -> None:
        self._timer = None
        if not self._waiting:
            return
        now = self._loop.time()
        if now >= self._due and self._later is not None:
            self._due = self._later()
        if now < self._due:
            self._set()
            return
        self._over = True
        self._task.cancel()
