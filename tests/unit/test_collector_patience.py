"""One timer for all the answers of a conversation: it does what a time-out of each would do."""

from __future__ import annotations

import asyncio
import gc
import weakref
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from collector.links.patience import Patience


async def after(seconds: float, value: int = 1) -> int:
    await asyncio.sleep(seconds)
    return value


async def waited(
    patience: Patience, due: float, work: Coroutine[Any, Any, int], later: Callable[[], float] | None = None
) -> int:
    with patience.until(due, later):
        return await work


async def test_an_answer_in_time_is_handed_on_and_a_late_one_is_a_timeout() -> None:
    loop = asyncio.get_running_loop()
    patience = Patience(loop)
    for _ in range(3):
        assert await waited(patience, loop.time() + 0.05, after(0.01)) == 1
    with pytest.raises(TimeoutError):
        await waited(patience, loop.time() + 0.02, after(5))
    assert asyncio.current_task() is not None
    assert asyncio.current_task().cancelling() == 0  # type: ignore[union-attr]
    assert await waited(patience, loop.time() + 1, after(0.01, 2)) == 2
    patience.end()


async def test_the_timer_of_a_quick_answer_does_not_cut_off_a_later_one() -> None:
    loop = asyncio.get_running_loop()
    patience = Patience(loop)
    assert await waited(patience, loop.time() + 0.05, after(0.0)) == 1
    assert await waited(patience, loop.time() + 0.3, after(0.1)) == 1
    began = loop.time()
    with pytest.raises(TimeoutError):
        await waited(patience, loop.time() + 0.1, after(5))
    assert 0.09 < loop.time() - began < 1
    patience.end()


async def test_a_sooner_end_than_the_timer_that_runs_is_kept() -> None:
    loop = asyncio.get_running_loop()
    patience = Patience(loop)
    assert await waited(patience, loop.time() + 30, after(0.0)) == 1
    began = loop.time()
    with pytest.raises(TimeoutError):
        await waited(patience, loop.time() + 0.05, after(5))
    assert loop.time() - began < 2
    patience.end()


async def test_being_cancelled_from_outside_is_no_timeout() -> None:
    loop = asyncio.get_running_loop()
    patience = Patience(loop)
    task = asyncio.create_task(waited(patience, loop.time() + 30, after(5)))
    await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    patience.end()


async def test_nobody_waiting_is_not_disturbed() -> None:
    loop = asyncio.get_running_loop()
    patience = Patience(loop)
    assert await waited(patience, loop.time() + 0.02, after(0.0)) == 1
    await asyncio.sleep(0.05)  # the timer goes off meanwhile
    assert await waited(patience, loop.time() + 1, after(0.0)) == 1
    patience.end()


async def test_what_is_due_later_than_it_seemed_is_asked_for_only_then() -> None:
    loop = asyncio.get_running_loop()
    patience = Patience(loop)
    asked: list[float] = []

    def later() -> float:
        asked.append(loop.time() - began)
        return began + 0.1

    began = loop.time()
    assert await waited(patience, began + 0.02, after(0.0), later) == 1
    assert asked == []
    assert await waited(patience, began + 0.02, after(0.06), later) == 1
    assert [since >= 0.019 for since in asked] == [True]
    with pytest.raises(TimeoutError):
        await waited(patience, began + 0.02, after(5), later)
    assert 0.09 < loop.time() - began < 1
    patience.end()


async def test_what_goes_wrong_while_the_time_runs_out_is_told_and_leaves_the_task_alone() -> None:
    loop = asyncio.get_running_loop()
    patience = Patience(loop)

    async def stubborn() -> int:
        try:
            await asyncio.sleep(5)
        except asyncio.CancelledError:
            raise ConnectionError("hung up") from None
        return 1

    with pytest.raises(ConnectionError, match="hung up"):
        await waited(patience, loop.time() + 0.02, stubborn())
    task = asyncio.current_task()
    assert task is not None
    assert task.cancelling() == 0
    assert await waited(patience, loop.time() + 1, after(0.0)) == 1
    patience.end()


async def test_whoever_has_waited_is_let_go_of() -> None:
    loop = asyncio.get_running_loop()

    class Waiter:
        def __init__(self) -> None:
            self.patience = Patience(loop)

        def later(self) -> float:
            return 0.0

    waiter = Waiter()
    with waiter.patience.until(loop.time() + 5, waiter.later):
        await asyncio.sleep(0)
    waiter.patience.end()
    gone = weakref.ref(waiter)
    gc.disable()
    try:
        del waiter
        assert gone() is None  # no cycle: the collector need not look for it
    finally:
        gc.enable()
