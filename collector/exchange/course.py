"""How one conversation goes on: how long an answer is waited for, and whether somebody waits for us."""

from __future__ import annotations

from collections.abc import Callable
from statistics import median

from collector.polling import pace
from collector.polling.pace import Pace, wait_s
from collector.polling.urgency import Urgency


def nobody(urgency: Urgency) -> bool:
    """Nobody waits for the line."""
    return False


class Course:
    """Of one conversation. `answer_s`: the most that an answer is waited for, in seconds.

    `meter` and `modem` know the round trips of before, and learn those of now; without them every answer may
    take `answer_s`. `way` is asked before every question that can be put off, with its urgency.
    """

    def __init__(
        self,
        answer_s: float,
        meter: Pace | None = None,
        modem: Pace | None = None,
        way: Callable[[Urgency], bool] = nobody,
    ) -> None:
        self.answer_s = answer_s
        self.least_s = min(answer_s, pace.LEAST_S)  # no wait is shorter
        self.gave_way = False
        self._meter, self._modem, self._way = meter, modem, way
        self._trips: list[float] = []

    def give_way(self, urgency: Urgency) -> bool:
        """Whether to end here: somebody more urgent waits. Once true, it stays so."""
        self.gave_way = self.gave_way or self._way(urgency)
        return self.gave_way

    def wait_s(self, *, bulk: bool) -> float:
        """Seconds to wait for the answer that is due."""
        if self._meter is None or self._modem is None:
            return self.answer_s
        return wait_s(self._meter, self._modem, self.answer_s, bulk=bulk)

    def answered(self, rtt_s: float, *, bulk: bool, repeated: bool) -> None:
        """The first bytes of an answer came after so many seconds; `repeated`: of a question asked twice."""
        if repeated:
            return  # nobody knows which one it answers
        meter, modem = self._meter, self._modem
        if not bulk:
            self._trips.append(rtt_s)
        if meter is not None:
            (meter.bulk if bulk else meter.quick).answered(rtt_s)
        if modem is not None:
            (modem.bulk if bulk else modem.quick).answered(rtt_s)

    def silent(self, *, bulk: bool) -> None:
        """No answer in time."""
        if self._meter is not None:
            self._meter.of(bulk=bulk).silent()

    @property
    def rtt_s(self) -> float | None:
        """The round trip of this conversation: the median of its quick questions; None without one."""
        return median(self._trips) if self._trips else None
