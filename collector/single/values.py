"""Values of COSEM objects as a JSON document can hold them: numbers, texts, lists of these."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from model.period import LOCAL
from protocols.dlms.axdr import INTEGERS, Data, Tag
from protocols.dlms.clock import CosemDate, CosemDateTime, CosemTime
from protocols.errors import DecodeError

DATE_TIME_OCTETS = 12
_MOST = float(np.finfo(np.float32).max)


def plain(data: Data) -> Any:
    """A number, a text, or a list for an array or a structure; a date-time as ISO 8601 with its offset;
    None for what is no number (NaN).
    """
    if data.tag in INTEGERS or data.tag is Tag.BOOLEAN:
        return int(data.value)
    if not_a_number(data.value):
        return None  # JSON has no such numbers
    if data.tag is Tag.FLOAT64:
        return data.value
    if data.tag in (Tag.ARRAY, Tag.STRUCTURE):
        return [plain(item) for item in data.value]
    if data.tag is Tag.COMPACT_ARRAY:
        return [plain(item) for item in data.value.items]
    return cell(data.value)


def not_a_number(value: object) -> bool:
    """NaN, or one of the infinities."""
    return isinstance(value, float) and not math.isfinite(value)


def cell(value: Any) -> Any:
    """The same for a value without its tag, as a column of a profile has it."""
    if isinstance(value, float):
        return None if not_a_number(value) else _shortest(value)
    if isinstance(value, bytes):
        return _moment(value) or text_or_hex(value)
    if isinstance(value, CosemDateTime):
        return _iso(value) or value.to_bytes().hex()
    if isinstance(value, CosemDate | CosemTime):
        return value.to_bytes().hex()
    if isinstance(value, Data):
        return plain(value)
    if isinstance(value, tuple | list):
        return [cell(item) for item in value]
    return value if value is None or isinstance(value, int | float | str) else str(value)


def _shortest(value: float) -> float:
    """230.1, and not the 230.10000610351562 that stands for it where a number has 32 bits."""
    short = np.float32(value) if abs(value) <= _MOST else None
    return float(str(short)) if short is not None and float(short) == value else value


def text_or_hex(raw: bytes) -> str:
    """Octets that are printable as text, others in hex."""
    return raw.decode("ascii") if raw.isascii() and raw.decode("ascii").isprintable() else raw.hex()


def _moment(raw: bytes) -> str | None:
    """Twelve octets that are a date-time in this century, which no text and hardly a number is."""
    if len(raw) != DATE_TIME_OCTETS or not 0x07D0 <= int.from_bytes(raw[:2], "big") < 0x0834:
        return None
    try:
        return _iso(CosemDateTime.from_bytes(raw))
    except DecodeError:
        return None


def _iso(stamp: CosemDateTime) -> str | None:
    """ISO 8601 with offset; None where fields are left open."""
    try:
        return stamp.to_datetime(LOCAL).isoformat()
    except DecodeError:
        return None
