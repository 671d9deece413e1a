"""What a program that runs on tells the journal: a line an event, in local time with its offset."""

from __future__ import annotations

import logging
import sys
from datetime import datetime

from model.period import LOCAL


class LocalTime(logging.Formatter):
    """Stamps like 2026-10-01T00:00:05+07:00, wherever the machine thinks it stands."""

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:
        return datetime.fromtimestamp(record.created, LOCAL).isoformat(timespec="seconds")


def to_stderr() -> None:
    """Log to stderr from now on."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(LocalTime("%(asctime)s %(levelname)s %(message)s"))
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    logging.getLogger("pymodbus").setLevel(logging.CRITICAL)
