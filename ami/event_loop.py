"""The event loop of a head-end: tens of thousands of connections, thousands of conversations a minute."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable, Coroutine
from typing import Any, Final, TypeVar

try:
    from uvloop import new_event_loop as new_event_loop
except ImportError:  # not where it is not made for
    new_event_loop: Callable[[], asyncio.AbstractEventLoop] | None = None  # type: ignore[no-redef]

T = TypeVar("T")

COLLECT: Final = (50_000, 20, 20)
"""How many objects more than before make the collector look for cycles. By default it looks after every tenth
conversation, and ever so often through all that is known of the fleet, where there is hardly a cycle."""


def settled() -> None:
    """What is there by now stays, the whole register among it: it is not looked through for cycles again."""
    gc.freeze()


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run `work` to its end, as `asyncio.run` does."""
    gc.set_threshold(*COLLECT)
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        return runner.run(work)
