"""A meter's half of mode C (IEC 62056-21, clause 6.4.3): who is asked for, what is let in, what is answered.

Several meters hang on one line, each with its device address; a request without one is answered where there
is only one. What no meter would answer is met with silence, never with an error: the line stays usable.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Final, Protocol, TypeAlias

from protocols.errors import DecodeError, ProtocolError
from protocols.iec62056_21.characters import Parity, with_parity
from protocols.iec62056_21.data_sets import DataSet, read_lines, write_lines, write_out_lines
from protocols.iec62056_21.events import ChangeBaud, Pause, Send, Step
from protocols.iec62056_21.framer import Frame, Framer, Line, Option
from protocols.iec62056_21.identification import BITS_PER_SECOND, OPENING_BPS, Identification
from protocols.iec62056_21.messages import (
    BREAK,
    PROGRAM,
    READ_OUT,
    Acknowledged,
    Again,
    Command,
    Damaged,
    Data,
    OptionSelect,
    SignOn,
)  # fmt: skip

Lines: TypeAlias = Sequence[Sequence[DataSet]]
BLOCK_LINES: Final = 16
TRIES: Final = 3
MAX_COMMAND: Final = 4096
_LINES: Final = re.compile(r"\d{1,4}")
INACTIVITY_S: Final = 60.0
"""Clause 6.4.2: a meter falls back after 60 to 120 s without a message."""
INVALID, UNKNOWN, NOT_PERMITTED = "ERROR00", "ERROR01", "ERROR04"
"""Error messages are the maker's; these are those of Sagemcom's ZDUE (manual, 9.1)."""


@dataclass(frozen=True, slots=True)
class Denied:
    """A meter's no, as the text of its error message."""

    message: str


class MeterBook(Protocol):
    """What one meter has to say."""

    def read_out(self, letter: str) -> Lines:
        """The lines of the list that /?! asks for, or of another letter's."""

    def read(self, address: str, arguments: tuple[str, ...]) -> Lines | Denied:
        """The lines about one address; the first of `arguments` may choose a range."""

    def write(self, address: str, values: tuple[str, ...]) -> Denied | None:
        """Take a value; None confirms."""


@dataclass(frozen=True, slots=True)
class MeterSettings:
    """How one meter presents itself; without `passwords` (by level) everybody may read."""

    identification: Identification
    passwords: Mapping[str, str] = field(default_factory=dict, repr=False)
    operand: str = ""
    opening_bps: int = OPENING_BPS
    paced: bool = False


class State(Enum):
    """Where a meter stands."""

    WAITING = auto()
    IDENTIFIED = auto()
    LOCKED = auto()
    OPEN = auto()
    BLOCKS = auto()
    READ = auto()


