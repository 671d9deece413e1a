"""Every meter, found by what one remembers of it: serial, name, address, station, with or without
diacritics.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import dash_ag_grid as dag
from dash import Input, Output, State, dcc, html
from psycopg import Connection

from dashboard import given
from dashboard.addresses import STAFF, Page
from dashboard.callbacks import Guarded
from dashboard.formats import NO_VALUE
from dashboard.parts.elements import Part, badge, empty, heading, link
from dashboard.parts.moments import stale_badge
from dashboard.visit import Visit
from operations import wording
from storage import meters
from storage.meters import MeterSummary

MOST = 500
MOST_ON_PHONE = 60
# The grid's colours are the page's own, so that a change of theme reaches it without a redraw.
GRID_THEME = (
    "themeQuartz.withParams({backgroundColor: 'var(--card)', foregroundColor: 'var(--ink)', "
    "textColor: 'var(--ink)', "
    "headerTextColor: 'var(--muted)', headerBackgroundColor: 'var(--card)', "
    "headerFontWeight: 500, borderColor: 'var(--line)', "
    "rowHoverColor: 'var(--sunk)', selectedRowBackgroundColor: 'var(--sunk)', accentColor: 'var(--brand)', "
    "browserColorScheme: 'inherit', fontFamily: 'inherit', fontSize: 14, "
    "wrapperBorderRadius: 12, cellHorizontalPadding: 11})"
)
# What is longer than its column goes on below; two lines fit a row.
TWO_LINES = {"whiteSpace": "normal", "lineHeight": "18px", "display": "flex", "alignItems": "center"}


def show(conn: Connection[Any], visit: Visit, names: Mapping[str, str]) -> Part:
    """A search box and what it finds: a grid on a desk, cards on a phone."""
    text, station = visit.query.get("q", ""), visit.query.get("station", "")
    box = dcc.Input(
        id="meters-text-phone" if visit.phone else "meters-text",
        type="search",
        value=text,
        placeholder=visit.say("meters.search"),
        debounce=0.3,
        className="keeps-query",
        autoComplete="off",
    )
    found = _found(conn, visit, text, station, MOST)
    chosen = (
        link(visit.say("meters.of_station", station=station) + " ×", "/meters", "chip chip-on")
        if station
        else None
    )
    return html.Div(
        [
            heading(visit.say("meters.title"), [visit.say("meters.about")]),
            html.Div([html.Label(box, className="search"), chosen], className="bar-row"),
            dcc.Store(id="meters-station", data=station),
            _cards_area(visit, found) if visit.phone else _grid(visit, found),
        ]
    )


def cards(conn: Connection[Any], visit: Visit, text: object, station: object) -> Part:
    """The cards a new text finds."""
    return _cards(visit, _found(conn, visit, text, station, MOST_ON_PHONE + 1))


def rows(conn: Connection[Any], visit: Visit, text: object, station: object) -> Part:
    """The grid's rows a new text finds."""
    return _rows(visit, _found(conn, visit, text, station, MOST))


def _found(
    conn: Connection[Any], visit: Visit, text: object, station: object, limit: int
) -> list[MeterSummary]:
    words, of = given.text("search", text), given.text("station", station)
    return meters.find(conn, visit.viewer, words, station=of or None, today=visit.today, limit=limit)


def who(visit: Visit, meter: MeterSummary) -> str:
    """Whose the meter is: a customer's, a station's, or nobody's any more."""
    if meter.removed:
        return visit.say("meters.removed")
    return meter.customer_name or visit.say("meter.head_of", station=meter.station_name or NO_VALUE)


def _cards_area(visit: Visit, found: Sequence[MeterSummary]) -> Part:
    return html.Div(_cards(visit, found), id="meters-cards")


def _cards(visit: Visit, found: Sequence[MeterSummary]) -> Part:
    if not found:
        return empty(visit.say("meters.none"), visit.say("meters.none_more"))
    tiles = [_card(visit, meter) for meter in found[:MOST_ON_PHONE]]
    if len(found) > MOST_ON_PHONE:
        tiles.append(html.P(visit.say("meters.more", n=MOST_ON_PHONE), className="muted small"))
    return html.Div(tiles, className="tiles")


def _card(visit: Visit, meter: MeterSummary) -> Part:
    alerts = badge(visit.say("meters.alerts_n", n=meter.alerts), "warn") if meter.alerts else None
    return dcc.Link(
        [
            html.Div(
                [
                    html.Div(who(visit, meter), className="row-name"),
                    html.Div(
                        f"{meter.serial} · {meter.address or meter.station_name or NO_VALUE}",
                        className="row-under",
                    ),
                    html.Div([stale_badge(visit, meter.last_contact), " ", alerts], className="row-under"),
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


def _rows(visit: Visit, found: Sequence[MeterSummary]) -> list[dict[str, Any]]:
    fmt = visit.fmt
    return [
        {
            "serial": meter.serial,
            "link": f"[{meter.serial}](/meters/{meter.serial})",
            "customer": who(visit, meter),
            "address": meter.address or NO_VALUE,
            "station": meter.station_name or NO_VALUE,
            "today": meter.today_wh,
            "today_text": fmt.kwh(meter.today_wh),
            "contact": meter.last_contact.isoformat() if meter.last_contact else "",
            "contact_text": fmt.age(meter.last_contact, visit.now),
            "outcome": wording.outcome(meter.last_outcome, visit.lang)
            if meter.last_outcome
            else visit.say("meters.never"),
            "alerts": meter.alerts,
        }
        for meter in found
    ]


def _grid(visit: Visit, found: Sequence[MeterSummary]) -> Part:
    say = visit.say

    def column(field: str, **more: Any) -> dict[str, Any]:
        return {
            "field": field,
            "headerName": say(f"meters.column.{field}"),
            "sortable": True,
            "resizable": True,
            **more,
        }

    text = {"function": "params.data.today_text"}
    none_is_blank = {"function": "params.value ? params.value : ''"}
    columns = [
        column("link", cellRenderer="markdown", width=110, sortable=False),
        column("customer", flex=4, minWidth=150),
        column("address", flex=5, minWidth=170, tooltipField="address"),
        column("station", flex=4, minWidth=150, cellStyle=TWO_LINES),
        column("today", width=130, type="rightAligned", valueFormatter=text),
        column("contact", width=120, valueFormatter={"function": "params.data.contact_text"}),
        column("outcome", width=115),
        column("alerts", width=95, type="rightAligned", valueFormatter=none_is_blank),
    ]
    return dag.AgGrid(
        id="meters-grid",
        rowData=_rows(visit, found),
        columnDefs=columns,
        className="grid-frame",
        dashGridOptions={
            "theme": {"function": GRID_THEME},
            "rowHeight": 46,
            "headerHeight": 44,
            "suppressCellFocus": False,
            "localeText": {"noRowsToShow": say("meters.none"), "loadingOoo": say("meters.loading")},
        },
        getRowId="params.data.serial",
        style={"height": ""},  # the style sheet's
    )


def connect(guarded: Guarded) -> None:
    station = State("meters-station", "data")
    guarded.reads(
        Output("meters-grid", "rowData"),
        Input("meters-text", "value"),
        station,
        roles=STAFF,
        instead=lambda visit: [],
        prevent_initial_call=True,
    )(rows)
    guarded.reads(
        Output("meters-cards", "children"),
        Input("meters-text-phone", "value"),
        station,
        roles=STAFF,
        prevent_initial_call=True,
    )(cards)


PAGE = Page("meters", "/meters", STAFF, show, nav="meters")
