"""Where somebody is to look at a meter on site: the loudest and dearest first, and how often it was right."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any
from urllib.parse import urlencode

from dash import html
from psycopg import Connection

from dashboard.addresses import STAFF, Page
from dashboard.formats import NO_VALUE
from dashboard.parts.elements import Part, attributes, chips, empty, figure, heading, link, table
from dashboard.parts.inspection_tile import tile
from dashboard.visit import Visit
from storage import inspection_figures, inspection_sheet, places
from storage.inspection_figures import Answered, InspectionFigures
from storage.inspections import OPEN, InspectionState

MOST = 200
ROUND = 10  # addresses of one morning
STATES: dict[str, tuple[InspectionState, ...] | None] = {
    "open": OPEN,
    "mine": OPEN,
    "confirmed": (InspectionState.CONFIRMED,),
    "false": (InspectionState.FALSE,),
    "faded": (InspectionState.FADED,),
    "all": None,
}


def show(conn: Connection[Any], visit: Visit, names: Mapping[str, str]) -> Part:
    """The inspections of the state and station in the address; the open ones of all where it names none."""
    say, query = visit.say, visit.query
    state = query.get("state", "open")
    state = state if state in STATES else "open"
    station, short = query.get("station", ""), query.get("round") == "1"
    rows = inspection_sheet.inspections(
        conn,
        visit.viewer,
        states=STATES[state],
        station=station or None,
        assigned=visit.viewer.login if state == "mine" else None,
        limit=ROUND if short else MOST,
    )
    links = [(say(f"inspections.{each}"), _address(each, station, short), each == state) for each in STATES]
    open_ = {*inspection_sheet.open_by_station(conn, visit.viewer), station}
    way = "chip chip-on" if short else "chip"
    narrowed = [
        link(say("inspections.round"), _address(state, station, not short), way),
        _stations(visit, places.stations(conn, visit.viewer, open_), station),
    ]
    printed = html.Button(
        say("inspections.print"), type="button", className="button", **attributes({"data-print": "1"})
    )
    on_paper = html.Span(
        say("inspections.printed", at=visit.fmt.instant(visit.now), login=visit.viewer.login),
        className="paper-alone",
    )
    told = inspection_figures.figures(conn, visit.viewer)
    nothing = html.Div(empty(say("inspections.none"), say("inspections.none_more")), className="card")
    return html.Div(
        [
            heading(
                say("inspections.title"),
                [html.Span(say("inspections.about"), className="no-print"), on_paper],
                [printed] if rows else [],
            ),
            _figures(visit, told) if told else None,
            html.Div(
                [chips(links, say("cases.filter_state")), *narrowed],
                className="bar-row no-print",
            ),
            html.Div([tile(visit, row) for row in rows], className="tiles round") if rows else nothing,
            _precision(visit, told) if told else None,
        ]
    )


def _stations(visit: Visit, every: places.Named, chosen: str) -> Part:
    """One station's of those that have any open, or all."""
    options = [("", visit.say("inspections.every_station")), *every]
    if chosen not in dict(options):
        options.append((chosen, chosen))
    listed = [html.Option(name, value=code, selected=code == chosen) for code, name in options]
    return html.Div(
        [
            html.Label(visit.say("load.station"), htmlFor="inspections-station", className="unseen"),
            html.Select(listed, id="inspections-station"),
        ],
        className="chooses",
        **attributes({"data-address": "station"}),
    )


def _address(state: str, station: str, short: bool) -> str:
    asked = {"state": state, "station": station, "round": "1" if short else ""}
    return "/inspections?" + urlencode({name: value for name, value in asked.items() if value})


def _figures(visit: Visit, told: InspectionFigures) -> Part:
    say, fmt, whole, pace = visit.say, visit.fmt, told.whole, told.pace
    answered = whole.confirmed + whole.false
    last = say("inspections.last_night", day=fmt.day(pace.last)) if pace.last else say("inspections.no_night")
    allowed = "" if pace.allowed is None else say("inspections.pace_note", n=fmt.figure(pace.allowed))
    parts = (
        figure(say("inspections.open"), fmt.number(whole.open), note=last),
        figure(
            say("inspections.precision"),
            fmt.percent(whole.precision, 0),
            note=say("inspections.answered", confirmed=fmt.number(whole.confirmed), all=fmt.number(answered))
            if answered
            else say("inspections.none_answered"),
        ),
        figure(say("inspections.pace"), fmt.number(pace.per_1000, 2), note=allowed),
    )
    return html.Div(
        [html.Section(each, className="card w4") for each in parts], className="grid thirds no-print"
    )


def _precision(visit: Visit, told: InspectionFigures) -> Part:
    """How often they were right by month, by the reasons they bear, by the model they went by."""
    say = visit.say
    groups: tuple[tuple[str, tuple[Answered, ...], Callable[[str], str]], ...] = (
        ("months", told.months, lambda month: visit.fmt.month(date.fromisoformat(f"{month}-01"))),
        ("clues", told.clues, lambda kind: say.term("clue", kind)),
        ("models", told.models, lambda version: version or NO_VALUE),
    )
    tables = [
        table(
            [say(f"inspections.by_{name}"), *(say(f"inspections.{head}") for head in HEADS)],
            [[named(one.group), *_counted(visit, one)] for one in listed],
            numeric=(1, 2, 3, 4),
        )
        for name, listed, named in groups
        if listed
    ]
    if not tables:
        return None
    return html.Details(
        [html.Summary(say("inspections.how_often")), *tables], className="card how-often no-print"
    )


HEADS = ("open", "confirmed", "false", "precision")


def _counted(visit: Visit, one: Answered) -> list[str]:
    numbers = [visit.fmt.number(count) for count in (one.open, one.confirmed, one.false)]
    return [*numbers, visit.fmt.percent(one.precision, 0)]


PAGE = Page("inspections", "/inspections", STAFF, show, nav="inspections")
