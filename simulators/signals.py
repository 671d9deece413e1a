"""How a simulation is ended from outside: SIGTERM, or Ctrl-C."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Callable, Iterator


@contextlib.contextmanager
def stopping(loop: asyncio.AbstractEventLoop, stop: Callable[[], None]) -> Iterator[None]:
    """Have signals end the fleet in order, where this loop may handle them."""
    handled = []
    for number in (signal.SIGTERM, signal.SIGINT):
        # Not in a thread that is not the main one, as in some tests.
        with contextlib.suppress(ValueError, RuntimeError, NotImplementedError):
            loop.add_signal_handler(number, stop)
            handled.append(number)
    try:
        yield
    finally:
        for number in handled:
            loop.remove_signal_handler(number)
