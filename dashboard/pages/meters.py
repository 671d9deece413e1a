"""Every meter, found by what one remembers of it: serial, name, address, station, with or without
diacritics.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from dash import Input, Output, State, dcc, html
from psycopg import Connection

from dashboard import given
from dashboard.addresses import STAFF, Page
from dashboard.callbacks import Guarded
from dashboard.formats import NO_VALUE
from dashboard.parts.elements import Part, attributes, badge, empty, heading, link
from dashboard.parts.meter_grid import failing, grid_rows, meter_grid, outcome, who
from dashboard.parts.moments import stale_badge
from dashboard.visit import Visit
from storage import meters
from storage.meters import MeterSummary

PAGE_OF_GRID = 100
PAGE_OF_CARDS = 50
A_DAY = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Search:
    """What is looked for: words, a station (empty: all), only those that were not read for a day; and which
    page of what is found, from 1."""

    text: str = ""
    station: str = ""
    unread: bool = False
    page: int = 1

    @property
    def address(self) -> str:
        """The address that looks for the same."""
        asked = {
            "q": self.text,
            "station": self.station,
            "unread": "1" if self.unread else "",
            "page": str(self.page) if self.page > 1 else "",
        }
        query = urlencode({name: value for name, value in asked.items() if value})
        return f"/meters?{query}" if query else "/meters"


def search_of(query: Mapping[str, str]) -> Search:
    """The search in an address; a page that is no number is the first."""
    page = query.get("page", "")
    return Search(
        query.get("q", ""),
        query.get("station", ""),
        query.get("unread") == "1",
        max(1, int(page)) if page.isascii() and page.isdecimal() and len(page) < 7 else 1,
    )


def show(conn: Connection[Any], visit: Visit, names: Mapping[str, str]) -> Part:
    """A search box and what it finds: a grid on a desk, cards on a phone."""
    search = search_of(visit.query)
    box = dcc.Input(
        id="meters-text-phone" if visit.phone else "meters-text",
        type="search",
        value=search.text,
        placeholder=visit.say("meters.search"),
        debounce=0.3,
        className="keeps-query",
        autoComplete="off",
    )
    found = _found(conn, visit, search)
    grid = [] if visit.phone else [meter_grid(visit, found)]
    pages = html.Div(_pages(conn, visit, search), id="meters-pages")
    return html.Div(
        [
            heading(visit.say("meters.title"), [visit.say("meters.about")]),
            html.Div([html.Label(box, className="search"), *_narrowed(visit, search)], className="bar-row"),
            dcc.Store(id="meters-station", data=search.station),
            dcc.Store(id="meters-unread", data="1" if search.unread else ""),
            *([_cards_area(conn, visit, search, found)] if visit.phone else [*grid, pages]),
        ]
    )


def _narrowed(visit: Visit, search: Search) -> list[Part]:
    """What narrows the list besides the words, each with a way out."""
    chosen = []
    if search.station:
        text = visit.say("meters.of_station", station=search.station)
        chosen.append(link(f"{text} ×", replace(search, station="", page=1).address, "chip chip-on"))
    if search.unread:
        text = visit.say("meters.unread")
        chosen.append(link(f"{text} ×", replace(search, unread=False, page=1).address, "chip chip-on"))
    return chosen


def cards(conn: Connection[Any], visit: Visit, text: object, station: object, unread: object) -> Part:
    """The cards a new text finds."""
    search = _asked(text, station, unread)
    return _cards(conn, visit, search, _found(conn, visit, search))


def rows(conn: Connection[Any], visit: Visit, text: object, station: object, unread: object) -> Part:
    """The grid's rows a new text finds."""
    return grid_rows(visit, _found(conn, visit, _asked(text, station, unread)))


def pages(conn: Connection[Any], visit: Visit, text: object, station: object, unread: object) -> Part:
    """The pages of what a new text finds."""
    return _pages(conn, visit, _asked(text, station, unread))


def _asked(text: object, station: object, unread: object) -> Search:
    return Search(
        given.text("search", text), given.text("station", station), given.text("unread", unread) == "1"
    )


