"""The queue of doubtful readings: what waits for somebody's judgement, the loudest first."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

from dash import html
from psycopg import Connection

from dashboard.addresses import STAFF, Page
from dashboard.formats import NO_VALUE
from dashboard.parts.elements import Part, badge, chips, empty, heading, link
from dashboard.parts.moments import severity_badge
from dashboard.visit import Visit
from operations import wording
from storage import case_sheet
from storage.case_sheet import CaseRow
from storage.cases import WAITING, CaseState

MOST = 200
_DAY = timedelta(days=1)
STATES: dict[str, tuple[CaseState, ...] | None] = {
    "waiting": WAITING,
    "mine": WAITING,
    "judged": (CaseState.ACCEPTED, CaseState.EDITED),
    "closed": (CaseState.CLOSED,),
    "all": None,
}
TONES = {
    CaseState.OPEN: "warn",
    CaseState.REREAD: "info",
    CaseState.ACCEPTED: "ok",
    CaseState.EDITED: "ok",
    CaseState.CLOSED: "plain",
}


def show(conn: Connection[Any], visit: Visit, names: Mapping[str, str]) -> Part:
    """The cases of the state in the address; those that wait where it names none."""
    state = visit.query.get("state", "waiting")
    state = state if state in STATES else "waiting"
    serial = visit.query.get("meter")
    mine = visit.viewer.login if state == "mine" else None
    found = case_sheet.rows(
        conn, visit.viewer, states=STATES[state], serial=serial, assigned=mine, limit=MOST
    )
    links = [
        (
            visit.say("case_list.mine" if each == "mine" else f"cases.{each}"),
            _address(each, serial),
            each == state,
        )
        for each in STATES
    ]
    off = link(f"{serial} ×", _address(state, None), "chip chip-on") if serial else None
    nothing = empty(visit.say("cases.none"), visit.say("cases.none_more"))
    return html.Div(
        [
            heading(visit.say("cases.title"), [visit.say("cases.about")]),
            html.Div([chips(links, visit.say("cases.filter_state")), off], className="bar-row"),
            html.Div([tile(visit, row) for row in found], className="tiles")
            if found
            else html.Div(nothing, className="card"),
        ]
    )


def _address(state: str, serial: str | None) -> str:
    return "/cases?" + urlencode({"state": state} | ({"meter": serial} if serial else {}))


def state_badge(visit: Visit, state: CaseState) -> Part:
    return badge(visit.say(f"case_state.{state.value}"), TONES[state])


def tile(visit: Visit, row: CaseRow) -> Part:
    """One case: how loud, what about, whose meter, which days, who has it."""
    say, fmt = visit.say, visit.fmt
    days = fmt.span(row.first_day, row.last_day + _DAY)
    whose = say("cases.given_to", login=row.assigned_to) if row.assigned_to else say("cases.nobody")
    return html.Article(
        [
            html.Div(
                [
                    severity_badge(visit, row.severity),
                    html.H2(link(say("cases.number", n=row.id), f"/cases/{row.id}")),
                    state_badge(visit, row.state),
                ],
                className="alert-top",
            ),
            html.P(sentence(visit, row), className="alert-text"),
            html.Div(
                [
                    html.Span(
                        [
                            link(row.serial, f"/meters/{row.serial}"),
                            f" · {row.customer_name or row.station or NO_VALUE}",
                        ],
                        className="alert-who",
                    ),
                    html.Span(f"{days} · {whose}", className="muted small"),
                ],
                className="alert-meta",
            ),
        ],
        className=f"card alert alert-{int(row.severity)}",
    )


def sentence(visit: Visit, row: CaseRow) -> str:
    """What the loudest day of a case says."""
    said = wording.finding(row.cause, row.detail, visit.lang)
    return said[:1].upper() + said[1:]


PAGE = Page("cases", "/cases", STAFF, show, nav="cases")
