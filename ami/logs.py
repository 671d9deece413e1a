"""What a program that runs on tells the journal: a line an event, in local time with its offset.

As text for people, or (`AMI_LOG=json`) as one JSON object a line for a collector of logs.
"""

from __future__ import annotations

import json
import logging
import re
import sys
import time
from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

import orjson
import psycopg

from collector.context import FIELDS, subject
from model.period import LOCAL

LIBRARIES: Final = frozenset(("procrastinate", "psycopg"))
AGAIN_S: Final = 60.0
KINDS: Final = 200  # of sentences that are remembered

# An address may carry a password, and what quotes one comes from other people's libraries.
_PASSWORDS = (
    (re.compile(r"(\b[a-z][a-z0-9+.-]*://[^\s/@:]*):[^\s@]*@", re.IGNORECASE), r"\1:…@"),
    (re.compile(r"\b(password|passwd|pwd|secret|authorization)([\"']?\s*[=:]\s*)"
                r"(\"(?:\\.|[^\"\\])*\"|'(?:\\.|[^'\\])*'|[^\s&,;]+)",
                re.IGNORECASE), r"\1\2…"),
)  # fmt: skip


def one_line(record: logging.LogRecord) -> str:
    """What a record says, in a line: of an error that says nothing its kind, many lines one after another."""
    if isinstance(record.args, tuple):
        record.args = tuple(
            type(each).__name__ if isinstance(each, BaseException) and not str(each).strip() else each
            for each in record.args
        )
    said = ""
    for line in filter(None, map(str.strip, record.getMessage().splitlines())):
        goes_on = said[-1:] in ".:;,!?" or line[0].islower()
        said += f"{' ' if goes_on else '; '}{line}" if said else line
    if said:
        return said
    kind = record.exc_info[0] if record.exc_info else None
    return f"{record.name}: {'something happened, it does not say what' if kind is None else kind.__name__}"


class Libraries(logging.Filter):
    """What the queue and the pool say while the database is away: a sentence with the cause and no traceback,
    the same one once in `AGAIN_S`. Everything else passes as it is."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._clock = clock
        self._said: dict[str, tuple[float, int]] = {}  # when last, and how often it was left out since

    def filter(self, record: logging.LogRecord) -> bool:
        if record.name.partition(".")[0] not in LIBRARIES:
            return True
        said, cause = one_line(record), _cause(record.exc_info[1] if record.exc_info else None)
        if cause is not None:
            said = f"{said} ({' '.join(str(cause).split()) or type(cause).__name__})"
            record.exc_info = record.exc_text = None
        elif record.exc_info:
            return True
        now, (last, left_out) = self._clock(), self._said.get(said, (float("-inf"), 0))
        if now - last < AGAIN_S:
            self._said[said] = last, left_out + 1
            return False
        if len(self._said) > KINDS:
            self._said.clear()
        self._said[said] = now, 0
        again = f" (said {left_out + 1:,} times by now)" if left_out else ""
        record.msg, record.args = "%s%s", (said, again)
        return True


def _cause(error: BaseException | None) -> BaseException | None:
    """What the database's absence was first noticed by, if that is what it is."""
    while error is not None and not isinstance(error, psycopg.OperationalError | psycopg.InterfaceError):
        error = error.__cause__ or error.__context__
    return error


def without_passwords(text: str) -> str:
    """The text, its passwords left out where they can be told by their place."""
    for pattern, replacement in _PASSWORDS:
        text = pattern.sub(replacement, text)
    return text


class LocalTime(logging.Formatter):
    """A line an event, tracebacks below it; stamps like 2026-10-01T00:00:05+07:00, wherever the machine
    thinks it stands."""

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:
        return datetime.fromtimestamp(record.created, LOCAL).isoformat(timespec="seconds")

    def formatMessage(self, record: logging.LogRecord) -> str:
        record.message = one_line(record)
        return super().formatMessage(record)

    def format(self, record: logging.LogRecord) -> str:
        return without_passwords(super().format(record))


class JsonLines(logging.Formatter):
    """One object a line: time, level, logger, message; poll, modem, meter, shard, epoch and node where it is
    about one; `error` with the traceback. What else a record carries is left out: nobody looked it over."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, LOCAL).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": without_passwords(one_line(record)),
        }
        around = subject()
        for field in FIELDS:
            value = getattr(record, field, None)
            value = around.get(field) if value is None else value
            if isinstance(value, str | int):
                line[field] = value
        if record.exc_info and record.exc_info[0] is not None:
            line["error"] = without_passwords(self.formatException(record.exc_info))
        try:
            return orjson.dumps(line).decode()
        except TypeError:  # half a pair, or a number of more than 64 bits: a line all the same
            return json.dumps(line)


def to_stderr(form: str = "text", level: int = logging.INFO) -> None:
    """Log to stderr from now on, as `text` or `json`, what is of that level at least."""
    handler = logging.StreamHandler(sys.stderr)
    handler.addFilter(Libraries())
    plain = LocalTime("%(asctime)s %(levelname)s %(message)s")
    handler.setFormatter(JsonLines() if form == "json" else plain)
    logging.basicConfig(level=level, handlers=[handler])
    logging.getLogger("pymodbus").setLevel(logging.CRITICAL)