def _found(conn: Connection[Any], visit: Visit, search: Search) -> list[MeterSummary]:
    size = _size(visit)
    return meters.find(
        conn,
        visit.viewer,
        search.text,
        station=search.station or None,
        unread_since=_since(visit, search),
        today=visit.today,
        limit=size,
        offset=(search.page - 1) * size,
    )


def _since(visit: Visit, search: Search) -> datetime | None:
    return visit.now - A_DAY if search.unread else None


def _size(visit: Visit) -> int:
    return PAGE_OF_CARDS if visit.phone else PAGE_OF_GRID


def _pages(conn: Connection[Any], visit: Visit, search: Search) -> Part:
    """Which of how many are shown, and the ways to the pages before and after."""
    size = _size(visit)
    count = meters.count(
        conn,
        visit.viewer,
        search.text,
        station=search.station or None,
        unread_since=_since(visit, search),
    )
    first = (search.page - 1) * size
    if first >= count:
        return (
            html.P(visit.say("meters.all_read"), className="muted") if search == Search(unread=True) else None
        )
    say, fmt = visit.say, visit.fmt
    shown = say("meters.shown", first=first + 1, last=min(first + size, count), all=fmt.number(count))
    ways = [
        link(say(f"meters.{name}"), replace(search, page=page).address, "chip")
        for name, page, there in (
            ("before", search.page - 1, search.page > 1),
            ("after", search.page + 1, first + size < count),
        )
        if there
    ]
    return html.Nav(
        [html.Span(shown, className="muted small"), *ways],
        className="pages",
        **attributes({"aria-label": say("meters.pages")}),
    )


def _cards_area(conn: Connection[Any], visit: Visit, search: Search, found: Sequence[MeterSummary]) -> Part:
    return html.Div(_cards(conn, visit, search, found), id="meters-cards")


def _cards(conn: Connection[Any], visit: Visit, search: Search, found: Sequence[MeterSummary]) -> Part:
    if not found and search == Search(unread=True):
        return empty(visit.say("meters.all_read"))
    if not found:
        return empty(visit.say("meters.none"), visit.say("meters.none_more"))
    tiles = html.Div([_card(visit, meter) for meter in found], className="tiles")
    return html.Div([tiles, _pages(conn, visit, search)])


def _card(visit: Visit, meter: MeterSummary) -> Part:
    said: list[Part] = []
    if failing(meter):
        said.append(badge(outcome(visit, meter), "bad"))
    elif not meter.removed and (stale := stale_badge(visit, meter.last_contact)) is not None:
        said.append(stale)
    if meter.alerts:
        said.append(badge(visit.say("meters.alerts_n", n=meter.alerts), "warn"))
    return dcc.Link(
        [
            html.Div(
                [
                    html.Div(who(visit, meter), className="row-name"),
                    html.Div(
                        f"{meter.serial} · {meter.address or meter.station_name or NO_VALUE}",
                        className="row-under",
                    ),
                    html.Div(said, className="badges") if said else None,
                ],
                className="row-main",
            ),
            html.Div(
                [
                    f"{visit.fmt.kwh(meter.today_wh)} kWh",
                    html.Div(visit.fmt.age(meter.last_contact, visit.now), className="row-under"),
                ],
                className="row-end",
            ),
        ],
        href=f"/meters/{meter.serial}",
        className="row tile",
    )


def connect(guarded: Guarded) -> None:
    narrowed = State("meters-station", "data"), State("meters-unread", "data")
    guarded.reads(
        Output("meters-grid", "rowData"),
        Input("meters-text", "value"),
        *narrowed,
        roles=STAFF,
        instead=lambda visit: [],
        prevent_initial_call=True,
    )(rows)
    guarded.reads(
        Output("meters-pages", "children"),
        Input("meters-text", "value"),
        *narrowed,
        roles=STAFF,
        instead=lambda visit: None,  # the grid above is emptied, the audit has it
        prevent_initial_call=True,
    )(pages)
    guarded.reads(
        Output("meters-cards", "children"),
        Input("meters-text-phone", "value"),
        *narrowed,
        roles=STAFF,
        prevent_initial_call=True,
    )(cards)


PAGE = Page("meters", "/meters", STAFF, show, nav="meters")
