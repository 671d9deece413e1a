"""Staff's first page: are the meters being read, who is silent, what needs a look, where the energy went."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dash import Input, Output, dcc, html
from psycopg import Connection

from analytics.detection.station import HIGH_PERCENT, NEGATIVE_PERCENT
from dashboard.addresses import STAFF, Page
from dashboard.callbacks import Guarded
from dashboard.errors import Refused
from dashboard.parts.elements import Part, badge, card, empty, figure, heading, link
from dashboard.parts.moments import as_of
from dashboard.visit import Visit
from storage import overview
from storage.overview import Overview, StationUse

EVERY_MS = 30_000


def show(conn: Connection[Any], visit: Visit, names: Mapping[str, str]) -> Part:
    """The whole page; its body is read anew every half minute."""
    return html.Div(
        [
            heading(visit.say("overview.title"), [visit.say("overview.about")]),
            html.Div(body(conn, visit), id="overview-body"),
            dcc.Interval(id="overview-tick", interval=EVERY_MS),
        ]
    )


def body(conn: Connection[Any], visit: Visit, _: object = None) -> Part:
    """Everything that changes while one looks."""
    seen = overview.overview(conn, visit.viewer, visit.now)
    if seen is None:
        raise Refused("page", visit.path)
    return html.Div(
        [
            html.Div(_figures(visit, seen), className="grid"),
            html.Div([_stations(visit, seen), _alerts(visit, seen), _silent(visit, seen)], className="grid"),
        ]
    )


def _rate_tone(share: float | None) -> str:
    """Ontario asks for 98 % of the reads of a day; below 95 % something is broken."""
    return "" if share is None or share >= 0.98 else "warn" if share >= 0.95 else "bad"


def _figures(visit: Visit, seen: Overview) -> list[Part]:
    say, fmt = visit.say, visit.fmt
    open_alerts = sum(seen.open_alerts.values())
    read = seen.meters_read_24h / seen.meters if seen.meters else None
    figures = (
        figure(say("overview.meters"), fmt.number(seen.meters), note=say("overview.meters_note")),
        figure(
            say("overview.read_rate"), fmt.percent(read), note=_read_note(visit, seen), tone=_rate_tone(read)
        ),
        figure(
            say("overview.complete"),
            fmt.percent(seen.complete_yesterday),
            note=say("overview.complete_note"),
            tone=_rate_tone(seen.complete_yesterday),
        ),
        figure(
            say("overview.open_alerts"),
            fmt.number(open_alerts),
            note=link(say("overview.to_alerts"), "/alerts"),
            tone="warn" if open_alerts else "",
        ),
    )
    return [html.Section(each, className="card w3") for each in figures]


def _read_note(visit: Visit, seen: Overview) -> Part:
    """Of how many, and the way to those that were not read."""
    say, fmt = visit.say, visit.fmt
    said = say(
        "overview.read_rate_note",
        read=fmt.number(seen.meters_read_24h),
        all=fmt.number(seen.meters),
        polls=fmt.percent(seen.read_rate_24h),
    )
    if seen.meters_read_24h >= seen.meters:
        return said
    return [html.Div(said), link(say("overview.to_unread"), "/meters?unread=1")]


def _stations(visit: Visit, seen: Overview) -> Part:
    say, fmt = visit.say, visit.fmt
    known = [wh for s in seen.stations for wh in (s.customers_today_wh, s.customers_yesterday_wh) if wh]
    most = max(known, default=1)
    rows = [
        html.Div(
            [
                link(station.name, f"/stations/{station.station}", "link row-name"),
                _bar(
                    say("overview.today"),
                    fmt.kwh(station.customers_today_wh),
                    (station.customers_today_wh or 0) / most,
                    "",
                ),
                _bar(
                    say("overview.yesterday"),
                    fmt.kwh(station.customers_yesterday_wh),
                    (station.customers_yesterday_wh or 0) / most,
                    "was",
                ),
                html.Div(
                    [html.Div(_head(visit, station)), _loss(visit, station)], className="row-under apart"
                ),
            ],
            className="station",
        )
        for station in seen.stations
    ]
    content = html.Div(rows, className="rows") if rows else empty(say("overview.no_stations"))
    return card(say("overview.stations"), [content], foot=as_of(visit, visit.now), kind="w7 even")


def _head(visit: Visit, station: StationUse) -> str:
    """What the station's own meter says of the same days, where there is one."""
    if station.head_today_wh is None and station.head_yesterday_wh is None:
        return visit.say("overview.no_head")
    return visit.say(
        "overview.head",
        today=visit.fmt.kwh(station.head_today_wh),
        yesterday=visit.fmt.kwh(station.head_yesterday_wh),
    )


