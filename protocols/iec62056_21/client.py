"""The head-end's half of mode C (IEC 62056-21, clause 6.4.3): what to say, and what the meter has said.

    for step in client.sign_on(): line.do(step)          # Send, Pause, ChangeBaud
    for event in client.receive(line.read()): ...        # steps among them, to be done in their order

One question is under way at a time. A meter that breaks the protocol raises `RemoteError`, after which every
call is answered with `LocalError`: open a new line. Answers bear no number, so a line on which one did not
come in time is not to be used again either.
"""

from dataclasses import dataclass, field
from typing import Final

from protocols.errors import DecodeError, LocalError, PasswordRefused, ProtocolError, RemoteError
from protocols.iec62056_21.answers import refused, unlike
from protocols.iec62056_21.characters import Parity, with_parity
from protocols.iec62056_21.client_states import RECEIVES, SENDS, Ask, State
from protocols.iec62056_21.data_sets import read_lines, read_out_lines
from protocols.iec62056_21.events import (
    Admitted,
    Answered,
    Challenged,
    ChangeBaud,
    Event,
    Failed,
    Identified,
    Pause,
    ReadOut,
    Send,
    Step,
    Written,
)  # fmt: skip
from protocols.iec62056_21.framer import Frame, Framer, Line, Option
from protocols.iec62056_21.identification import BITS_PER_SECOND, OPENING_BPS, Identification, Mode
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

WAKE_UP_S, AFTER_WAKE_UP_S = 2.2, 1.6
"""Annex B: zeros for 2.1 to 2.3 s, then nothing for 1.5 to 1.7 s."""
CHARACTER_BITS: Final = 10


@dataclass(frozen=True, slots=True)
class ClientSettings:
    """How to speak to one meter.

    `baud` is the character to acknowledge instead of the meter's own; `letter` asks for another list than the
    first (?). `paced` keeps the reaction time of clause 6.4 before each message: for a line straight to the
    meter, over a network the way is longer than that. `password_level` is the D of the P command.
    """

    address: str = ""
    password: str | None = field(default=None, repr=False)
    password_level: str = "1"
    parity: Parity = Parity.NONE
    opening_bps: int = OPENING_BPS
    baud: str | None = None
    letter: str = "?"
    wake_up: bool = False
    paced: bool = False
    answer_seconds: float = 10.0
    repeats: int = 3
    max_answer_bytes: int = 256 * 1024

    def __post_init__(self) -> None:
        if self.baud is not None and (not self.baud.isdigit() or self.baud not in BITS_PER_SECOND):
            raise LocalError(f"baud={self.baud} is no speed of mode C: use 0 (300) to 6 (19200)")


