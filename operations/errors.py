"""What the office refuses, each in one sentence: what, where, what to do."""

from __future__ import annotations

from dataclasses import dataclass


class OperationsError(Exception):
    """The root of this package; the message is the sentence a person meets."""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence


class InputError(OperationsError):
    """What was handed in cannot be used as it is."""


@dataclass(frozen=True, slots=True)
class FileError:
    """One thing wrong in a file. `line` counts from 1, the heading included; 0 is the whole file."""

    line: int
    column: str
    sentence: str

    def __str__(self) -> str:
        where = f"line {self.line}" if self.line else "the file"
        return (
            f"{where}, column “{self.column}”: {self.sentence}"
            if self.column
            else f"{where}: {self.sentence}"
        )


class FileRefused(InputError):
    """Nothing of the file was stored; `errors` lists every reason in the order of the lines."""

    def __init__(self, name: str, errors: tuple[FileError, ...]) -> None:
        self.name = name
        self.errors = errors
        first = str(errors[0])
        more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
        super().__init__(f"the file {name} was not imported, nothing was stored: {first}{more}")


class MeterRefused(InputError):
    """A meter, point or customer could not be added; `serial` is the meter's."""

    def __init__(self, serial: str, sentence: str) -> None:
        self.serial = serial
        super().__init__(sentence)


class PointRefused(InputError):
    """What is registered of a measurement point cannot be so; `point` is its code."""

    def __init__(self, point: str, sentence: str) -> None:
        self.point = point
        super().__init__(sentence)


class EditRefused(InputError):
    """Slots of a validated day may not be edited by who asked, or not like that."""


class CaseRefused(InputError):
    """A case may not be accepted, re-read or given to somebody by who asked, or not as it stands."""


class InspectionRefused(InputError):
    """An inspection may not be given to somebody, visited or judged by who asked, or not as it stands.

    `why` is a word for pages, which say it in the reader's language: "to_come" and "not_hung" of the day that
    was named, else "as_it_stands"."""

    def __init__(self, sentence: str, why: str = "as_it_stands") -> None:
        self.why = why
        super().__init__(sentence)


class AccountRefused(InputError):
    """A user could not be made or changed; `login` is the user's."""

    def __init__(self, login: str, sentence: str) -> None:
        self.login = login
        super().__init__(sentence)


class OrderRefused(InputError):
    """An order to a meter may not be placed, approved, taken back or let go on by who asked."""


class RunRefused(InputError):
    """A billing run may not be drafted, checked, approved, issued or withdrawn by who asked, or not now."""


class OutageRefused(InputError):
    """An outage may not be entered, ended or taken back by who asked, or not like that."""


class LoadRefused(InputError):
    """There is no load to tell of whom it was asked, or of those days."""


class TooMuch(LoadRefused):
    """So many meters over so many days are not told at once."""

    def __init__(self, whose: str, meters: int, days: int) -> None:
        self.meters, self.days = meters, days
        super().__init__(
            f"{whose} has {meters} meters, too many for {days} days at once: ask for a shorter time, or "
            "for a part of them."
        )


class JobFailed(OperationsError):
    """A queued job ended without doing its work; `task` and `job` say which."""

    def __init__(self, task: str, job: int, sentence: str) -> None:
        self.task = task
        self.job = job
        super().__init__(sentence)
