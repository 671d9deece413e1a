"""A customer's own limits as somebody types them, and as they are set: kWh or đồng, of a day or a period."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final

from psycopg import Connection

from model.grid import Supply
from model.viewer import Viewer
from model.warning import MOST_DONG, MOST_WH, LimitSpan, LimitUnit
from operations.warning_costs import cost
from storage import people, usage_limits

Wanted = tuple[LimitUnit, int] | None
"""A limit in Wh or đồng; None: none."""

_TYPED: Final = re.compile(r"[0-9]{1,15}(?:[.,][0-9]{1,15})*")
_UNITS: Final = re.compile(r"(?i)\s*(kwh|đ|₫|vnd|đồng|dong)$")
_MARK: Final = {"vi": ",", "en": "."}  # of decimals


def amount(text: str, unit: LimitUnit, language: str) -> int | None:
    """Wh or đồng, as somebody of that language types them: 12,5 or 500.000; None where it is no number above
    nothing.

    A mark before three digits parts thousands where the language has it so; any other mark before the last
    digits begins decimals, for who types 12.5 means it so.
    """
    digits = _UNITS.sub("", text.strip()).replace("\u00a0", "").replace(" ", "")
    if not _TYPED.fullmatch(digits):
        return None
    if unit is LimitUnit.DONG:
        whole = _thousands(re.split("[.,]", digits))
        value, most = 0 if whole is None else int(whole), MOST_DONG
    else:
        value, most = round((_number(digits, language) or 0) * 1000), MOST_WH
    return value if 0 < value <= most else None


def _number(digits: str, language: str) -> Decimal | None:
    mark = _MARK[language]
    other = "," if mark == "." else "."
    if digits.count(mark) == 1:
        whole, _, decimals = digits.partition(mark)
        thousands = _thousands(whole.split(other))
        return None if thousands is None or other in decimals else Decimal(f"{thousands}.{decimals}")
    parts = re.split("[.,]", digits)
    if len(parts) == 2 and len(parts[1]) != 3:
        return Decimal(".".join(parts))
    thousands = _thousands(parts) if len({*digits} & {".", ","}) < 2 else None
    return None if thousands is None else Decimal(thousands)


def _thousands(parts: Sequence[str]) -> str | None:
    """Groups of three digits as one number; None where one of them is no such group."""
    return None if any(len(part) != 3 for part in parts[1:]) else "".join(parts)


def has_price(supply: Supply | None, today: date) -> bool:
    """Whether what is used can be told in đồng before the bill: not where the price goes by the hour."""
    return cost(supply, today, today, 1000.0) is not None


def set_all(
    conn: Connection[Any], viewer: Viewer, point: str, wanted: Mapping[LimitSpan, Wanted], now: datetime
) -> bool:
    """Set the limits of a point and write down who did; False where it is not theirs."""
    for span, one in wanted.items():
        if not usage_limits.set_limit(conn, viewer, point, span, one, now):
            return False
    told = {span.value: None if one is None else f"{one[1]} {one[0].value}" for span, one in wanted.items()}
    people.audit(conn, now, viewer.login, "limited", f"point {point}", told)
    return True
