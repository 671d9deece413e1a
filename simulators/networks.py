"""What lies between modems and the head-end at scale: a named network, as data, and its draws from a seed."""

from __future__ import annotations

import tomllib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import cache
from pathlib import Path
from typing import Any, Final

from simulators.chance import key
from simulators.errors import SimulatorError

_FILE: Final = Path(__file__).with_name("networks.toml")
_MASK: Final = (1 << 64) - 1
_SHARES: Final = ("silent", "unanswered", "cut", "garbled")


class Fate(Enum):
    """What becomes of one exchange."""

    ANSWERED = "answered"
    UNANSWERED = "unanswered"
    CUT = "cut"
    GARBLED = "garbled"


@dataclass(frozen=True, slots=True)
class Network:
    """Shares of modems (`silent`) and of exchanges (the others), and how late answers are (least, most)."""

    name: str
    title: str
    silent: float = 0.0
    unanswered: float = 0.0
    cut: float = 0.0
    garbled: float = 0.0
    delay_s: tuple[float, float] = (0.0, 0.0)

    @property
    def is_clean(self) -> bool:
        """Whether every answer comes at once and whole."""
        return not (self.unanswered or self.cut or self.garbled or self.delay_s[1])

    def fate(self, drawn: float) -> Fate:
        """What becomes of an exchange, by a draw from [0, 1)."""
        if drawn < self.unanswered:
            return Fate.UNANSWERED
        drawn -= self.unanswered
        if drawn < self.cut:
            return Fate.CUT
        drawn -= self.cut
        return Fate.GARBLED if drawn < self.garbled else Fate.ANSWERED

    def dead(self, seed: int, codes: Sequence[str]) -> frozenset[str]:
        """The silent modems among these: their share of them exactly (rounded), drawn from the seed."""
        drawn = sorted(codes, key=lambda code: key("dead", seed, code))
        return frozenset(drawn[: round(len(codes) * self.silent)])


@cache
def _all() -> Mapping[str, Network]:
    return {name: _network(name, said) for name, said in tomllib.loads(_FILE.read_text("utf-8")).items()}


def _network(name: str, said: Mapping[str, Any]) -> Network:
    shares = {share: float(said.get(share, 0.0)) for share in _SHARES}
    least, most = said.get("delay_ms", (0, 0))
    if sum(shares[fate] for fate in _SHARES[1:]) > 1 or not 0 <= least <= most:
        raise SimulatorError(
            f"the network {name} in {_FILE.name} does more than everything: lower its shares"
        )
    return Network(name, said["title"], **shares, delay_s=(least / 1000, most / 1000))


def names() -> tuple[str, ...]:
    """The networks there are."""
    return tuple(_all())


def load(name: str) -> Network:
    """A network by its name; raises `SimulatorError` for one that is not there."""
    try:
        return _all()[name]
    except KeyError:
        known = ", ".join(names())
        raise SimulatorError(f"there is no network {name!r}: choose one of {known}") from None


class Weather:
    """The draws of one modem: its n-th exchange has the same fate whatever the others do; `fates` counts."""

    __slots__ = ("_fates", "_network", "_state", "is_clear")

    def __init__(self, network: Network, seed: int, code: str, fates: Counter[Fate] | None = None) -> None:
        self._network, self._fates = network, fates
        self.is_clear = network.is_clean
        self._state = key("weather of", seed, code)

    def exchange(self) -> tuple[Fate, float]:
        """What becomes of the next exchange, and by how many seconds its answer is late."""
        network = self._network
        drawn = self._draw()
        least, most = network.delay_s
        late = least + (most - least) * self._draw() if most else 0.0
        fate = network.fate(drawn)
        if self._fates is not None:
            self._fates[fate] += 1
        return fate, late

    def _draw(self) -> float:
        """SplitMix64: eight bytes of state, where a generator of the library has two thousand."""
        self._state = z = (self._state + 0x9E3779B97F4A7C15) & _MASK
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9 & _MASK
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB & _MASK
        return ((z ^ (z >> 31)) >> 11) * 2.0**-53


CLEAR: Final = Weather(Network("clear", "Nothing happens."), 0, "")
