"""A circuit breaker per meter, and per modem: what keeps failing is left alone for a while, then tried once.

closed ── so many failures in a row ──▶ open ── its time is over ──▶ half open ── an answer ──▶ closed
                                         ▲                               │
                                         └──────── another failure ──────┘  twice as long, to 15 minutes
"""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from enum import Enum

BACK_OFF = (timedelta(seconds=30), timedelta(minutes=15))


class State(Enum):
    """What may be asked."""

    CLOSED = "closed"  # everything
    OPEN = "open"  # nothing
    HALF_OPEN = "half_open"  # one try


class Breaker:
    """`until` is when one that has opened lets a try through. Instants are handed in, aware."""

    # As long as nothing has failed.
    failures = 0  # in a row
    until: datetime | None = None
    _opened = 0  # in a row
    _shut = False

    def state(self, now: datetime) -> State:
        if self.until is None:
            return State.CLOSED
        return State.OPEN if now < self.until else State.HALF_OPEN

    def may(self, now: datetime) -> bool:
        """Whether a try may be made at all."""
        return self.state(now) is not State.OPEN

    def tries(self, now: datetime, most: int) -> int:
        """How many tries a round has: `most` while closed."""
        if self.until is None:
            return most
        return 0 if now < self.until else 1

    def failed(self, now: datetime, after: int) -> None:
        """A try brought nothing. Opens after `after` in a row; at once where it was half open."""
        self.failures += 1
        if self.state(now) is State.OPEN or (self.until is None and self.failures < after):
            return
        self._shut = False
        least, most = BACK_OFF
        whole = min(least * 2 ** min(self._opened, 16), most)
        self._opened += 1
        # A fleet that failed together must not come back together.
        self.until = now + whole * random.uniform(0.5, 1.0)

    def shut(self, now: datetime, for_: timedelta) -> None:
        """Nothing before this time: asking again would change nothing, or lock the meter."""
        self.failures += 1
        self._shut = True
        self.until = now + for_ * random.uniform(0.9, 1.0)

    def worked(self) -> None:
        """An answer: as if nothing had ever been."""
        if self.failures:
            self.failures, self.until, self._opened, self._shut = 0, None, 0, False

    def halve(self, now: datetime) -> None:
        """There is reason to think that it works again: a try now, not at the end of the time.

        What was shut stays shut: a modem that calls again does not make a password right.
        """
        if self.until is not None and not self._shut:
            self.until = min(self.until, now)

    def put_back(self, by: timedelta) -> None:
        """The clock was ahead by so much: what is left of its time stays what it was."""
        if self.until is not None:
            self.until -= by
