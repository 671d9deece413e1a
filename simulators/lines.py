"""Which meters share a modem, and how each modem is reached."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

from model.grid import ModemLink
from simulators.chance import stream

BENCH: Final = "BENCH-1"
DIALECTS: Final = ("text-once", "hex-once", "text-every-packet")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Line:
    """One modem: its meters' serials in the order of their addresses 1, 2, 3 …"""

    code: str
    link: ModemLink
    serials: tuple[str, ...]
    dialect: str = "transparent"
    registration: str = ""


def groups(chance: random.Random, members: Sequence[T], least: int, most: int) -> list[list[T]]:
    """Cut a sequence into pieces of `least` to `most`."""
    cut: list[list[T]] = []
    rest = list(members)
    while rest:
        size = chance.randint(least, most)
        cut.append(rest[:size])
        rest = rest[size:]
    return cut


class Lines:
    """Draws the modems of a fleet; without a listener to call, all of them wait to be called."""

    def __init__(self, seed: int, *, can_dial_in: bool, dialects: Sequence[str]) -> None:
        self._chance = stream("lines", seed)
        self._can_dial_in = can_dial_in
        self._dialects = dialects
        self.drawn: list[Line] = []

    def add(self, serials: Sequence[str], *, dial_in: bool = False, code: str = "") -> Line:
        """One more modem. The draws are the same whether or not there is a listener."""
        imei = "86" + "".join(self._chance.choices("0123456789", k=13))
        dialect = self._chance.choice(tuple(self._dialects))
        name = code or f"MD-{len(self.drawn) + 1:02d}"
        if dial_in and self._can_dial_in:
            line = Line(name, ModemLink.DIAL_IN, tuple(serials), dialect, imei)
        else:
            line = Line(name, ModemLink.DIAL_OUT, tuple(serials))
        self.drawn.append(line)
        return line

    def share(self, serials: Sequence[str], *, least: int, most: int, dial_in_share: float) -> None:
        """Hang meters on modems, `least` to `most` on each, that share of the modems dialling in."""
        for piece in groups(self._chance, serials, least, most):
            self.add(piece, dial_in=self._chance.random() < dial_in_share)
