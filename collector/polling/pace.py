"""How long an answer is waited for: from the round trips that were measured, as TCP does (RFC 6298).

Two kinds of question are told apart, for a meter that gives its clock in 50 ms may look for the rows of a
week for five seconds. A modem's pace is the mean of its meters'; a meter goes by its own as soon as it has
answered. Time-outs double the wait of the meter that was silent, not of its neighbours.
"""

from __future__ import annotations

LEAST_S = 2.0
MOST_DOUBLED = 6
_GRANULARITY_S = 0.05


class RoundTrip:
    """Smoothed round trip and its variation in seconds, RFC 6298 (2)."""

    # Before the first sample.
    srtt_s: float | None = None
    rttvar_s = 0.0
    doubled = 0

    def answered(self, rtt_s: float) -> None:
        """An answer after so many seconds, to a question that was asked once.

        Of one that was repeated nobody knows which one it answers: it is no sample, and the doubled wait
        stays until there is one (Karn; RFC 6298 (3) and (5.5)).
        """
        if self.srtt_s is None:
            self.srtt_s, self.rttvar_s = rtt_s, rtt_s / 2
        else:
            ahead_s = rtt_s - self.srtt_s
            self.rttvar_s += (abs(ahead_s) - self.rttvar_s) / 4
            self.srtt_s += ahead_s / 8
        if self.doubled:
            self.doubled = 0

    def silent(self) -> None:
        """No answer in time: twice as long the next time."""
        self.doubled = min(self.doubled + 1, MOST_DOUBLED)

    @property
    def wait_s(self) -> float | None:
        """SRTT + max (G, 4 × RTTVAR), without the doubling and the bounds."""
        if self.srtt_s is None:
            return None
        return self.srtt_s + max(_GRANULARITY_S, 4 * self.rttvar_s)


class Pace:
    """The round trips of one meter, or of all meters behind one modem, by kind of question."""

    def __init__(self) -> None:
        self.quick, self.bulk = RoundTrip(), RoundTrip()

    def of(self, *, bulk: bool) -> RoundTrip:
        """`bulk`: a selection of rows."""
        return self.bulk if bulk else self.quick


def wait_s(meter: Pace, modem: Pace, most_s: float, *, bulk: bool) -> float:
    """Seconds to wait for the next answer: at least 2, unless `most_s` is less, and `most_s` at the most.

    `most_s` as long as nothing has been measured behind the modem.
    """
    own = meter.of(bulk=bulk)
    measured = own.wait_s if own.srtt_s is not None else modem.of(bulk=bulk).wait_s
    if measured is None:
        return most_s
    return min(most_s, max(LEAST_S, measured) * (1 << own.doubled))
