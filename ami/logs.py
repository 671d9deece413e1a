"""What a program that runs on tells the journal: a line an event, in local time with its offset.

As text for people, or (`AMI_LOG=json`) as one JSON object a line for a collector of logs.
"""

from __future__ import annotations

import json
import logging
import re
import sys
from datetime import datetime
from typing import Any

import orjson

from collector.context import FIELDS, subject
from model.period import LOCAL

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
        said += line if not said else f"{' ' if said[-1] in '.:;,!?' else '; '}{line}"
    if said:
        return said
    kind = record.exc_info[0] if record.exc_info else None
    return f"{record.name}: {'something happened, it does not say what' if kind is None else kind.__name__}"


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
    plain = LocalTime("%(asctime)s %(levelname)s %(message)s")
    handler.setFormatter(JsonLines() if form == "json" else plain)
    logging.basicConfig(level=level, handlers=[handler])
    logging.getLogger("pymodbus").setLevel(logging.CRITICAL)
