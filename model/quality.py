"""The quality that travels with every slot of a day, from the meter to the page."""

from __future__ import annotations

from enum import IntEnum


class Quality(IntEnum):
    """One byte per slot. Missing is not zero; an estimate says how it was made."""

    MISSING = 0
    ACTUAL = 1
    LINEAR = 2  # between two actual neighbours, gap of two hours at most
    LIKE_DAY = 3  # mean of like days, scaled to the register difference
    FLAT = 4  # the register difference spread evenly: nothing better was known
    UNSCALED = 5  # estimated without a register difference to hold it
    SUSPECT = 6  # the meter said it, validation doubts it
    EDITED = 7  # a person decided, with a reason

    @property
    def is_estimated(self) -> bool:
        return Quality.LINEAR <= self <= Quality.UNSCALED

    @property
    def word(self) -> str:
        """The word an export uses: missing, actual, estimated, suspect or edited."""
        if self.is_estimated:
            return "estimated"
        return self.name.lower()


class Severity(IntEnum):
    """How loudly a finding or an alert speaks."""

    INFO = 0
    BLUE = 1
    AMBER = 2
    RED = 3
