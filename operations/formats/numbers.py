"""Numbers and days as files write them: plain ASCII, nothing that only Python would take."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from functools import lru_cache
from typing import Final

FIRST_YEAR, END_YEAR = 1971, 2200  # no meter wrote a file before, and no plan reaches further
_NUMBER: Final = re.compile(r"[+-]?(?:[0-9]{1,15}(?:\.[0-9]{0,9})?|\.[0-9]{1,9})")
_OFFSET: Final = re.compile(r"(?:UTC)?([+-])([01][0-9]|2[0-3]):?([0-5][0-9])")


@lru_cache(maxsize=1 << 16)  # meters say the same few values again and again: one object each
def number(text: str) -> Decimal | None:
    """A number of at most 15 digits before the point and 9 behind it, or None."""
    text = text.strip(" ")
    return Decimal(text) if _NUMBER.fullmatch(text) else None


def offset(text: str) -> timezone:
    """An offset from UTC like `+07:00`. Raises ValueError."""
    found = _OFFSET.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is no offset from UTC: write it like +07:00")
    sign, hours, minutes = found.groups()
    shift = timedelta(hours=int(hours), minutes=int(minutes))
    return timezone(-shift if sign == "-" else shift)


def stamp(text: str, zone: timezone) -> datetime | None:
    """An 8, 12 or 14 digit day and time (`20040201`, `200402010130`, `20040201013000`), or None."""
    text = text.strip(" ")
    pattern = {8: "%Y%m%d", 12: "%Y%m%d%H%M", 14: "%Y%m%d%H%M%S"}.get(len(text))
    if pattern is None or not (text.isascii() and text.isdigit()):
        return None
    try:
        at = datetime.strptime(text, pattern).replace(tzinfo=zone)
    except ValueError:
        return None
    return at if FIRST_YEAR <= at.year < END_YEAR else None


def plain(value: Decimal) -> str:
    """Without exponent and without zeros behind the last digit."""
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
