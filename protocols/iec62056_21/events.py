"""What either half wants done, and what a client learns."""

from dataclasses import dataclass
from typing import TypeAlias

from protocols.errors import DecodeError, ServiceRefused
from protocols.iec62056_21.data_sets import DataSet
from protocols.iec62056_21.identification import Identification


@dataclass(frozen=True, slots=True)
class Send:
    """Bytes that must go out now, parity bits in them where the settings say so."""

    raw: bytes


@dataclass(frozen=True, slots=True)
class Pause:
    """Nothing may be sent for so long."""

    seconds: float


@dataclass(frozen=True, slots=True)
class ChangeBaud:
    """Once everything sent has left, the line goes on at this speed. A line of fixed speed ignores it."""

    bits_per_second: int


Step: TypeAlias = Send | Pause | ChangeBaud


@dataclass(frozen=True, slots=True)
class Identified:
    """The meter has said what it is."""

    identification: Identification


@dataclass(frozen=True, slots=True)
class Challenged:
    """Programming mode is open; `operand` is what the meter gave for a ciphered password, mostly empty."""

    operand: str


@dataclass(frozen=True, slots=True)
class Admitted:
    """The password was right."""


@dataclass(frozen=True, slots=True)
class ReadOut:
    """The whole read-out; `raw` the data blocks without framing, one after the other."""

    sets: tuple[DataSet, ...]
    raw: bytes


@dataclass(frozen=True, slots=True)
class Answered:
    """The whole answer to a read; `raw` as in `ReadOut`."""

    sets: tuple[DataSet, ...]
    raw: bytes


@dataclass(frozen=True, slots=True)
class Written:
    """A write or an execution was confirmed."""


@dataclass(frozen=True, slots=True)
class Failed:
    """An error message, a command not taken, or an answer that came whole and makes no sense (`DecodeError`).

    The conversation goes on.
    """

    error: ServiceRefused | DecodeError


Event: TypeAlias = Step | Identified | Challenged | Admitted | ReadOut | Answered | Written | Failed
