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


def asked(visit: Visit, default: timedelta) -> DaysRange:
    """The range in the address; the `default` up to today where there is none, or none that makes sense."""
    tomorrow = visit.today + timedelta(days=1)
    try:
        first = date.fromisoformat(visit.query["from"])
        end = date.fromisoformat(visit.query["to"]) + timedelta(days=1)
    except (KeyError, ValueError, OverflowError):
        return DaysRange(tomorrow - default, tomorrow)
    end = min(end, tomorrow)
    if end <= max(first, EARLIEST):
        return DaysRange(tomorrow - default, tomorrow)
    return DaysRange(max(first, EARLIEST, end - LONGEST), end)


def presets(today: date) -> list[tuple[str, DaysRange]]:
    """Word key and range of what people mostly want."""
    tomorrow, month = today + timedelta(days=1), today.replace(day=1)
    return [
        ("range.today", DaysRange(today, tomorrow)),
        ("range.yesterday", DaysRange(today - timedelta(days=1), today)),
        ("range.week", DaysRange(tomorrow - timedelta(days=7), tomorrow)),
        ("range.month", DaysRange(tomorrow - timedelta(days=30), tomorrow)),
        ("range.this_month", DaysRange(month, tomorrow)),
        ("range.last_month", DaysRange(add_months(today, -1), month)),
    ]


def chooser(visit: Visit, chosen: DaysRange, kept: Mapping[str, str] | None = None) -> Part:
    """Links for the usual ranges, and two days to type; the page's script turns those into an address.

    `kept`: what else stands in the address, and stays.
    """
    besides = f"{urlencode(kept)}&" if kept else ""
    links = [
        (visit.say(key), f"{visit.path}?{besides}{option.query}", option == chosen)
        for key, option in presets(visit.today)
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
