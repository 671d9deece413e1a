"""How urgent a conversation is."""

from __future__ import annotations

from enum import IntEnum


class Urgency(IntEnum):
    """The lower, the sooner."""

    ON_DEMAND = 0  # somebody waits for the answer, or an order is to be carried out
    CLOSING = 1  # the index that a bill is closed with
    REAL_TIME = 2  # voltages and currents that are watched
    ROUTINE = 3  # the half-hours that have just ended
    BACK_FILL = 4  # what an outage or a late hanging left open


# Names of their own: looking a member up in its enum takes ten times as long, and every conversation does so.
ON_DEMAND, CLOSING, REAL_TIME, ROUTINE, BACK_FILL = Urgency
