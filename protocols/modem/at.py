"""A modem that is told what to do by AT commands: dial, connect, hang up (ITU-T V.250; Hayes escape).

Sans-IO: `dial`, `hang_up` and `receive` say what is to be done now. `next_timeout` is how long to wait after
that, `expired` what to do then. A wait begins with a new `turn`, and what comes meanwhile does not prolong
it; guard times are such waits, in which nothing is sent.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final, TypeAlias

from protocols.errors import LocalError, RemoteError

MAX_LINE: Final = 256
MAX_SAID: Final = 8192
"""Bytes that come at once when a modem answers; of what the other side still says then, the last are kept."""
_NUMBER: Final = re.compile(r"[0-9*#+,WTPwtp-]{1,40}")
_RESULT: Final = re.compile(
    r"OK|ERROR|BUSY|CONNECT(?: .*)?|NO ?CARRIER|NO ANSWER|NO DIAL ?TONE|\+CM[ES] ERROR.*"
)
_RATE: Final = re.compile(r"CONNECT ([0-9]{3,7})")
_LOST: Final = b"\r\nNO CARRIER\r\n"
_END: Final = re.compile(rb"[\r\n]")
HOLD_S: Final = 0.3
"""Bytes that may begin the words NO CARRIER are held so long for the rest of them."""
ESCAPE: Final = b"+++"


@dataclass(frozen=True, slots=True)
class CallSettings:
    """How long things may take, and the commands that come before dialling.

    `echo_off` turns the echo off after the reset, for modems that repeat what they are told; empty leaves it.
    `recognise_loss`: a line NO CARRIER among the data ends the call; leave it off where payloads hold one.
    """

    reset: str = "ATZ"
    echo_off: str = "ATE0"
    commands: tuple[str, ...] = ()
    dial: str = "ATD"
    command_seconds: float = 5.0
    connect_seconds: float = 60.0
    guard_seconds: float = 1.5
    recognise_loss: bool = True


@dataclass(frozen=True, slots=True)
class Send:
    """Bytes for the modem, now."""

    raw: bytes


@dataclass(frozen=True, slots=True)
class Connected:
    """The call is through; `bits_per_second` where the modem says them."""

    bits_per_second: int | None


@dataclass(frozen=True, slots=True)
class Carried:
    """Bytes of the other side."""

    raw: bytes


@dataclass(frozen=True, slots=True)
class Lost:
    """The other side, or the network, has ended the call."""


@dataclass(frozen=True, slots=True)
class HungUp:
    """We have ended the call and the modem takes commands."""


Event: TypeAlias = Send | Connected | Carried | Lost | HungUp


class CallFailed(RemoteError):
    """No call came about; `result` is what the modem said, empty when it said nothing."""

    def __init__(self, reason: str, result: str = "", raw: bytes = b"") -> None:
        super().__init__(reason, raw)
        self.result = result


class State(Enum):
    """Where the dialogue stands."""

    IDLE = auto()
    COMMANDS = auto()
    DIALLING = auto()
    ONLINE = auto()
    GUARD_BEFORE = auto()
    GUARD_AFTER = auto()
    ESCAPING = auto()
    HANGING_UP = auto()
    BROKEN = auto()


WHY: Final = {
    "BUSY": "the number is engaged: try again later",
    "NO ANSWER": "nobody answers: check the meter's modem, its power and its SIM card",
    "NO CARRIER": "no connection came about: check the number, and that the SIM cards may make data calls",
    "NO DIALTONE": "there is no line: check the modem's antenna or telephone line",
    "ERROR": "the modem does not know the command: check the modem's commands",
}


class AtDialogue:
    """One modem and at most one call."""

    def __init__(self, settings: CallSettings | None = None) -> None:
        self.settings = settings or CallSettings()
        self.state = State.IDLE
        self.turn = 0
        self._kept = bytearray()
        self._before = _LOST[:2]  # the last bytes handed out: a call begins as a line does
        self._left: list[str] = []
        self._said = ""
        self._number = ""
        self._line_feed = False

    @property
    def online(self) -> bool:
        """A call is up."""
        return self.state is State.ONLINE

    @property
    def idle(self) -> bool:
        """The modem is at rest: it may dial."""
        return self.state is State.IDLE

    def dial(self, number: str) -> list[Event]:
        """Reset the modem, set it up and dial; `Connected` follows, or `CallFailed` is raised."""
        if self.state is not State.IDLE:
            raise LocalError(f"no call can be made now ({self.state.name.lower()})")
        if _NUMBER.fullmatch(number) is None:
            raise LocalError(f"{number!r} is no telephone number: digits, *, #, + and pauses")
        settings = self.settings
        self._number = number
        first = (settings.reset, settings.echo_off, *settings.commands)
        self._left = [command for command in first if command]
        self._kept.clear()
        self.state = State.COMMANDS
        return self._next_command()

    def hang_up(self) -> list[Event]:
        """End the call: silence, +++, silence, ATH; `HungUp` follows."""
        if self.state is not State.ONLINE:
            raise LocalError(f"there is no call to end ({self.state.name.lower()})")
        self._go(State.GUARD_BEFORE)
        self._kept.clear()
        return []

    def next_timeout(self) -> float | None:
        """Seconds to wait for the modem before `expired`; None when nothing is awaited of it."""
        settings = self.settings
        match self.state:
            case State.COMMANDS | State.ESCAPING | State.HANGING_UP:
                return settings.command_seconds
            case State.DIALLING:
                return settings.connect_seconds
            case State.GUARD_BEFORE | State.GUARD_AFTER:
                return settings.guard_seconds
        return HOLD_S if self._kept and self.state is State.ONLINE else None

    def expired(self) -> list[Event]:
        """What follows when `next_timeout` is over.

        A guard time has passed; a modem that did not answer a command, or a call that did not come about,
        raises `CallFailed`; a modem that does not confirm the end of a call is taken to have ended it.
        """
        match self.state:
            case State.GUARD_BEFORE:
                self._go(State.GUARD_AFTER)
                return [Send(ESCAPE)]
            case State.GUARD_AFTER:
                self._go(State.ESCAPING)
                return []
            case State.ESCAPING:
                return self._hang_up()
            case State.HANGING_UP:
                return self._idle()
            case State.COMMANDS:
                raise self._broken(f"the modem does not answer {self._said}: check power, cable, speed")
            case State.DIALLING:
                seconds = self.settings.connect_seconds
                raise self._broken(f"{self._number} was dialled and did not connect within {seconds:g} s")
        return self._release()

    def send(self, raw: bytes) -> list[Event]:
        """Bytes for the other side."""
        if self.state is not State.ONLINE:
            raise LocalError(f"there is no call to send on ({self.state.name.lower()})")
        return [Send(raw)]

    def receive(self, chunk: bytes) -> list[Event]:
        """What the modem has said; after `CallFailed` and `RemoteError` it has to be opened anew."""
        events: list[Event] = []
        self._kept += chunk
        if len(self._kept) > MAX_SAID:
            self._too_much()
        while True:
            handle = self._HANDLERS.get(self.state)
            if handle is None:
                if self.state is State.BROKEN:
                    raise LocalError("this modem is broken: open it anew")
                self._kept.clear()  # a modem at rest says RING and the like
                return events
            found = handle(self)
            if found is None:
                return events
            events += found

    def _too_much(self) -> None:
        if self.state in (State.COMMANDS, State.DIALLING):
            raise self._broken("the modem talks without end", bytes(self._kept[:64]))
        if self.state is not State.ONLINE:
            del self._kept[:-MAX_SAID]

    def _next_command(self) -> list[Event]:
        if self._left:
            self._said = self._left.pop(0)
        else:
            self._said = self.settings.dial + self._number
            self.state = State.DIALLING
        self.turn += 1
        return [Send(self._said.encode("ascii") + b"\r")]

    def _go(self, state: State) -> None:
        self.state = state
        self.turn += 1

    def _line(self) -> str | None:
        """The next line with something on it, None when none is whole."""
        while (found := _END.search(self._kept)) is not None:
            line = bytes(self._kept[: found.start()]).decode("latin-1").strip()
            del self._kept[: found.end()]
            if line:
                return line
        if len(self._kept) > MAX_LINE:
            if self.state in (State.COMMANDS, State.DIALLING):
                raise self._broken("the modem sends a line without end", bytes(self._kept[:64]))
            del self._kept[:-MAX_LINE]  # the other side, which nobody listens to any more
        return None

    def _answered(self) -> list[Event] | None:
        """A line while a command or a call is under way: its echo, a result, or something unasked."""
        line = self._line()
        if line is None:
            return None
        if _RESULT.fullmatch(line) is None:
            return []  # an echo, RING, news of the network
        if line == "OK" and self.state is State.COMMANDS:
            return self._next_command()
        if line.startswith("CONNECT") and self.state is State.DIALLING:
            return self._connected(line)
        if line == "OK":
            return []  # an answer to a command before
        word = line.replace("NO DIAL TONE", "NO DIALTONE").replace("NOCARRIER", "NO CARRIER")
        known = WHY.get(word, f"the modem says {line[:80]}")
        about = self._number if self.state is State.DIALLING else self._said
        raise self._broken(f"{about}: {known}", line.encode("latin-1"), word)

    def _connected(self, line: str) -> list[Event]:
        self._go(State.ONLINE)
        self._line_feed = True
        self._before = _LOST[:2]
        rate = _RATE.match(line)
        return [Connected(int(rate[1]) if rate else None)]

    def _online(self) -> list[Event] | None:
        """Bytes of the other side; the words that say it is gone are looked for where a line may begin."""
        if self._line_feed and self._kept:
            self._line_feed = False
            if self._kept[:1] == b"\n":  # the end of the line CONNECT
                del self._kept[:1]
        if not self._kept or not self.settings.recognise_loss:
            return self._release() or None
        seen = self._before + self._kept
        at = seen.find(_LOST)
        if at >= 0:
            raw = bytes(self._kept[: max(0, at + 2 - len(self._before))])
            self._kept.clear()
            self._go(State.IDLE)
            return [*([Carried(raw)] if raw else []), Lost()]
        keep = next((n for n in range(len(_LOST) - 1, 2, -1) if seen.endswith(_LOST[:n])), 2) - 2
        if keep:
            self.turn += 1
        return self._release(keep) or None

    def _release(self, keep: int = 0) -> list[Event]:
        """Hand out what is kept but for so many bytes at the end."""
        raw = bytes(self._kept[: len(self._kept) - keep])
        del self._kept[: len(raw)]
        self._before = (self._before + raw)[-2:]
        return [Carried(raw)] if raw else []

    def _escaped(self) -> list[Event] | None:
        """On the way out: OK means that commands are taken, NO CARRIER that the call is over already."""
        line = self._line()
        if line is None:
            return None
        if line in ("NO CARRIER", "NOCARRIER"):
            return self._idle()
        if line != "OK" or self.state is State.GUARD_BEFORE:
            return []
        return self._idle() if self.state is State.HANGING_UP else self._hang_up()

    def _hang_up(self) -> list[Event]:
        self._go(State.HANGING_UP)
        return [Send(b"ATH\r")]

    def _idle(self) -> list[Event]:
        self._kept.clear()
        self._go(State.IDLE)
        return [HungUp()]

    def _broken(self, reason: str, raw: bytes = b"", result: str = "") -> CallFailed:
        self.state = State.BROKEN
        self._kept.clear()
        return CallFailed(reason, result, raw)

    _HANDLERS: Final[dict[State, Callable[["AtDialogue"], list[Event] | None]]] = {
        State.COMMANDS: _answered,
        State.DIALLING: _answered,
        State.ONLINE: _online,
        State.GUARD_BEFORE: _escaped,
        State.GUARD_AFTER: _escaped,
        State.ESCAPING: _escaped,
        State.HANGING_UP: _escaped,
    }