class ModeCClient:
    """One conversation with one meter."""

    def __init__(self, settings: ClientSettings) -> None:
        self.settings = settings
        self.state = State.IDLE
        self.identification: Identification | None = None
        self._framer = Framer(settings.parity)
        self._bps = settings.opening_bps
        self._said = b""
        self._repeats = 0
        self._asked = ""
        self._blocks = bytearray()

    def sign_on(self) -> list[Step]:
        """Ask who is there; `Identified` answers."""
        request = SignOn(self.settings.address, self.settings.letter).to_bytes()
        self._move(Ask.SIGN_ON)
        steps: list[Step] = []
        self._to_opening(steps)
        if self.settings.wake_up:
            zeros = round(WAKE_UP_S * self.settings.opening_bps / CHARACTER_BITS)
            steps += [self._send(bytes(zeros)), Pause(AFTER_WAKE_UP_S)]
        return [*steps, *self._say(request)]

    def read_out(self) -> list[Step]:
        """Ask for the list; `ReadOut` answers. A meter of mode A or B sends it without being asked."""
        return self._select(Ask.READ_OUT, READ_OUT)

    def program(self) -> list[Step]:
        """Enter programming mode, in which single things are read and written; `Challenged` answers."""
        return self._select(Ask.PROGRAM, PROGRAM)

    def password(self, text: str, level: str = "1") -> list[Step]:
        """Give a password; `Admitted` answers, or `PasswordRefused` is raised."""
        return self._command(Ask.PASSWORD, Command(f"P{level}", f"({text})"))

    def read(self, address: str, argument: str = "", command: str = "R5") -> list[Step]:
        """Read one thing, R1 or R5, or in blocks R3 or R6; `Answered` or `Failed` comes."""
        steps = self._command(Ask.READ, Command(command, f"{address}({argument})"))
        self._asked = address
        return steps

    def write(self, address: str, value: str, *more: str, command: str = "W1") -> list[Step]:
        """Write one thing, or execute (E2); `Written` or `Failed` answers. `more` are further brackets."""
        data = address + "".join(f"({one})" for one in (value, *more))
        steps = self._command(Ask.WRITE, Command(command, data))
        self._asked = address
        return steps

    def sign_off(self) -> list[Step]:
        """Take leave; nothing has to answer, and the line goes back to the speed it was opened with."""
        self._move(Ask.SIGN_OFF)
        steps = self._say(BREAK.to_bytes())
        self._to_opening(steps)
        return steps

    def next_timeout(self) -> float | None:
        """Seconds to wait for the next characters, None when none are due."""
        waits = self.state in RECEIVES and self.state is not State.DONE
        return self.settings.answer_seconds if waits else None

    def receive(self, chunk: bytes) -> list[Event]:
        """What these characters complete.

        Raises `PasswordRefused` when the meter does not let us in, `RemoteError` when it breaks the protocol.
        """
        if self.state is State.BROKEN:
            raise LocalError("this conversation is broken: open a new line")
        events: list[Event] = []
        try:
            self._framer.feed(chunk)
            while (frame := self._framer.next()) is not None:
                events += self._heard(frame)
        except ProtocolError as error:
            self.state = State.BROKEN
            error.raw = error.raw or bytes(chunk)
            raise
        return events

    def _move(self, ask: Ask) -> None:
        after = SENDS.get(self.state, {}).get(ask)
        if after is None:
            words = ask.name.lower().replace("_", " ")
            raise LocalError(f"{words} is not possible now ({self.state.name.lower()})")
        self.state = after
        self._repeats = 0
        self._blocks.clear()

    def _send(self, raw: bytes) -> Send:
        return Send(with_parity(raw, self.settings.parity))

    def _say(self, raw: bytes) -> list[Step]:
        self._said = raw
        reaction = 0.2 if self.identification is None else self.identification.reaction_seconds
        return [Pause(reaction), self._send(raw)] if self.settings.paced else [self._send(raw)]

    def _command(self, ask: Ask, command: Command) -> list[Step]:
        raw = command.to_bytes()
        self._move(ask)
        return self._say(raw)

    def _to_opening(self, steps: list[Step]) -> None:
        if self._bps != self.settings.opening_bps:
            self._bps = self.settings.opening_bps
            steps.append(ChangeBaud(self._bps))

    def _change(self, bits_per_second: int, steps: list[Step]) -> None:
        if bits_per_second != self._bps:
            self._bps = bits_per_second
            steps.append(ChangeBaud(bits_per_second))

    def _select(self, ask: Ask, wanted: str) -> list[Step]:
        found = self.identification
        baud = self.settings.baud or ("" if found is None else found.baud)
        if self.state is State.IDENTIFIED and baud not in BITS_PER_SECOND:
            raise LocalError(f"the meter proposes speed {baud!r}, which has no meaning: say baud=0 to 6")
        self._move(ask)
        steps = self._say(OptionSelect(baud, wanted).to_bytes())
        self._change(BITS_PER_SECOND[baud], steps)
        return steps

    def _heard(self, frame: Frame) -> list[Event]:
        raw = _raw(frame)
        if not isinstance(frame, RECEIVES.get(self.state, ())):
            what = type(frame).__name__
            raise RemoteError(f"{what} was not expected ({self.state.name.lower()})", raw)
        match frame:
            case Line():
                return self._identified(frame)
            case Damaged():
                return self._damaged(frame)
            case Again():
                return self._again()
            case Command():
                return self._commanded(frame)
            case Data():
                return self._data(frame)
            case _:
                return self._acknowledged()

    def _identified(self, line: Line) -> list[Event]:
        found = Identification.from_bytes(line.raw)
        self.identification = found
        events: list[Event] = [Identified(found)]
        if found.mode is Mode.C:
            self.state = State.IDENTIFIED
            return events
        self.state = State.AWAIT_READ_OUT
        if found.bits_per_second is None:
            raise RemoteError(f"the meter goes on at speed {found.baud!r}, which has no meaning", line.raw)
        steps: list[Step] = []
        if found.mode is Mode.B:
            self._change(found.bits_per_second, steps)
        return [*events, *steps]

    def _repeat(self, what: str, raw: bytes = b"") -> None:
        self._repeats += 1
        if self._repeats > self.settings.repeats:
            raise RemoteError(f"{what} {self._repeats} times", raw)

    def _damaged(self, frame: Damaged) -> list[Event]:
        self._repeat("the answer came damaged", frame.raw)
        return [self._send(Again().to_bytes())]

    def _again(self) -> list[Event]:
        if self.state is State.AWAIT_READ_OUT and not self._blocks:
            what = "the meter refuses (NAK) the read-out at the speed chosen"
            raise RemoteError(f"{what}: say baud=0 to 6, or access=program", Again().to_bytes())
        if self.state is State.AWAIT_ADMISSION and self._repeats:
            # Some meters say NAK to a wrong password, and lock when they get it too often.
            raise PasswordRefused("the meter does not take the password", Again().to_bytes())
        if (
            self.state in (State.AWAIT_ANSWER, State.AWAIT_CONFIRMATION)
            and self._repeats >= self.settings.repeats
        ):
            self.state = State.READY
            return [Failed(refused(self._asked, "it asks for the command again and again"))]
        self._repeat("the meter asked for a repetition", Again().to_bytes())
        return [self._send(self._said)]

    def _commanded(self, command: Command) -> list[Event]:
        if self.state is State.DONE:
            return []
        if self.state is State.AWAIT_CHALLENGE and command.name == "P0":
            self.state = State.READY
            return [Challenged(command.sole_value())]
        raw = command.to_bytes()
        if command.name == BREAK.name and self.state is State.AWAIT_ADMISSION:
            raise PasswordRefused("the meter ends the conversation instead of taking the password", raw)
        if command.name == BREAK.name:
            raise RemoteError("the meter has ended the conversation", raw)
        raise RemoteError(f"the meter gives command {command.name} ({self.state.name.lower()})", raw)

    def _acknowledged(self) -> list[Event]:
        was, self.state = self.state, State.READY
        match was:
            case State.AWAIT_ADMISSION:
                return [Admitted()]
            case State.AWAIT_CONFIRMATION:
                return [Written()]
            case State.AWAIT_ANSWER:
                return [Failed(refused(self._asked, "it confirms the question and gives nothing"))]
            case _:
                self.state = State.DONE
                return []

    def _data(self, frame: Data) -> list[Event]:
        if len(self._blocks) + len(frame.body) > self.settings.max_answer_bytes:
            raise RemoteError(
                f"an answer of more than {self.settings.max_answer_bytes} bytes", frame.body[:256]
            )
        self._blocks += frame.body
        self._repeats = 0
        if not frame.last:
            if not frame.body:
                raise DecodeError("a block with nothing in it that announces another", frame.to_bytes())
            self._said = Acknowledged().to_bytes()
            return [self._send(self._said)]
        raw = bytes(self._blocks)
        self._blocks.clear()
        return self._read_out(raw) if self.state is State.AWAIT_READ_OUT else self._answered(raw)

    def _read_out(self, raw: bytes) -> list[Event]:
        self.state = State.DONE
        try:
            if raw.startswith(b"(") and (word := unlike("", read_lines(raw))) is not None:
                return [Failed(refused("its read-out", word, raw))]
            return [ReadOut(read_out_lines(raw), raw)]
        except DecodeError as error:
            return [Failed(error)]

    def _answered(self, raw: bytes) -> list[Event]:
        was, self.state = self.state, State.READY
        try:
            sets = read_lines(raw)
        except DecodeError as error:
            return [Failed(error)] if was is State.AWAIT_ANSWER else self._unconfirmed(was, None, raw)
        word = unlike(self._asked if was is State.AWAIT_ANSWER else "", sets)
        if was is State.AWAIT_ANSWER:
            return [Answered(sets, raw)] if word is None else [Failed(refused(self._asked, word, raw))]
        return self._unconfirmed(was, word, raw)

    def _unconfirmed(self, was: State, word: str | None, raw: bytes) -> list[Event]:
        """Data where something else was due: `word` is the error message in them."""
        if word is None:
            raise RemoteError("data came where a confirmation was due", raw or Data(raw).to_bytes())
        if was is State.AWAIT_CONFIRMATION:
            return [Failed(refused(self._asked, word, raw))]
        if was is State.AWAIT_ADMISSION:
            raise PasswordRefused(f"the meter refused the password: {word}", raw)
        raise RemoteError(f"the meter does not enter programming mode: {word}", raw)


def _raw(frame: Frame) -> bytes:
    """What an error bears of it."""
    match frame:
        case Line() | Option() | Damaged():
            return frame.raw
        case Data() if frame.body:
            return frame.body
        case _:
            return frame.to_bytes()
