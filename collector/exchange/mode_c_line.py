"""IEC 62056-21 mode C over a stream of bytes, question by question.

A meter sends a long answer slowly: the time-out counts from its last characters, and an answer may not last
longer than `WHOLE` time-outs. Answers bear no number, so after a time-out the line is not used again. Where
the line echoes, what we said is left out of what the meter said.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from typing import Protocol, TypeVar, runtime_checkable

from collector.errors import AnswerTimeout
from collector.exchange.course import Course
from collector.exchange.echo import Echo
from collector.links.wire import ByteStream
from protocols.errors import NotAdmitted, ProtocolError, RemoteError
from protocols.iec62056_21.client import ClientSettings, ModeCClient
from protocols.iec62056_21.client_states import State
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
)  # fmt: skip
from protocols.iec62056_21.identification import Identification, Mode

WHOLE = 60
EVIDENCE = 1 << 16  # bytes of an answer that are kept to be shown
E = TypeVar("E", bound=Event)


@runtime_checkable
class Adjustable(Protocol):
    """A line whose speed can be changed."""

    async def change_baud(self, bits_per_second: int) -> None:
        """Go on at this speed once everything written has left."""


class ModeCLine:
    """Raises `AnswerTimeout`, `LinkDown`, `NotAdmitted`, `RemoteError`; a no or nonsense ends nothing.

    What broke the conversation is raised again by whatever is asked afterwards; leave can be taken always.
    """

    def __init__(self, stream: ByteStream, settings: ClientSettings, course: Course | None = None) -> None:
        stream.carries(framed=False)
        self._course = course or Course(settings.answer_seconds)
        self._asked_at: float | None = None
        self._stream, self._settings = stream, settings
        self._client = ModeCClient(settings)
        self._events: deque[Event] = deque()
        self._echo = Echo()
        self._broke: ProtocolError | None = None
        self._bulk = False
        self.heard = bytearray()  # since the last question

    @property
    def identification(self) -> Identification | None:
        """Who answered; None before `read_out` or `program`."""
        return self._client.identification

    async def read_out(self) -> ReadOut:
        """Sign on and take the list that any client gets."""
        await self._sign_on()
        steps = self._client.read_out() if self._client.state is State.IDENTIFIED else []
        return await self._ask(steps, ReadOut, "its read-out", bulk=True)

    async def program(self) -> None:
        """Sign on and enter programming mode, with the password where the settings have one."""
        await self._sign_on()
        found = self._client.identification
        if found is not None and found.mode is not Mode.C:
            raise NotAdmitted(f"the meter speaks mode {found.mode}, which has no programming mode here")
        await self._ask(self._client.program(), Challenged, "programming mode")
        password = self._settings.password
        if password is not None:
            steps = self._client.password(password, self._settings.password_level)
            await self._ask(steps, Admitted, "the password")

    async def read(self, address: str, argument: str = "", command: str = "R5") -> Answered:
        """Read one thing in programming mode."""
        self._unbroken()
        steps = self._client.read(address, argument, command)
        return await self._ask(steps, Answered, address, bulk=bool(argument))

    async def sign_off(self) -> None:
        """Take leave; the meter need not answer. Of a meter that broke the protocol nobody takes any."""
        if self._broke is None:
            await self._do(self._client.sign_off())

    def _unbroken(self) -> None:
        if self._broke is not None:
            raise self._broke

    async def _sign_on(self) -> None:
        self._unbroken()
        await self._ask(self._client.sign_on(), Identified, "who is there")

    async def _do(self, steps: Sequence[Event]) -> None:
        for step in steps:
            match step:
                case Send(raw=raw):
                    self._echo.said(raw)
                    self._stream.write(raw)
                case Pause(seconds=seconds):
                    await asyncio.sleep(seconds)
                case ChangeBaud(bits_per_second=bits_per_second):
                    if isinstance(self._stream, Adjustable):
                        await self._stream.change_baud(bits_per_second)

    async def _ask(self, steps: Sequence[Event], kind: type[E], what: str, *, bulk: bool = False) -> E:
        self.heard.clear()
        await self._do(steps)
        seconds = min(self._course.wait_s(bulk=bulk), self._settings.answer_seconds)
        self._bulk, self._asked_at = bulk, asyncio.get_running_loop().time()
        end = self._asked_at + self._settings.answer_seconds * WHOLE
        try:
            async with asyncio.timeout(seconds) as patience:
                while True:
                    match await self._next(patience, end):
                        case Send() | Pause() | ChangeBaud() as step:
                            await self._do([step])
                        case Failed(error=error):
                            raise error
                        case event if isinstance(event, kind):
                            await self._do(self._due())
                            return event
                        case event:
                            came, due = type(event).__name__, kind.__name__
                            raise RemoteError(f"{came} came where {due} was due", bytes(self.heard))
        except TimeoutError:
            self._course.silent(bulk=bulk)
            waited = self._settings.answer_seconds if self.heard else seconds
            raise AnswerTimeout(
                f"no answer about {what} within {round(waited, 2):g} s", bytes(self.heard)
            ) from None

    async def _next(self, patience: asyncio.Timeout, end: float) -> Event:
        """What comes next; each time characters come the patience begins anew, though never beyond `end`."""
        now = asyncio.get_running_loop().time
        while not self._events:
            chunk = await self._stream.read()
            patience.reschedule(min(now() + self._settings.answer_seconds, end))
            self.heard += chunk[: EVIDENCE - len(self.heard)]
            said = self._echo.strip(chunk)
            if said and self._asked_at is not None:
                self._course.answered(now() - self._asked_at, bulk=self._bulk, repeated=False)
                self._asked_at = None
            try:
                self._events.extend(self._client.receive(said))
            except ProtocolError as error:
                self._broke = error
                raise
        return self._events.popleft()

    def _due(self) -> list[Event]:
        """Steps that stand behind an answer and must be done before anything else is said."""
        due: list[Event] = []
        while self._events and isinstance(self._events[0], Send | Pause | ChangeBaud):
            due.append(self._events.popleft())
        return due
