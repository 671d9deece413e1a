"""What a browser gave, before anything is asked with it: a forger sends anything, of any type."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeGuard

from dashboard.errors import Refused

LONGEST = 2000  # more than any address, name or search text of ours
_LARGEST_NUMBER = 2**63 - 1  # of the store's counters


def is_text(value: object) -> TypeGuard[str]:
    """Whether it is a text that the store can hold: of a sane length, without NUL and half characters."""
    if not isinstance(value, str) or len(value) > LONGEST or "\0" in value:
        return False
    return not any("\ud800" <= character <= "\udfff" for character in value)


def text(noun: str, value: object) -> str:
    """The text; None is an empty one. Raises `Refused` for what is none."""
    if value is None:
        return ""
    if not is_text(value):
        raise Refused(noun, ascii(value)[:100])
    return value


def number(noun: str, value: object) -> int:
    """The number of a thing. Raises `Refused` for what is none."""
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= _LARGEST_NUMBER:
        raise Refused(noun, ascii(value)[:100])
    return value


def numbered(noun: str, value: str) -> int:
    """The number in an address. Raises `Refused` for what is none."""
    if not (value.isascii() and value.isdecimal() and len(value) < 18):
        raise Refused(noun, value)
    return int(value)


def texts(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Those of the named values that are texts; of a name given twice the last counts."""
    return {name: value for name, value in pairs if is_text(name) and is_text(value)}
