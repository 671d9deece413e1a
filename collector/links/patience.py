"""Time-outs of one conversation after another by a single timer, instead of one for every answer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self


class Patience:
    """What `asyncio.timeout_at` does, for somebody who waits very often and hardly ever in vain.

    The timer stays where it is while answers come; when it goes off it looks whether anybody has really
    waited too long, and is set anew. Belongs to one task at a time.
    """

    _loop: asyncio.AbstractEventLoop | None = None
    _timer: asyncio.TimerHandle | None = None
    _set_for = 0.0
    _due = 0.0
    _later: Callable[[], float] | None = None
    _waiting: asyncio.Task[Any] | None = None
    _cancelling = 0
    _over = False

    def until(self, due: float, later: Callable[[], float] | None = None) -> Self:
        """For a `with`: what is awaited in it raises `TimeoutError` when it is not there at `due`, in the
        loop's time.

        `later`: when it really is due, which is not before `due`. It is asked for only when that has passed,
        for what takes some working out and hardly ever matters.
        """
        self._due, self._later = due, later
        if self._timer is None or self._set_for > due:
            self._set()
        return self

    def __enter__(self) -> None:
        task = self._waiting = asyncio.current_task(self._loop)
        assert task is not None
        self._cancelling = task.cancelling()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        task, over = self._waiting, self._over
        self._waiting, self._later, self._over = None, None, False  # whoever waited is let go of
        ours = over and task is not None and task.uncancel() <= self._cancelling
        if ours and kind is asyncio.CancelledError:
            raise TimeoutError from None

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
