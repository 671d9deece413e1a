"""What one conversation has brought so far, and how it ended."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from collector.exchange.course import Course
from collector.poll_ids import poll_id
from collector.polling.clock_limits import ClockLimits
from model.clock import Clock
from model.period import Period
from model.readout import Answer, MeterEvent, Readout, Rejected
from protocols.errors import DecodeError, WrongColumns


class Notebook:
    """Collects answers and what could not be accepted; `asking` is what an error would be about."""

    limits: ClockLimits | None = None
    heard: Callable[[Readout], None] | None = None
    offset_s: float | None = None
    course: Course | None = None
    asking: tuple[str, Period | None] = ("association", None)
    _outcome = _detail = ""

    def __init__(self, serial: str, clock: Clock, model: str) -> None:
        self.serial = serial
        self.model = model
        self.clock = clock
        self.started = clock()
        self._answers: list[Answer] = []
        self._rejected: list[Rejected] = []

    def take(self, answer: Answer) -> None:
        """An accepted answer."""
        self._answers.append(answer)

    def reject(self, reason: str, raw: bytes = b"") -> None:
        """What was asked last has no acceptable answer."""
        item, asked = self.asking
        self._rejected.append(Rejected(item, reason, raw, asked))
        self._detail = self._detail or f"meter {self.serial}, {item}: {reason}; it will be asked for again"

    def reject_rows(self, error: DecodeError, raw: bytes) -> None:
        """The rows of a profile make no sense; those of another model's columns lead to the register."""
        if isinstance(error, WrongColumns):
            said = f"the profile has {error.found} columns where model {self.model} has {error.wanted}"
            way = f"this looks like another model: correct it with `ami meter change {self.serial} --model …`"
            self.reject(f"{said}; {way}", raw)
        else:
            self.reject(error.reason, raw)

    def all_heard(self) -> None:
        """Whoever waits for the answers need not wait until we have taken our leave."""
        if self.heard is not None:
            self.heard(self.readout())

    def says(self, sentence: str) -> None:
        """A remark for people about a conversation that went on."""
        self._detail = self._detail or sentence

    def left_out(self, sentence: str) -> None:
        """Something that was wanted is not asked for: the conversation goes on and is not whole."""
        self._outcome = "partial"
        self.says(sentence)

    def ended(self, outcome: str, sentence: str) -> None:
        """The conversation broke off. What had come before stays."""
        final = outcome in ("refused", "wrong_meter")
        self._outcome = "partial" if self._answers and not final else outcome
        self._detail = sentence

    def event(self, item: str, raw: bytes, code: str, detail: str) -> None:
        """An answer that is news by itself."""
        self.take(Answer(item, raw, events=(MeterEvent(self.now(), code, detail),)))

    def now(self) -> datetime:
        """Our clock, to the second: what is read now is stamped with it."""
        return self.clock().replace(microsecond=0)

    def readout(self) -> Readout:
        """The whole conversation; its id is new every time."""
        return Readout(
            serial=self.serial,
            poll=poll_id(),
            started=self.started,
            ended=self.clock(),
            outcome=self._outcome or ("partial" if self._rejected else "ok"),
            detail=self._detail,
            clock_offset_s=self.offset_s,
            answers=tuple(self._answers),
            rejected=tuple(self._rejected),
            rtt_s=None if self.course is None else self.course.rtt_s,
        )
