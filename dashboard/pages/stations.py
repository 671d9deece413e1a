"""Every station: how near its load comes to its transformer, what it loses, where somebody is to look."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from dash import dcc, html
from psycopg import Connection

from dashboard.addresses import STAFF, Page
from dashboard.charts.station_load import by_head
from dashboard.formats import NO_VALUE
from dashboard.parts.days_range import DaysRange, asked, chooser
from dashboard.parts.elements import Part, attributes, badge, empty, heading, link, table
from dashboard.parts.station_cards import kilo, plain_percent
from dashboard.visit import Visit
from operations.stations import StationRow, stations
from storage import inspection_sheet, station_peaks
from storage.station_peaks import Ranked

WEEK = timedelta(days=7)
WARNS_AT = 0.8  # of the rated power
WHOLE = 40  # stations: so many are still one page
PAGE_OF = 25  # where there are more: the days of each one's meters are read for it


def show(conn: Connection[Any], visit: Visit, names: Mapping[str, str]) -> Part:
    """A page of stations, the most heavily loaded of all on the first."""
    say, days = visit.say, asked(visit, WEEK, whole=True)
    order = station_peaks.ranked(conn, visit.viewer, days.first, days.end)
    number = min(_page(visit.query.get("page", "")), max(1, -(-len(order.codes) // PAGE_OF)))
    codes = order.codes
    if len(codes) > WHOLE:
        codes = codes[(number - 1) * PAGE_OF : number * PAGE_OF]
    rows = stations(conn, days.first, days.end, codes)
    open_ = inspection_sheet.open_by_station(conn, visit.viewer)
    nothing = empty(say("station.none"), say("station.none_more"))
    return html.Div(
        [
            heading(
                say("station.title"),
                [
                    html.Span(say("station.about")),
                    html.Span(visit.fmt.span(days.first, days.end)),
                    html.Span(say("station.without_today")) if days.end == visit.today else None,
                ],
            ),
            chooser(visit, days, whole=True),
            _listed(visit, rows, open_, days) if rows else html.Div(nothing, className="card"),
            _pages(visit, order, number, days),
        ]
    )


def _page(text: str) -> int:
    return max(1, int(text)) if text.isascii() and text.isdecimal() and len(text) < 7 else 1


def _listed(visit: Visit, rows: Sequence[StationRow], open_: Mapping[str, int], days: DaysRange) -> Part:
    """A table on a desk, cards on a phone."""
    if visit.phone:
        return html.Div([_card(visit, row, open_, days) for row in rows], className="tiles")
    return html.Div(_table(visit, rows, open_, days), className="card")


def _card(visit: Visit, row: StationRow, open_: Mapping[str, int], days: DaysRange) -> Part:
    say, load, side = visit.say, row.load, row.balance
    rated, total, suspects = load.rated, side.total, open_.get(load.station.code, 0)
    lost = [
        f"{say('station.loss')} {plain_percent(visit, total.loss_percent)}",
        f"{say('station.rest').lower()} {plain_percent(visit, side.unexplained_percent)}",
        f"{say('station.covered').lower()} {visit.fmt.percent(total.covered)}",
    ] if total else [say("station.no_balance")]  # fmt: skip
    how = "" if by_head(load) else say(f"station.short_{load.source.value}")
    end = [_share(visit, rated.smax_share)] if rated.smax_share is not None else []
    peak = html.Div(f"{kilo(visit, rated.pmax_w)} kW", className="row-under")
    return dcc.Link(
        [
            html.Div(
                [
                    html.Div(load.station.name, className="row-name"),
                    html.Div(" · ".join(lost), className="row-under"),
                    html.Div(how, className="row-under") if how else None,
                    html.Div(badge(say("station.inspections_n", n=suspects), "warn"), className="badges")
                    if suspects
                    else None,
                ],
                className="row-main",
            ),
            html.Div([*end, peak], className="row-end"),
        ],
        href=f"/stations/{load.station.code}?{days.query}",
        className="row tile",
    )


def _share(visit: Visit, share: float | None) -> Part:
    said = visit.fmt.percent(share, 0)
    return said if share is None or share <= WARNS_AT else badge(said, "bad" if share > 1 else "warn")


def _table(visit: Visit, rows: Sequence[StationRow], open_: Mapping[str, int], days: DaysRange) -> Part:
    say = visit.say
    named = ("of_kva", "overload", "loss", "rest", "covered", "open")
    heads = [say("station.station"), "kVA", "Pmax (kW)", *(say(f"station.{name}") for name in named)]
    return table(heads, [_row(visit, row, open_, days) for row in rows], numeric=(1, 2, 3, 4, 5, 6, 7, 8))


def _row(visit: Visit, row: StationRow, open_: Mapping[str, int], days: DaysRange) -> list[Part]:
    say, fmt, load, side = visit.say, visit.fmt, row.load, row.balance
    code, rated, total = load.station.code, load.rated, side.total
    how = (
        None if by_head(load) else html.Div(say(f"station.short_{load.source.value}"), className="row-under")
    )
    suspects = open_.get(code, 0)
    return [
        html.Div(
            [
                link(load.station.name, f"/stations/{code}?{days.query}"),
                html.Div(code, className="row-under"),
                how,
            ],
            className="named",
        ),
        fmt.plain(load.transformer.kva.normalize() + 0) if load.transformer else NO_VALUE,
        html.Div(
            [
                kilo(visit, rated.pmax_w),
                html.Div(fmt.instant(rated.pmax_at) if rated.pmax_at else "", className="row-under"),
            ]
        ),
        _share(visit, rated.smax_share),
        fmt.number(rated.above[1].hours, 1) if rated.above else NO_VALUE,
        plain_percent(visit, total.loss_percent if total else None),
        plain_percent(visit, side.unexplained_percent),
        fmt.percent(total.covered) if total else NO_VALUE,
        link(fmt.number(suspects), f"/inspections?station={code}") if suspects else "0",
    ]


def _pages(visit: Visit, order: Ranked, number: int, days: DaysRange) -> Part:
    """Where there are more stations than a page tells: which ones these are, and in what order."""
    count = len(order.codes)
    if count <= WHOLE:
        return None
    say, first = visit.say, (number - 1) * PAGE_OF
    shown = say(
        "station.shown", first=first + 1, last=min(first + PAGE_OF, count), all=visit.fmt.number(count)
    )
    ways = [
        link(say(f"meters.{name}"), f"/stations?page={page}&{days.query}", "chip")
        for name, page, there in (
            ("before", number - 1, number > 1),
            ("after", number + 1, first + PAGE_OF < count),
        )
        if there
    ]
    return html.Nav(
        [html.Span(f"{shown}: {_order(visit, order, days)}", className="muted small"), *ways],
        className="pages",
        **attributes({"aria-label": say("meters.pages")}),
    )


def _order(visit: Visit, order: Ranked, days: DaysRange) -> str:
    """By what they stand one after the other: what is not worked out is not passed over."""
    say, unknown = visit.say, order.unknown
    if order.since is None or unknown == len(order.codes):
        return say("station.by_code")
    said = say("station.by_heat")
    if order.since > days.first:
        said = say("station.by_heat_since", day=visit.fmt.day(order.since))
    return f"{said}; {say('station.unranked', n=visit.fmt.number(unknown))}" if unknown else said


PAGE = Page("stations", "/stations", STAFF, show, nav="stations")
