"""What lies between a modem and the head-end: silence where a modem is dead, and noise on order."""

from __future__ import annotations

from collections.abc import Mapping

from model.clock import Clock
from simulators import halfhours

_BURST = 48  # longer than a row of any of our profiles: no row can hide it in its values
_NOISE = 0xA5


class Air:
    """`silent` maps modem codes to the half-hour they answer nothing from; orders overrule it."""

    def __init__(self, silent: Mapping[str, int], clock: Clock) -> None:
        self._silent = silent
        self._clock = clock
        self._ordered: dict[str, bool] = {}
        self._to_corrupt = 0

    @property
    def planted(self) -> tuple[str, ...]:
        """The modems that fall silent by themselves."""
        return tuple(self._silent)

    def order(self, modem: str, silent: bool) -> None:
        """From now on this modem answers nothing, or answers."""
        self._ordered[modem] = silent

    def is_silent(self, modem: str) -> bool:
        """Whether nothing of the modem is heard now."""
        if modem in self._ordered:
            return self._ordered[modem]
        since = self._silent.get(modem)
        return since is not None and halfhours.slot_of(self._clock()) >= since

    def corrupt(self, answers: int) -> None:
        """Spoil so many of the next profile answers."""
        self._to_corrupt = answers

    def spoils_one(self) -> bool:
        """Whether there is an order for the answer at hand; it is then used up."""
        if self._to_corrupt < 1:
            return False
        self._to_corrupt -= 1
        return True

    def spoiled(self, answer: bytes) -> bytes:
        """A profile answer as it arrives: with a burst of noise in its middle while there is an order for it.

        TCP and the wrapper carry no check of their own, so the burst has to break what can be seen to be
        broken: it is as long as a whole row, tags included. Answers too short to have rows pass.
        """
        if len(answer) < 2 * _BURST + 8 or not self.spoils_one():
            return answer
        at = (len(answer) - _BURST) // 2
        noise = bytes(byte ^ _NOISE for byte in answer[at : at + _BURST])
        return answer[:at] + noise + answer[at + _BURST :]
