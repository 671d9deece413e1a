"""The short values of which every conversation has some: a serial, a clock, a number, straight from bytes.

What is out of the ordinary goes through the decoder for all values, which says what is wrong with it.
"""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache
from typing import Final

from collector.exchange.clock_setting import clock_value
from model.period import LOCAL
from protocols.dlms import axdr
from protocols.dlms.axdr import INTEGERS, Tag, integer_of
from protocols.dlms.reference import Attribute

_STRINGS: Final = (Tag.OCTET_STRING, Tag.VISIBLE_STRING)


def bears(raw: bytes, serial: str) -> bool:
    """Whether these bytes are just this serial, as octets or as text."""
    text = serial.encode()
    return raw[1:] == bytes((len(text),)) + text and raw[0] in _STRINGS


@lru_cache(maxsize=256)
def clock_time(raw: bytes) -> datetime:
    """The instant a clock shows, in UTC as ours has it; `DecodeError` for what is none.

    Many clocks of a fleet show the same second.
    """
    shown = clock_value(axdr.decode(raw)).to_datetime(LOCAL)
    try:
        return shown.astimezone(UTC)
    except OverflowError:  # the first hours of the year 1 are none in UTC
        return shown


def whole_number(raw: bytes, what: Attribute) -> int:
    """The integer that these bytes are, of whatever width; `DecodeError` for anything else."""
    width = INTEGERS.get(raw[0]) if raw else None
    if width is not None and len(raw) == 1 + width[0]:
        return int.from_bytes(raw[1:], "big", signed=width[1])
    return integer_of(axdr.decode(raw), str(what))
