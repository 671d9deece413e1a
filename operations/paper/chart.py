"""Thirteen months of kWh as bars: the billed month, and the same month of the year before."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal

from reportlab.lib.colors import HexColor

from model.money import half_up
from model.period import add_months
from operations.paper.page import INK, QUIET, RULE, TEAL, Page, Style
from operations.paper.typeface import STRONG
from operations.vietnamese import number
from storage.bill_history import MONTHS, MonthUse

_OTHER = HexColor("#b9cbc7")
_YEAR_AGO = HexColor("#d9a441")


def months(uses: Sequence[MonthUse], last: date, kwh: int) -> list[tuple[date, int | None]]:
    """The thirteen months that end with `last`'s, None where none was billed; of the last one at least
    what its own bill says, `kwh`."""
    known = {add_months(last, 0): kwh} | {use.month: use.kwh for use in uses}
    shown = [add_months(last, back) for back in range(1 - MONTHS, 1)]
    return [(month, known.get(month)) for month in shown]


def compared(shown: Sequence[tuple[date, int | None]]) -> str:
    """The billed month beside the one before it and the one a year before, in a sentence; empty where there
    is nothing to compare with."""
    now = shown[-1][1]
    told = []
    for (_, before), name in ((shown[-2], "tháng trước"), (shown[0], "cùng kỳ năm trước")):
        if now is None or before is None or before <= 0:
            continue
        percent = half_up(Decimal(now - before) * 100 / before)
        if percent == 0:
            told.append(f"bằng {name}")
        else:
            told.append(f"{'tăng' if percent > 0 else 'giảm'} {number(abs(percent))} % so với {name}")
    said = "; ".join(told)
    return f"{said[:1].upper()}{said[1:]}." if said else ""


def draw(
    page: Page, x: float, y: float, wide: float, high: float, shown: Sequence[tuple[date, int | None]]
) -> None:
    """The bars in a field of `wide` × `high` mm whose upper left corner is at x, y, months and figures
    included."""
    label, figure = Style(6.8, colour=QUIET), Style(6.8, colour=INK)
    base, top = y + high - 4.2, y + 3.6
    most = max((kwh for _, kwh in shown if kwh), default=0)
    step = wide / len(shown)
    for place, (month, kwh) in enumerate(shown):
        middle = x + (place + 0.5) * step
        page.text(middle, base + 3.4, f"{month:%m/%y}", label, "centre")
        if kwh is None:
            page.text(middle, base - 1, "–", label, "centre")
            continue
        tall = (base - top) * max(kwh, 0) / most if most else 0.0
        colour = {0: _YEAR_AGO, len(shown) - 1: TEAL}.get(place, _OTHER)
        page.box(middle - step * 0.33, base - tall, step * 0.66, tall, colour)
        last = place == len(shown) - 1
        page.text(
            middle, base - tall - 1, number(kwh), Style(6.8, STRONG, TEAL) if last else figure, "centre"
        )
    page.rule(base, RULE, 0.6, x, x + wide)
