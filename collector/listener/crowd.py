"""Callers by the address they come from: how many stand at the door, how many are inside, how fast they come.

Nothing is bounded over all addresses: then strangers could lock good modems out.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from dataclasses import dataclass
from ipaddress import ip_address

REMEMBERED = 65_536  # addresses whose pace is remembered
BURST = 2.0  # seconds' worth of connections that may come at once


@dataclass(frozen=True, slots=True)
class Caps:
    """For each address: callers without a name, callers with one, new connections a second."""

    at_the_door: int = 64
    inside: int = 20_000
    per_second: float = 500.0


def neighbourhood(address: str) -> str:
    """What is counted as one address: of IPv6 the /64, which is what one subscriber has."""
    if ":" not in address:
        return address
    try:
        six = ip_address(address.partition("%")[0])
    except ValueError:
        return address
    mapped = getattr(six, "ipv4_mapped", None)
    return str(mapped) if mapped is not None else six.exploded[:19]


class Crowd:
    """Counts; `now` is seconds of any clock that only goes forward."""

    def __init__(self, caps: Caps) -> None:
        self.caps = caps
        self.at_the_door: Counter[str] = Counter()
        self.inside: Counter[str] = Counter()
        self._pace: OrderedDict[str, tuple[float, float]] = OrderedDict()  # connections left, at an instant

    def refusal(self, address: str, now: float) -> str:
        """Why one more caller from there may not stand at the door; empty when he may, and then he counts."""
        if not self.in_pace(address, now):
            return "rate"
        if self.at_the_door[address] >= self.caps.at_the_door:
            return "address_cap"
        if self.inside[address] >= self.caps.inside:
            return "registered_cap"
        self.at_the_door[address] += 1
        return ""

    def in_pace(self, address: str, now: float) -> bool:
        """Whether one more from there, connection or datagram, comes no faster than it may; it counts."""
        most = max(1.0, self.caps.per_second * BURST)
        left, at = self._pace.pop(address, (most, now))
        left = min(most, left + (now - at) * self.caps.per_second)
        self._pace[address] = (left - 1.0 if left >= 1.0 else left, now)
        if len(self._pace) > REMEMBERED:
            self._pace.popitem(last=False)
        return left >= 1.0

    def left(self, address: str) -> None:
        """One at the door has gone, or has gone in."""
        _less(self.at_the_door, address)

    def went_in(self, address: str) -> None:
        """One has a name now."""
        self.inside[address] += 1

    def went_out(self, address: str) -> None:
        """One of those has gone."""
        _less(self.inside, address)


def _less(counter: Counter[str], address: str) -> None:
    counter[address] -= 1
    if counter[address] <= 0:
        del counter[address]
