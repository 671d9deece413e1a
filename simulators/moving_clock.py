"""The fleet's clock: the real one, or one that is set from outside and stands still or runs on."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from model.clock import Clock
from model.period import require_aware


def wall() -> datetime:
    """The real time."""
    return datetime.now(UTC)


class MovingClock:
    """Callable like any clock. With `at` None it shows the real time."""

    def __init__(self, real: Clock, at: datetime | None, *, ticking: bool) -> None:
        self._real = real
        self._ticking = ticking
        self._at: datetime | None = None
        self._set_when = real()
        self.set(at)

    def __call__(self) -> datetime:
        """Now, for the fleet."""
        if self._at is None:
            return self._real()
        passed = self._real() - self._set_when if self._ticking else timedelta(0)
        return self._at + passed

    def set(self, at: datetime | None) -> None:
        """Show `at` from now on (None: the real time)."""
        self._at = None if at is None else require_aware(at).astimezone(UTC)
        self._set_when = self._real()
