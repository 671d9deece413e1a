"""The event loop's pulse: how late it comes to what is due, and whether it still beats at all."""

from __future__ import annotations

import asyncio
import time
from collections import deque

from collector.watch.metrics import EVENT_LOOP_LAG_SECONDS

EVERY_S = 0.25
REMEMBERED = 240  # a minute of beats


class Pulse:
    """`beat` runs as a task of the loop; whoever looks at `silent_s` may be another thread."""

    def __init__(self, every_s: float = EVERY_S) -> None:
        self._every_s = every_s
        self._lags: deque[float] = deque(maxlen=REMEMBERED)
        self.beat_at = time.monotonic()

    async def beat(self) -> None:
        """Until cancelled: look at the clock, sleep, see how late it is."""
        while True:
            self.beat_at = before = time.monotonic()
            await asyncio.sleep(self._every_s)
            lag = max(0.0, time.monotonic() - before - self._every_s)
            EVENT_LOOP_LAG_SECONDS.observe(lag)
            self._lags.append(lag)

    @property
    def silent_s(self) -> float:
        """For how long the loop has done nothing that it should have done."""
        return max(0.0, time.monotonic() - self.beat_at - self._every_s)

    def lag_s(self, share: float) -> float:
        """The lag that `share` of the last minute's beats stayed below; 0 before the first."""
        ordered = sorted(self._lags)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0