class ModeCServer:
    """The meters of one line: characters in, steps out."""

    def __init__(self, meters: Mapping[str, tuple[MeterSettings, MeterBook]], parity: Parity = Parity.NONE):
        self.state = State.WAITING
        self._meters = {address.lstrip("0"): meter for address, meter in meters.items()}
        self._parity = parity
        self._framer = Framer(parity, MAX_COMMAND)
        self._settings, self._book = next(iter(meters.values()))
        self._bps = self._settings.opening_bps
        self._letter = "?"
        self._said = b""
        self._tries = self._repeats = 0
        self._blocks: list[bytes] = []

    def receive(self, chunk: bytes) -> list[Step]:
        """What these characters make the meter do; characters that say nothing are forgotten."""
        steps: list[Step] = []
        self._framer.feed(chunk[-MAX_COMMAND:])  # a meter hears no more at once than it can keep
        while True:
            if self.state is State.WAITING:
                self._framer.seek_line()
            self._framer.options = self.state is State.IDENTIFIED
            try:
                frame = self._framer.next()
                if frame is None:
                    return steps
                steps += self._heard(frame)
            except ProtocolError:
                continue  # the framer has left it out

    def next_timeout(self) -> float | None:
        """Seconds of silence after which `silence` is due."""
        return None if self.state is State.WAITING else INACTIVITY_S

    def silence(self) -> list[Step]:
        """Nobody has said anything for `next_timeout`: wait for a request, at the speed of the opening."""
        self._framer.drop()
        return self._rest()

    def _heard(self, frame: Frame) -> list[Step]:
        match frame:
            case Line(raw=raw):
                return self._asked(SignOn.from_bytes(raw))
            case Option(raw=raw):
                return self._selected(OptionSelect.from_bytes(raw))
            case Again():
                return self._repeat()
            case Damaged() if self.state in (State.LOCKED, State.OPEN):
                return [self._send(Again().to_bytes())]
            case Acknowledged() if self.state is State.BLOCKS:
                return self._next_block()
            case Acknowledged() if self.state is State.READ:
                return self._rest()
            case Command() if frame == BREAK:
                return self._rest()
            case Command() if self.state in (State.LOCKED, State.OPEN):
                return self._ordered(frame)
            case _:
                return []

    def _send(self, raw: bytes) -> Send:
        return Send(with_parity(raw, self._parity))

    def _repeat(self) -> list[Step]:
        self._repeats += 1
        if self.state is State.WAITING or self._repeats > TRIES:
            return []
        return [self._send(self._said)]

    def _say(self, raw: bytes) -> list[Step]:
        self._said, self._repeats = raw, 0
        pause = self._settings.identification.reaction_seconds
        return [Pause(pause), self._send(raw)] if self._settings.paced else [self._send(raw)]

    def _change(self, bits_per_second: int) -> list[Step]:
        was, self._bps = self._bps, bits_per_second
        return [] if was == bits_per_second else [ChangeBaud(bits_per_second)]

    def _rest(self) -> list[Step]:
        self.state = State.WAITING
        self._said = b""
        self._blocks.clear()
        return self._change(self._settings.opening_bps)

    def _asked(self, request: SignOn) -> list[Step]:
        steps = self._rest()
        address = request.address.lstrip("0")
        if address in self._meters:
            self._settings, self._book = self._meters[address]
        elif request.address or len(self._meters) > 1:
            return steps
        self.state, self._letter = State.IDENTIFIED, request.letter
        return steps + self._say(self._settings.identification.to_bytes())

    def _selected(self, option: OptionSelect) -> list[Step]:
        if option.protocol != "0" or option.wanted not in (READ_OUT, PROGRAM):
            return self._rest()
        proposed = BITS_PER_SECOND.get(self._settings.identification.baud, self._bps)
        chosen = BITS_PER_SECOND.get(option.baud, self._bps)
        steps = self._change(min(chosen, proposed))
        if option.wanted == READ_OUT:
            self.state = State.READ
            return steps + self._say(Data(write_out_lines(self._book.read_out(self._letter))).to_bytes())
        self.state = State.LOCKED if self._settings.passwords else State.OPEN
        self._tries = 0
        return steps + self._say(Command("P0", f"({self._settings.operand})").to_bytes())

    def _ordered(self, command: Command) -> list[Step]:
        kind, variant = command.name[0], command.name[1]
        if kind == "P":
            return self._admitted(variant, command.sole_value())
        if self.state is State.LOCKED:
            return self._deny(NOT_PERMITTED)
        try:
            sets = read_lines((command.data or "").encode("ascii"))
        except DecodeError:
            return self._deny(INVALID)
        if len(sets) != 1:
            return self._deny(INVALID)
        (asked,) = sets
        if kind == "W" or kind == "E":
            denied = self._book.write(asked.address, asked.values)
            return self._say(Acknowledged().to_bytes()) if denied is None else self._deny(denied.message)
        if variant not in "123456":
            return self._deny(UNKNOWN)
        return self._answer(self._book.read(asked.address, asked.values), asked, variant in "346")

    def _admitted(self, level: str, given: str) -> list[Step]:
        passwords = self._settings.passwords
        if not passwords or passwords.get(level) == given:
            self.state = State.OPEN
            return self._say(Acknowledged().to_bytes())
        self._tries += 1
        if self._tries < TRIES:
            return self._deny(NOT_PERMITTED)
        steps = self._say(BREAK.to_bytes())
        return steps + self._rest()

    def _deny(self, message: str) -> list[Step]:
        return self._say(Data(b"(" + message.encode("ascii") + b")").to_bytes())

    def _answer(self, found: Lines | Denied, asked: DataSet, in_blocks: bool) -> list[Step]:
        if isinstance(found, Denied):
            return self._deny(found.message)
        if len(found) <= 1:
            # A single thing is answered without an end of line, as the published examples show.
            return self._say(Data(write_lines(found).removesuffix(b"\r\n")).to_bytes())
        if not in_blocks:
            return self._say(Data(write_lines(found)).to_bytes())
        *_, lines = asked.values[0].split(";")
        size = (int(lines) if _LINES.fullmatch(lines) else 0) or BLOCK_LINES
        starts = range(0, len(found), size)
        self._blocks = [
            Data(write_lines(found[at : at + size]), at == starts[-1]).to_bytes() for at in starts
        ]
        self.state = State.BLOCKS
        return self._next_block()

    def _next_block(self) -> list[Step]:
        block = self._blocks.pop(0)
        if not self._blocks:
            self.state = State.OPEN
        return self._say(block)
