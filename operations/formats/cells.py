"""One cell of a table as text, as a number or as an instant, whichever program wrote it."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from functools import lru_cache
from typing import Final

from operations.formats.numbers import END_YEAR, FIRST_YEAR
from operations.spreadsheet import unescaped

_PLACES: Final = Decimal("1e-9")  # beyond that a digit is a spreadsheet's, no meter's
_NUMBER: Final = re.compile(
    r"[+-]?(?:[0-9]{1,15}(?:[.,][0-9]{0,20})?|[.,][0-9]{1,20})(?:[eE][+-]?[0-9]{1,2})?"
)
_SERIAL_1970: Final = 25_569  # Excel's number of 1970-01-01
_ISO_DAY: Final = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_LOCAL: Final = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{4})(?:[ T](\d{1,2}):(\d{2})(?::(\d{2}))?)?", re.ASCII)


def text_of(cell: object) -> str:
    """What stands in the cell, without the apostrophe that keeps it from being a formula."""
    if cell is None:
        return ""
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return unescaped(str(cell).strip())


def value_of(cell: object) -> Decimal | None:
    """The number in a cell, with a point or a comma, to nine places; None where it is none."""
    if isinstance(cell, bool):
        return None
    return _number(repr(cell) if isinstance(cell, float) else unescaped(str(cell).strip()))


@lru_cache(maxsize=1 << 16)
def _number(text: str) -> Decimal | None:
    if not _NUMBER.fullmatch(text):
        return None
    value = Decimal(text.replace(",", "."))
    if value >= Decimal(10) ** 15:
        return None
    return value if _places(value) <= 9 else value.quantize(_PLACES)


def _places(value: Decimal) -> int:
    exponent = value.as_tuple().exponent
    return -exponent if isinstance(exponent, int) else 0


def instant(cell: object, zone: timezone, *, serials: bool = False) -> int | None:
    """Epoch seconds of an ISO time, a Vietnamese one or a cell with a date; without an offset, at `zone`.

    With `serials` a number is what Excel keeps of a date in a cell that is not shown as one: days since 1900.
    """
    at: datetime | None = None
    if isinstance(cell, datetime):
        at = cell
    elif serials and isinstance(cell, int | float) and not isinstance(cell, bool):
        at = _of_serial(cell)
    elif isinstance(cell, date):
        at = datetime(cell.year, cell.month, cell.day, tzinfo=zone)
    elif isinstance(cell, str):
        at = _read(cell.strip())
    if at is None or not FIRST_YEAR <= at.year < END_YEAR:
        return None
    if at.tzinfo is None:
        at = at.replace(tzinfo=zone)
    seconds = at.timestamp()
    return int(seconds) if seconds.is_integer() else None


def _of_serial(days: float) -> datetime | None:
    seconds = (days - _SERIAL_1970) * 86_400
    if (
        not 0 <= seconds < 4e10 or abs(seconds - round(seconds)) > 0.01
    ):  # doubles are that fine, to the year 3000
        return None
    return datetime(1970, 1, 1) + timedelta(seconds=round(seconds))  # noqa: DTZ001 - the file's offset


def _read(text: str) -> datetime | None:
    try:
        if local := _LOCAL.fullmatch(text):
            day, month, year, hour, minute, second = (int(part or 0) for part in local.groups())
            return datetime(year, month, day, hour, minute, second)  # noqa: DTZ001 - the file's offset
        return datetime.fromisoformat(text) if len(text) >= 16 or _ISO_DAY.fullmatch(text) else None
    except ValueError:
        return None
