"""What else is told of many meters: the shapes of their days, and the day ahead."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import numpy as np
from dash import html
from psycopg import Connection

from analytics.profiles.day_ahead import LEAST, LONGEST
from dashboard.charts.packing import chart
from dashboard.charts.shapes import shape
from dashboard.charts.typical import typical_day
from dashboard.parts.days_range import DaysRange
from dashboard.parts.elements import Part, card, empty, figure, link
from dashboard.parts.load_cards import kilowatts
from dashboard.parts.load_choice import Choice, load_address
from dashboard.visit import Visit
from operations import load_words
from operations.day_ahead import Ahead, ahead
from operations.shapes import Group, Member, Shapes, shapes_of

LISTED = 40  # meters of a group


def shapes_part(conn: Connection[Any], visit: Visit, choice: Choice, days: DaysRange) -> Part:
    """Who uses power alike. Raises `LoadRefused` where nobody hung in these days, or too many."""
    found = shapes_of(
        conn, choice.whose, days.first, min(days.end, visit.today) if days.first < visit.today else days.end
    )
    parts: list[Part] = []
    if said := found.said(visit.lang):
        parts.append(html.Div(empty(said), className="card"))
    parts += [_group(visit, found, place, group, days) for place, group in enumerate(found.groups)]
    if found.left_out:
        parts.append(_left_out(visit, found))
    return html.Div(parts, className="grid")


def _group(visit: Visit, found: Shapes, place: int, group: Group, days: DaysRange) -> Part:
    say = visit.say
    members = [one for one in found.members if one.group == place]
    name = group.said(visit.lang)
    drawn = chart(
        shape(visit, group.working, group.rest), say("shapes.label", name=name), f"shape-{place}", "low"
    )
    listed = html.Details(
        [
            html.Summary(say("shapes.members", n=visit.fmt.number(len(members)))),
            html.Ul([html.Li(_member(visit, one, days)) for one in members[:LISTED]], className="members"),
            html.P(say("shapes.more", n=len(members) - LISTED), className="muted small")
            if len(members) > LISTED
            else None,
        ]
    )
    kinds = (("", "shapes.working"), ("l-part", "shapes.rest"))
    legend = html.Div(
        [html.Span([html.I(className=kind), say(key)]) for kind, key in kinds], className="legend"
    )
    return card(name[:1].upper() + name[1:], [drawn, listed], beside=legend, kind="w6")


def _member(visit: Visit, one: Member, days: DaysRange) -> list[Part]:
    parts: list[Part] = [link(one.serial, load_address("meter", one.serial, days))]
    if one.peers:
        parts += [html.Span(f" {visit.say('shapes.like')} {', '.join(one.peers)}", className="muted small")]
    return parts


def _left_out(visit: Visit, found: Shapes) -> Part:
    rows = [
        html.Li(
            [link(serial, f"/meters/{serial}"), f" · {load_words.say('shapes_left_out', why, visit.lang)}"]
        )
        for serial, why in found.left_out[:LISTED]
    ]
    title = visit.say("shapes.left_out", n=visit.fmt.number(len(found.left_out)))
    return card(title, [html.Ul(rows, className="members")])


def ahead_part(conn: Connection[Any], visit: Visit, choice: Choice) -> Part:
    """Tomorrow's load, with limits and how such days came out. Raises `LoadRefused` as `loads`."""
    found = ahead(conn, choice.whose, visit.today + timedelta(days=1))
    return html.Div(_ahead(visit, found), className="grid")


def _ahead(visit: Visit, found: Ahead) -> Part:
    say, fmt = visit.say, visit.fmt
    title, highest, tried = say("ahead.title", day=fmt.day(found.day)), found.highest, found.trial
    if highest is None:
        until = found.until or found.day
        why = load_words.say(
            "ahead",
            found.reason,
            visit.lang,
            known=found.known,
            least=LEAST,
            longest=LONGEST,
            until=until,
            day=found.day,
        )
        return card(title, [empty(why)])
    figures = [
        figure(
            say("ahead.pmax"),
            kilowatts(visit, highest[0]),
            "kW",
            say("meter.pmax_at", at=fmt.instant(highest[1])),
        ),
        figure(
            say("ahead.known"),
            fmt.number(found.known),
            say("ahead.days"),
            say("ahead.until", day=fmt.day(found.until)),
        ),
    ]
    if tried is not None:
        figures += [
            figure(say("ahead.miss"), fmt.percent(tried.miss), "", say("ahead.tried", n=tried.days)),
            figure(
                say("ahead.week"),
                fmt.percent(tried.week_before),
                "",
                say("ahead.yesterday", share=fmt.percent(tried.day_before)),
            ),
            figure(say("ahead.inside"), fmt.percent(tried.inside, 0), "", say("ahead.inside_note")),
        ]
    bands = np.stack([found.low_w, found.mean_w, found.high_w])
    drawn = typical_day(visit, bands, float(np.nanmax(bands)) / 1000, say("ahead.between"))
    kinds = (("", "ahead.expected"), ("l-band", "ahead.between"))
    legend = html.Div(
        [html.Span([html.I(className=kind), say(key)]) for kind, key in kinds], className="legend"
    )
    return card(
        title,
        [html.Div(figures, className="figures"), chart(drawn, title, "load-ahead", "tall")],
        beside=legend,
        foot=say("ahead.note"),
    )
