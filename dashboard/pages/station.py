"""One station: its load against its transformer, its balance, whose use the loss follows."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

from dash import html
from psycopg import Connection

from dashboard import given
from dashboard.addresses import STAFF, Page
from dashboard.charts.packing import chart
from dashboard.charts.station_load import against_rated
from dashboard.errors import Refused
from dashboard.pages.meter import curve_legend
from dashboard.parts.days_range import DaysRange, asked, chooser
from dashboard.parts.elements import Part, card, empty, figure, heading, link
from dashboard.parts.load_choice import load_address
from dashboard.parts.station_cards import (
    balance_card,
    feeders_card,
    kilo,
    largest_card,
    levels_card,
    plain_percent,
    source,
    suspects_card,
)
from dashboard.visit import Visit
from operations.stations import StationLoad, StationSheet, station
from storage import places
from storage.errors import Unknown

MONTH = timedelta(days=30)


def show(conn: Connection[Any], visit: Visit, names: Mapping[str, str]) -> Part:
    """The station of the address over the days of the address."""
    days, code = asked(visit, MONTH, whole=True), given.text("station", names["code"])
    try:
        sheet = station(conn, code, days.first, days.end)
    except Unknown:
        raise Refused("station", code) from None
    load, say = sheet.load, visit.say
    kva = load.transformer
    under = [
        html.Span(load.station.code),
        html.Span(
            say("station.kva", kva=visit.fmt.plain(kva.kva.normalize() + 0)) if kva else say("station.no_kva")
        ),
        html.Span(visit.fmt.span(days.first, days.end)),
        html.Span(say("station.without_today")) if days.end == visit.today else None,
        html.Span(source(visit, load)),
    ]
    ways = [
        link(say("station.to_load"), load_address("station", code, days), "chip"),
        link(say("station.to_inspections"), f"/inspections?{urlencode({'station': code})}", "chip"),
        link(say("station.to_meters"), f"/meters?{urlencode({'station': code})}", "chip"),
    ]
    return html.Div(
        [
            heading(load.station.name, under, ways, back=(say("nav.stations"), "/stations")),
            chooser(visit, days, whole=True),
            body(visit, sheet, days),
        ]
    )


def body(visit: Visit, sheet: StationSheet, days: DaysRange) -> Part:
    """All that is told of the station in these days."""
    cards = [
        _load(visit, sheet),
        balance_card(visit, sheet.balance),
        html.Div([suspects_card(visit, sheet, days), levels_card(visit, sheet.load)], className="stack w6"),
        largest_card(visit, sheet, days),
        feeders_card(visit, sheet.feeders),
    ]
    return html.Div(cards, className="grid")


def owned(conn: Connection[Any], visit: Visit, names: Mapping[str, str]) -> bool:
    """Whether there is such a station."""
    return bool(places.stations(conn, visit.viewer, [names["code"]]))


def _load(visit: Visit, sheet: StationSheet) -> Part:
    say, load = visit.say, sheet.load
    drawn = against_rated(visit, load, visit.now)
    if drawn is None:
        return card(say("station.load"), [empty(say("load.unknown"), source(visit, load))])
    parts = [
        html.Div(_figures(visit, load, sheet), className="figures"),
        chart(drawn, say("station.load_label", name=load.station.name), "station-load", "tall"),
    ]
    return card(say("station.load"), parts, beside=curve_legend(visit), foot=_foot(visit, load))


def _figures(visit: Visit, load: StationLoad, sheet: StationSheet) -> list[Part]:
    say, fmt, rated, side = visit.say, visit.fmt, load.rated, sheet.balance
    unknown = say("load.unknown")
    told = [
        figure(say("meter.pmax"), kilo(visit, rated.pmax_w), "kW",
               say("meter.pmax_at", at=fmt.instant(rated.pmax_at)) if rated.pmax_at else unknown),
    ]  # fmt: skip
    if load.transformer is not None:
        over = rated.smax_share is not None and rated.smax_share > 1
        told += [
            figure(say("station.smax"), kilo(visit, rated.smax_va), "kVA",
                   say("meter.pmax_at", at=fmt.instant(rated.smax_at)) if rated.smax_at else unknown),
            figure(say("station.of_kva"), fmt.percent(rated.smax_share, 0), "",
                   say("station.mean_of_kva", share=fmt.percent(rated.mean_share, 0)), "bad" if over else ""),
        ]  # fmt: skip
    if side.total is not None and side.total.intervals:
        told += [
            figure(say("station.loss"), plain_percent(visit, side.total.loss_percent), "",
                   say("station.covered_of", share=fmt.percent(side.total.covered))),
            figure(say("station.rest"), plain_percent(visit, side.unexplained_percent), "",
                   say("station.rest_note") if side.technical_days else say("station.rest_whole")),
        ]  # fmt: skip
    return told


def _foot(visit: Visit, load: StationLoad) -> str:
    return visit.say("load.known", share=visit.fmt.percent(load.rated.known))


PAGE = Page("station", "/stations/{code}", STAFF, show, owned=owned)
