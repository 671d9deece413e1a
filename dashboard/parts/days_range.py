"""The range of days a page shows: in the address, so that a link, reload and Back bring it again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from urllib.parse import urlencode

from dash import dcc, html

from dashboard.parts.elements import Part, chips
from dashboard.visit import Visit
from model.period import Period, add_months

LONGEST = timedelta(days=366)
EARLIEST = date(2000, 1, 1)  # no meter of ours kept half-hours before


@dataclass(frozen=True, slots=True)
class DaysRange:
    """Local days from `first` to `end` excluded."""

    first: date
    end: date

    @property
    def period(self) -> Period:
        return Period.of_days(self.first, self.end)

    @property
    def query(self) -> str:
        """As it stands in the address: the last day included, as people say it."""
        return urlencode({"from": self.first.isoformat(), "to": (self.end - timedelta(days=1)).isoformat()})


def asked(visit: Visit, default: timedelta, *, whole: bool = False) -> DaysRange:
    """The range in the address; the `default` up to today where there is none, or none that makes sense.

    `whole`: of days that are over, so many up to yesterday; today, whose half-hours to come would count as
    missing, only where it was asked for alone."""
    tomorrow = visit.today + timedelta(days=1)
    usual = visit.today if whole else tomorrow
    try:
        first = date.fromisoformat(visit.query["from"])
        end = date.fromisoformat(visit.query["to"]) + timedelta(days=1)
    except (KeyError, ValueError, OverflowError):
        return DaysRange(usual - default, usual)
    end = min(end, tomorrow)
    if end <= max(first, EARLIEST):
        return DaysRange(usual - default, usual)
    chosen = DaysRange(max(first, EARLIEST, end - LONGEST), end)
    return _over(chosen, visit.today) if whole else chosen


def _over(days: DaysRange, today: date) -> DaysRange:
    return DaysRange(days.first, min(days.end, today)) if days.first < today else days


def presets(today: date, *, whole: bool = False) -> list[tuple[str, DaysRange]]:
    """Word key and range of what people mostly want; `whole`: as in `asked`."""
    tomorrow, month = today + timedelta(days=1), today.replace(day=1)
    usual, this_month = today if whole else tomorrow, DaysRange(month, tomorrow)
    return [
        ("range.today", DaysRange(today, tomorrow)),
        ("range.yesterday", DaysRange(today - timedelta(days=1), today)),
        ("range.week", DaysRange(usual - timedelta(days=7), usual)),
        ("range.month", DaysRange(usual - timedelta(days=30), usual)),
        ("range.this_month", _over(this_month, today) if whole else this_month),
        ("range.last_month", DaysRange(add_months(today, -1), month)),
    ]


def chooser(
    visit: Visit, chosen: DaysRange, kept: Mapping[str, str] | None = None, *, whole: bool = False
) -> Part:
    """Links for the usual ranges, and two days to type; the page's script turns those into an address.

    `kept`: what else stands in the address, and stays. `whole`: as in `asked`.
    """
    besides = f"{urlencode(kept)}&" if kept else ""
    links = [
        (visit.say(key), f"{visit.path}?{besides}{option.query}", option == chosen)
        for key, option in presets(visit.today, whole=whole)
    ]
    boxes = [
        dcc.Input(
            id=f"range-{name}",
            type="text",
            value=f"{day:%d/%m/%Y}",
            placeholder=visit.say("range.pattern"),
            autoComplete="off",
            className="range-day",
            inputMode="numeric",
        )
        for name, day in (("from", chosen.first), ("to", chosen.end - timedelta(days=1)))
    ]
    form = html.Div(
        [
            html.Label(visit.say("range.from"), htmlFor="range-from"),
            boxes[0],
            html.Label(visit.say("range.to"), htmlFor="range-to"),
            boxes[1],
        ],
        className="range-form",
    )
    return html.Div([chips(links, visit.say("range.label")), form], className="bar-row no-print")
