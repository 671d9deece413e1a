"""How urgent a conversation is."""

from __future__ import annotations

from enum import IntEnum


class Urgency(IntEnum):
    """The lower, the sooner."""

    ON_DEMAND = 0
    CLOSING = 1
    REAL_TIME = 2
    ROUTINE = 3
    BACK_FILL = 4
