"""What carries questions to one unit and its answers back: RTU and MBAP, over whatever line."""

from enum import StrEnum
from typing import Protocol

from protocols.modbus.mbap import MbapFraming
from protocols.modbus.pdu import Request
from protocols.modbus.rtu import RtuFraming


class Carrier(StrEnum):
    """The framings there are."""

    MBAP = "mbap"
    RTU = "rtu"


class Framing(Protocol):
    """One question at a time. After a `RemoteError`, or an answer that did not come, it is over: open a new
    line, for nobody can tell any more which question the next answer is to."""

    @property
    def numbered(self) -> bool:
        """An answer says which question it is to. Where it does not, one of an earlier conversation may be
        taken for it: listen until the line is silent before the first question of the next one."""

    @property
    def stray(self) -> bytes:
        """What came behind the last answer together with it: nothing may be asked here any more."""

    def ask(self, request: Request[object]) -> bytes:
        """The frame to send; `LocalError` while a question is open or after the end."""

    def feed(self, chunk: bytes) -> bytes | None:
        """The answer without its framing once it is whole, None before.

        Raises `RemoteError` with the bytes for whatever cannot be this unit's answer to this question.
        """


def framing(carrier: Carrier, unit: int, first: int = 1) -> Framing:
    """A conversation with one unit; `first` is the number of its first question where they have any."""
    return RtuFraming(unit) if carrier is Carrier.RTU else MbapFraming(unit, first)
