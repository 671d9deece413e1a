"""The load of a station, a feeder, a book, a class or a meter over any days: what engineers plan by."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import numpy as np
from dash import html
from psycopg import Connection

from dashboard.addresses import STAFF, Page
from dashboard.charts.group_curve import bars, together
from dashboard.charts.load_curve import load_curve
from dashboard.charts.packing import chart
from dashboard.pages.meter import curve_legend, day_legend
from dashboard.parts.days_range import DaysRange, asked, chooser
from dashboard.parts.elements import Part, card, empty, heading
from dashboard.parts.load_cards import (
    duration_card,
    figures,
    highest,
    highest_card,
    instant,
    months_card,
    typical_cards,
)
from dashboard.parts.load_choice import Choice, choosing, chosen, intervals, views
from dashboard.parts.load_views import ahead_part, shapes_part
from dashboard.parts.supply_cards import quality_part, savings_part
from dashboard.visit import Visit
from operations.errors import LoadRefused, TooMuch
from operations.loads import Loads, limits, loads
from storage import places
from storage.errors import Unknown

MONTH = timedelta(days=30)
SEVERAL_MONTHS = 45  # days, from which on the figures stand by month too
MOST = 400_000  # meters' days read for one page: some 400 MB


def show(conn: Connection[Any], visit: Visit, names: Mapping[str, str]) -> Part:
    """The load of whom and of when the address names."""
    choice, days = chosen(conn, visit), asked(visit, MONTH)
    say = visit.say
    under = [html.Span(visit.fmt.span(days.first, days.end))]
    said: list[Part]
    try:
        if not choice.code:
            raise LoadRefused("nobody is named")
        said = _asked(conn, visit, choice, days, under)
    except TooMuch as much:
        fmt = visit.fmt
        said = [_nothing(say("load.too_much", n=fmt.number(much.meters), days=much.days), say("load.fewer"))]
    except (LoadRefused, Unknown):
        said = [_nothing(say("load.nobody"), say(f"load.nobody_{choice.kind}"))]
    return html.Div(
        [
            heading(_title(visit, choice), under),
            choosing(visit, choice, days),
            chooser(visit, days, choice.query),
            html.Div(views(visit, choice, days), className="bar-row no-print"),
            *said,
        ]
    )


def _asked(
    conn: Connection[Any], visit: Visit, choice: Choice, days: DaysRange, under: list[Part]
) -> list[Part]:
    match choice.view:
        case "shapes":
            return [shapes_part(conn, visit, choice, days)]
        case "ahead":
            return [ahead_part(conn, visit, choice)]
        case "quality":
            return [quality_part(conn, visit, choice, days)]
        case "savings":
            return [savings_part(conn, visit, choice, days)]
    found = loads(
        conn,
        choice.whose,
        days.first,
        days.end,
        interval=choice.interval,
        by="month" if (days.end - days.first).days > SEVERAL_MONTHS else None,
        now=visit.now,
        most=MOST,
    )
    if choice.kind != "meter":
        under.insert(0, html.Span(visit.say("load.meters", n=visit.fmt.number(len(found.serials)))))
    return _told(conn, visit, found, choice, days)


def _title(visit: Visit, choice: Choice) -> str:
    if not choice.code:
        return visit.say("load.title")
    return visit.say(f"load.title_{choice.kind}", name=choice.name)


def _nothing(text: str, more: str) -> Part:
    return html.Div(empty(text, more), className="card")


def _told(conn: Connection[Any], visit: Visit, found: Loads, choice: Choice, days: DaysRange) -> list[Part]:
    whose = places.whose(conn, visit.viewer, [found.serials[meter] for meter in highest(found)])
    first = [_curve(visit, found, choice, days), typical_cards(visit, found)]
    if found.pieces:
        first.append(months_card(visit, found))
    several = len(found.serials) > 1
    last = [duration_card(visit, found, "w5 short" if several else "")]
    if several:
        last.append(highest_card(visit, found, days, whose))
    return [html.Div(first, className="grid"), html.Div(last, className="grid")]


def _curve(visit: Visit, found: Loads, choice: Choice, days: DaysRange) -> Part:
    say, load = visit.say, found.load
    parts = [figures(visit, found), html.Div(intervals(visit, choice, days), className="between no-print")]
    known = np.flatnonzero(found.profile.known > 0)
    if not len(known):
        parts.append(empty(say("load.unknown"), say("load.unknown_more")))
        return card(say("load.curve"), parts, foot=" ".join(limits(found, visit.lang)) or None)
    if choice.interval in ("day", "month"):
        drawn = bars(visit, found.profile, found.first, months=choice.interval == "month")
        beside = day_legend(visit)
    else:
        peak = (load.pmax_w, load.pmax_at) if load.pmax_w is not None and load.pmax_at is not None else None
        drawn = load_curve(visit, together(found.profile, found.first, visit.now), peak)
        beside = curve_legend(visit)
    slots = np.flatnonzero(load.each.together_known)
    until = say("load.until", at=visit.fmt.instant(instant(found, int(slots[-1]) + 1))) if len(slots) else ""
    return card(
        say("load.curve"),
        [*parts, chart(drawn, say("load.curve_label"), "load-curve", "tall")],
        beside=beside,
        foot=" ".join([until, *limits(found, visit.lang)]),
    )


PAGE = Page("load", "/load", STAFF, show, nav="load")
