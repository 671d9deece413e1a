"""What a head-end has learnt of a line and its meters: how quick they are, and what keeps failing."""

from __future__ import annotations

from datetime import datetime, timedelta

from collector.polling.breaker import Breaker
from collector.polling.pace import Pace


class Experience:
    """With a modem, or with one meter."""

    def __init__(self) -> None:
        self.pace, self.breaker = Pace(), Breaker()


class LineExperience(Experience):
    """With a modem and with each meter behind it, by id."""

    def __init__(self) -> None:
        super().__init__()
        self.meters: dict[int, Experience] = {}

    def of(self, meter_id: int) -> Experience:
        found = self.meters.get(meter_id)
        if found is None:
            found = self.meters[meter_id] = Experience()
        return found

    def welcome(self, now: datetime) -> None:
        """The modem has called: whatever its meters were put off for is tried again now."""
        self.breaker.worked()
        for each in self.meters.values():
            each.breaker.halve(now)

    def put_back(self, by: timedelta) -> None:
        """The clock was ahead by so much."""
        for each in (self, *self.meters.values()):
            each.breaker.put_back(by)
