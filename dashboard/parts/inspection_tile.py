"""One inspection in a list: how loud, whose meter, where, why, what is at stake; and the same on paper."""

from __future__ import annotations

from typing import Any

from dash import html
from psycopg import Connection

from dashboard.formats import NO_VALUE
from dashboard.parts.elements import Part, badge, link
from dashboard.parts.moments import severity_badge
from dashboard.plain_pages import dialled
from dashboard.visit import Visit
from operations.inspections import reasons
from storage import inspection_sheet
from storage.inspection_sheet import InspectionRow
from storage.inspections import OPEN, InspectionState

TONES = {
    InspectionState.NEW: "warn",
    InspectionState.ASSIGNED: "info",
    InspectionState.INSPECTED: "info",
    InspectionState.CONFIRMED: "bad",
    InspectionState.FALSE: "ok",
    InspectionState.FADED: "plain",
}


def state_badge(visit: Visit, state: InspectionState) -> Part:
    return badge(visit.say(f"inspection_state.{state.value}"), TONES[state])


def where(row: InspectionRow) -> str:
    """Whose meter, or which station's."""
    return row.customer_name or row.customer or row.station_name or NO_VALUE


def telephone(number: str) -> Part:
    """A customer's number; whoever stands before a locked gate dials it by a touch."""
    return html.A(number, href=dialled(number))


def tile(visit: Visit, row: InspectionRow) -> Part:
    """The strongest reason stands with it; the others on its own page."""
    say, fmt = visit.say, visit.fmt
    top = html.Div(
        [
            severity_badge(visit, row.severity),
            html.H2(link(where(row), f"/inspections/{row.id}")),
            state_badge(visit, row.state),
            html.Strong(stake(visit, row), className="stake"),
        ],
        className="alert-top",
    )
    place = [link(row.serial, f"/meters/{row.serial}"), f" · {row.address or NO_VALUE} · {row.station_name}"]
    if row.phone:
        place += [" · ", telephone(row.phone)]
    whose = say("inspection.given_to", login=row.assigned_to) if row.assigned_to else say("inspection.nobody")
    since = say("inspection.since", day=fmt.day(row.since))
    return html.Article(
        [
            top,
            html.P(reasons.inspection(row, visit.lang), className="alert-text"),
            html.Div(
                [
                    html.Span(place, className="alert-who"),
                    html.Span(
                        f"{say('inspection.number', n=row.id)} · {since} · {whose}", className="muted small"
                    ),
                ],
                className="alert-meta",
            ),
            _paper(visit),
        ],
        className=f"card alert alert-{int(row.severity)}",
    )


def stake(visit: Visit, row: InspectionRow) -> str:
    """Đồng since it began; the energy where no price is known; a dash where neither is."""
    if row.stake is not None:
        return visit.say("inspection.stake", money=visit.fmt.money(row.stake))
    if row.kwh_a_day is not None:
        return visit.say("inspection.kwh_a_day", kwh=visit.fmt.figure(row.kwh_a_day))
    return ""


def _paper(visit: Visit) -> Part:
    """What is filled in by hand on the round."""
    said = [visit.say(f"inspection.paper_{name}") for name in ("seen", "index", "seal", "found")]
    return html.Div([html.Span(text) for text in said], className="on-paper")


def of_meter(conn: Connection[Any], visit: Visit, serial: str) -> list[Part]:
    """The open inspection of a meter, for staff; nothing where there is none."""
    rows = inspection_sheet.inspections(conn, visit.viewer, serial=serial, states=OPEN, limit=1)
    return [tile(visit, row) for row in rows]
