"""The only place, beside the transports, that knows the real clock."""

from __future__ import annotations

from datetime import UTC, datetime

from model.clock import Clock, frozen, shifted


def wall() -> datetime:
    """Now."""
    return datetime.now(UTC)


def clock(as_of: datetime | None, *, ticking: bool = False) -> Clock:
    """The real clock; or one that stands at `as_of`; or one that runs on from there."""
    if as_of is None:
        return wall
    return shifted(wall, as_of - wall()) if ticking else frozen(as_of)
