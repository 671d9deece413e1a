"""What a meter was told from afar: its switch, its limit, its clock; and what it counts since.

A `Counting` in the place of the meter's ledger. The ledger keeps its own seconds (those of a clock nobody
sets): what flows does not change because somebody sets a clock.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from protocols.dlms.objects.disconnecting import ControlMode, ControlState, DisconnectControl, SwitchEvent
from protocols.obis import Obis
from simulators.chance import Ints
from simulators.halfhours import SLOT_S
from simulators.ledger import Counting

_NO_NAME = Obis(0, 0, 96, 3, 10, 255)
_LATEST = 1 << 62
Registers = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class _State:
    """From a second of the ledger on: whether the switch is closed, and the watts it lets through."""

    since: int
    closed: bool
    limit_w: int | None


@dataclass(frozen=True, slots=True)
class _Set:
    """From a second the clock shows on: how far it was moved in all; `then` is the ledger's second of it."""

    shown: int
    shift_s: int
    then: int


class Told:
    """One meter's. Seconds are the meter's own unless the ledger's are meant."""

    def __init__(self, ledger: Counting, mode: ControlMode = ControlMode.MODE_4) -> None:
        self._ledger = ledger
        self._states: list[_State] = []
        self._sets: list[_Set] = []
        self.switch = DisconnectControl(_NO_NAME, True, ControlState.CONNECTED, mode)
        self.limit_w: int | None = None
        self.powered = True

    @property
    def shift_s(self) -> int:
        """How far the clock was moved in all."""
        return self._sets[-1].shift_s if self._sets else 0

    def move_clock(self, shown: int, by_s: int) -> None:
        """The clock shows `shown` and is moved; what it wrote under later times is overwritten."""
        then, after = self._ledger_second(shown), shown + by_s
        self._sets = [one for one in self._sets if one.shown < after]
        self._sets.append(_Set(after, after - then, then))

    def happens(self, event: SwitchEvent, second: int) -> bool:
        """Whether the switch moved."""
        after = self.switch.after(event)
        if after is None:
            return False
        self.switch = after
        self._note(second)
        return True

    def limit(self, watts: int | None, second: int) -> None:
        """Let no more than so many watts through from now on."""
        self.limit_w = watts
        self._note(second)

    def power(self, on: bool, second: int) -> None:
        """The supply goes, or comes back."""
        self.powered = on
        self._note(second)

    def _note(self, second: int) -> None:
        flows = self.switch.output and self.powered
        self._states.append(_State(self._ledger_second(second), flows, self.limit_w))

    def _ledger_second(self, shown: int) -> int:
        """The ledger's second at which the clock showed `shown`; in a time that was skipped, when it was."""
        capped = _LATEST
        for one in reversed(self._sets):
            if one.shown <= shown:
                return min(shown - one.shift_s, capped)
            capped = one.then
        return min(shown, capped)

    def registers(self, second: int) -> Registers:
        """See `Ledger`."""
        return self._counted([self._ledger_second(second)])[0]

    def totals(self, begin: int, end: int) -> Ints:
        """See `Ledger`."""
        if not (self._sets or self._states):
            return self._ledger.totals(begin, end)
        seconds = [self._ledger_second(slot * SLOT_S) for slot in range(begin, end)]
        return np.array([counted[0] for counted in self._counted(seconds)], dtype=np.int64)

    def wh(self, begin: int, end: int) -> Ints:
        """See `Ledger`."""
        return np.diff(self.totals(begin, end + 1))

    def _counted(self, seconds: Iterable[int]) -> list[Registers]:
        """The registers at ascending seconds of the ledger: piece by piece since anything was told."""
        first = self._states[0].since if self._states else _LATEST
        at, flowed = first, (0, 0, 0)
        sums = [0, 0, 0]
        found: list[Registers] = []
        for second in seconds:
            if second <= first:
                found.append(self._ledger.registers(second))
                continue
            if at == first:
                flowed = self._ledger.registers(first)[1:]
                sums = list(flowed)
            while at < second:
                state, following = self._state(at)
                until = min(second, (at // SLOT_S + 1) * SLOT_S, following)
                now = self._ledger.registers(until)[1:]
                piece = [later - earlier for earlier, later in zip(flowed, now, strict=True)]
                _let_through(piece, state, until - at)
                sums = [one + more for one, more in zip(sums, piece, strict=True)]
                at, flowed = until, now
            found.append((sum(sums), sums[0], sums[1], sums[2]))
        return found

    def _state(self, at: int) -> tuple[_State, int]:
        """What holds at a second, and when that ends."""
        following = _LATEST
        for state in reversed(self._states):
            if state.since <= at:
                return state, following
            following = state.since
        raise AssertionError("nothing was told yet")


def _let_through(piece: list[int], state: _State, seconds: int) -> None:
    """Take out of Wh by rate what the switch or the limit keeps back."""
    if not state.closed:
        piece[:] = [0, 0, 0]
    elif state.limit_w is not None:
        over = sum(piece) - state.limit_w * seconds // 3600
        for rate, wh in enumerate(piece):
            kept_back = max(min(wh, over), 0)
            piece[rate] -= kept_back
            over -= kept_back