def _loss(visit: Visit, station: StationUse) -> Part:
    """What was lost yesterday between the head meter and the customers; or why that cannot be told."""
    loss = station.loss_yesterday
    if loss is not None:
        bad = not NEGATIVE_PERCENT <= 100 * loss < HIGH_PERCENT
        said = visit.say("overview.loss", share=visit.fmt.percent(loss))
        return badge(said, "warn" if bad else "plain")
    if station.head_yesterday_wh is None or not station.unknown_yesterday:
        return None
    return html.Span(visit.say("overview.no_loss", n=station.unknown_yesterday))


def _bar(name: str, value: str, share: float, kind: str) -> Part:
    return html.Div(
        [
            html.Div([html.Span(name), html.Strong(f"{value} kWh")], className="bar-text"),
            html.Div(html.I(style={"width": f"{100 * share:.1f}%"}), className=f"meter-bar {kind}"),
        ],
        className="bar-line",
    )


def _alerts(visit: Visit, seen: Overview) -> Part:
    say = visit.say
    rows = [
        dcc.Link(
            [html.Span(say(f"alert.{kind}"), className="row-main row-name"), badge(str(count), "warn")],
            href=f"/alerts?kind={kind}",
            className="row",
        )
        for kind, count in sorted(seen.open_alerts.items(), key=lambda item: -item[1])
        if count
    ]
    content = html.Div(rows, className="rows") if rows else empty(say("alerts.none"), say("alerts.none_more"))
    return card(say("overview.open_alerts"), [content], kind="w5", foot=as_of(visit, visit.now))


def _behind(visit: Visit, serials: tuple[str, ...]) -> list[Part]:
    """The meters behind a modem, each a link; of many the first few."""
    shown = [part for serial in serials[:4] for part in (link(serial, f"/meters/{serial}"), " ")]
    return [
        visit.say("overview.modem_meters", n=len(serials)),
        " · ",
        *shown,
        "…" if len(serials) > 4 else "",
    ]


def _silent(visit: Visit, seen: Overview) -> Part:
    say, fmt = visit.say, visit.fmt
    rows = [
        html.Div(
            [
                html.Div(
                    [
                        html.Div(modem.modem, className="row-name"),
                        html.Div(_behind(visit, modem.serials), className="row-under"),
                    ],
                    className="row-main",
                ),
                html.Div(
                    [
                        badge(
                            fmt.age(modem.last_contact, visit.now)
                            if modem.last_contact
                            else say("age.never"),
                            "bad",
                        ),
                        html.Div(
                            fmt.instant(modem.last_contact) if modem.last_contact else "",
                            className="row-under",
                        ),
                    ],
                    className="row-end",
                ),
            ],
            className="row",
        )
        for modem in seen.silent_modems
    ]
    content = html.Div(rows, className="rows") if rows else empty(say("overview.none_silent"))
    return card(say("overview.silent"), [content])


def connect(guarded: Guarded) -> None:
    guarded.reads(
        Output("overview-body", "children"),
        Input("overview-tick", "n_intervals"),
        roles=STAFF,
        prevent_initial_call=True,
    )(body)


PAGE = Page("overview", "/", STAFF, show, nav="overview")
