"""Time is an argument: the clocks a program hands on."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from model.errors import ModelError
from model.period import LOCAL, require_aware

Clock = Callable[[], datetime]


def parse_instant(text: str) -> datetime:
    """An ISO 8601 instant; without an offset it is Vietnamese local time, without an hour local midnight."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise ModelError(f"{text!r} is no instant: write it like 2026-10-01T06:30+07:00") from None
    return at if at.tzinfo is not None else at.replace(tzinfo=LOCAL)


def frozen(at: datetime) -> Clock:
    """A clock that stands still."""
    require_aware(at)
    return lambda: at


def shifted(base: Clock, offset: timedelta) -> Clock:
    """A clock that runs like `base`, `offset` later."""
    return lambda: (base() + offset).astimezone(UTC)
