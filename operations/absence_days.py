"""The days of an absence as somebody at the office types them."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Final, Literal

from operations.vietnamese import day_written

REACH: Final = timedelta(days=366)
"""Days further back than that are judged no more, and nobody tells of an absence so long before."""

Why = Literal["day_wanted", "wrong_order", "too_far"]
"""Why typed days are none: a word for pages, which say it in the reader's language."""


def typed(first: str, last: str, today: date) -> tuple[date, date] | Why:
    """First and last day away, both typed as day/month/year, or why they are none."""
    begun, ended = _day(first), _day(last)
    if begun is None or ended is None:
        return "day_wanted"
    if ended < begun:
        return "wrong_order"
    return (begun, ended) if today - REACH <= begun and ended <= today + REACH else "too_far"


def _day(text: str) -> date | None:
    try:
        return day_written(text.strip())
    except ValueError:
        return None
