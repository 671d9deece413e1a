"""One inspection: why, with what was to be seen that night, and what may be done next."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from typing import Any

from dash import ALL, Input, Output, State, ctx, dcc, html, no_update
from psycopg import Connection

from dashboard import given
from dashboard.addresses import STAFF, Page
from dashboard.callbacks import Guarded
from dashboard.errors import Refused
from dashboard.parts.elements import Part, attributes, heading, link
from dashboard.parts.inspection_cards import evidence_cards, reasons_card, story_card
from dashboard.parts.inspection_form import form
from dashboard.parts.inspection_tile import state_badge, telephone, where
from dashboard.parts.moments import severity_badge
from dashboard.visit import Office, Visit
from model.viewer import UserRole, Viewer
from operations.errors import InspectionRefused
from operations.inspections import judging
from storage import inspection_sheet, people
from storage.inspection_sheet import InspectionSheet

TO = "to "  # before the login of whom it is given to
ENGINEER = frozenset({UserRole.ENGINEER})


def show(conn: Connection[Any], visit: Visit, names: Mapping[str, str]) -> Part:
    """The inspection of the address."""
    sheet = _found(conn, visit.viewer, names["id"])
    row, say = sheet.row, visit.say
    under = [
        severity_badge(visit, row.severity),
        html.Span(where(row)),
        link(say("home.meter", serial=row.serial), f"/meters/{row.serial}"),
        html.Span(row.address or ""),
        link(row.station_name, f"/stations/{row.station}"),
        telephone(row.phone) if row.phone else None,
    ]
    printed = html.Button(
        say("inspections.print"), type="button", className="button", **attributes({"data-print": "1"})
    )
    return html.Div(
        [
            heading(
                say("inspection.number", n=row.id),
                under,
                [printed],
                back=(say("inspections.title"), "/inspections"),
            ),
            html.Div(_body(conn, visit, sheet), id="inspection-body"),
        ]
    )


def _found(conn: Connection[Any], viewer: Viewer, text: str) -> InspectionSheet:
    found = inspection_sheet.inspection(conn, viewer, given.numbered("inspection", text))
    if found is None:
        raise Refused("inspection", text)
    return found


def owned(conn: Connection[Any], visit: Visit, names: Mapping[str, str]) -> bool:
    """Whether there is such an inspection."""
    try:
        return bool(_found(conn, visit.viewer, names["id"]).row.id)
    except Refused:
        return False


def _body(
    conn: Connection[Any], visit: Visit, sheet: InspectionSheet, said: str = "", typed: Sequence[str] = ()
) -> list[Part]:
    engineers = people.engineers(conn)
    state = state_badge(visit, sheet.row.state)
    return [
        dcc.Store(id="inspection-shown", data=sheet.row.id),
        html.Div(
            [
                reasons_card(visit, sheet, state),
                form(visit, sheet.row, engineers, said=said, typed=typed),
                story_card(visit, sheet),
                *evidence_cards(visit, sheet),
            ],
            className="grid",
        ),
    ]


def act(
    office: Office, conn: Connection[Any], visit: Visit, clicks: object, fields: object, shown: object
) -> Part:
    """Somebody does the next step: it is done or told why not, and the inspection shown anew."""
    pressed = ctx.triggered_id
    if not isinstance(clicks, list) or not any(clicks):
        return no_update
    if not isinstance(pressed, dict) or not isinstance(fields, list):
        raise Refused("inspection", ascii(pressed)[:100])
    number, what = given.number("inspection", shown), given.text("step", pressed.get("inspection"))
    reason, since = (given.text("inspection", field) for field in (*fields, "", "")[:2])
    said = ""
    try:
        said = _done(office, visit, number, what, reason.strip(), since.strip())
    except InspectionRefused as refused:
        said = visit.say(f"inspection.refused_{refused.why}")
    typed = (reason, since) if said else ()
    return html.Div(_body(conn, visit, _found(conn, visit.viewer, str(number)), said, typed))


def _done(office: Office, visit: Visit, number: int, what: str, reason: str, since: str) -> str:
    """What is said where it was not done; empty where it was."""
    pool, viewer, now = office.pool, visit.viewer, visit.now
    if what in ("confirm", "dismiss") and not reason:
        return visit.say("inspection.reason_wanted")
    match what:
        case "mine":
            judging.assign(pool, viewer, number, viewer.login, reason=reason, now=now)
        case "back":
            judging.assign(pool, viewer, number, None, reason=reason, now=now)
        case "visit":
            judging.visit(pool, viewer, number, reason=reason, now=now)
        case "dismiss":
            judging.dismiss(pool, viewer, number, reason=reason, now=now)
        case "confirm":
            day = _day(since)
            if since and day is None:
                return visit.say("inspection.day_wanted")
            judging.confirm(pool, viewer, number, reason=reason, since=day, now=now)
        case _ if what.startswith(TO):
            judging.assign(pool, viewer, number, what.removeprefix(TO), reason=reason, now=now)
        case _:
            raise Refused("step", what[:100])
    return ""


def _day(text: str) -> date | None:
    try:
        return datetime.strptime(text, "%d/%m/%Y").date()  # noqa: DTZ007
    except ValueError:
        return None


def _acting(office: Office) -> Callable[..., Part]:
    def act_on_inspection(conn: Connection[Any], visit: Visit, *values: object) -> Part:
        return act(office, conn, visit, *values)

    return act_on_inspection


def connect(guarded: Guarded) -> None:
    guarded.reads(
        Output("inspection-body", "children"),
        Input({"inspection": ALL}, "n_clicks"),
        State({"field": ALL}, "value"),
        State("inspection-shown", "data"),
        roles=ENGINEER,
        prevent_initial_call=True,
    )(_acting(guarded.office))


PAGE = Page("inspection", "/inspections/{id}", STAFF, show, owned=owned)
