"""Warnings: what was seen, the figures behind it, since when; an engineer says that it is being
dealt with.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any
from urllib.parse import urlencode

from dash import ALL, Input, Output, State, ctx, dcc, html, no_update
from psycopg import Connection

from dashboard import given
from dashboard.addresses import STAFF, Page
from dashboard.callbacks import Guarded
from dashboard.errors import Refused
from dashboard.formats import NO_VALUE
from dashboard.parts.elements import Part, badge, chips, empty, facts, heading, link
from dashboard.parts.moments import severity_badge
from dashboard.visit import Visit
from model.alert import AlertKind
from model.viewer import UserRole
from operations import wording
from storage import alerts, people
from storage.alerts import AlertRow
from storage.alerts import State as AlertState

MOST = 200
YES_OR_NO = frozenset({"customer_signs"})
INSTANTS = frozenset({"at", "last_contact", "first_at", "last_at", "first_try"})
DAYS = frozenset({"from_day", "to_day", "before_from", "before_to"})
MONTHS = frozenset({"month", "compared_with"})
STATES: dict[str, AlertState | None] = {"open": "open", "acknowledged": "acknowledged", "all": None}


def show(conn: Connection[Any], visit: Visit, names: Mapping[str, str]) -> Part:
    """The alerts of the state and kind in the address; open ones where it names none."""
    state, kind = visit.query.get("state", "open"), visit.query.get("kind", "")
    state = state if state in STATES else "open"
    kind = kind if kind in set(AlertKind) else ""
    return html.Div(
        [
            heading(visit.say("alerts.title"), [visit.say("alerts.about")]),
            html.Div([_states(visit, state, kind), _kinds(visit, state, kind)], className="bar-row"),
            dcc.Store(id="alerts-shown", data={"state": state, "kind": kind}),
            html.Div(_list(conn, visit, state, kind), id="alerts-list"),
        ]
    )


def _states(visit: Visit, state: str, kind: str) -> Part:
    return chips(
        [(visit.say(f"alerts.{each}"), _address(each, kind), each == state) for each in STATES],
        visit.say("alerts.filter_state"),
    )


def _kinds(visit: Visit, state: str, kind: str) -> Part:
    return link(f"{visit.say(f'alert.{kind}')} ×", _address(state, ""), "chip chip-on") if kind else None


def _address(state: str, kind: str) -> str:
    return "/alerts?" + urlencode({"state": state} | ({"kind": kind} if kind else {}))


def _list(conn: Connection[Any], visit: Visit, state: str, kind: str) -> Part:
    found = alerts.alerts(
        conn,
        visit.viewer,
        state=STATES.get(state, "open"),
        kind=AlertKind(kind) if kind else None,
        limit=MOST,
    )
    if not found:
        return html.Div(_nothing(conn, visit), className="card")
    return _tiles(visit, found)


def _nothing(conn: Connection[Any], visit: Visit) -> Part:
    """All is well only where no alert stands anywhere, in this list or another."""
    standing: tuple[AlertState, ...] = ("open", "acknowledged")
    if any(alerts.alerts(conn, visit.viewer, state=state, limit=1) for state in standing):
        return empty(visit.say("alerts.none_here"), visit.say("alerts.none_here_more"))
    return empty(visit.say("alerts.none"), visit.say("alerts.none_more"))


def _tiles(visit: Visit, found: Sequence[AlertRow]) -> Part:
    return html.Div([alert_tile(visit, row) for row in found], className="tiles")


def of_meter(conn: Connection[Any], visit: Visit, serial: str) -> Part:
    """The open alerts of one meter, for staff; nothing where there are none."""
    found = alerts.alerts(conn, visit.viewer, state="open", serial=serial, limit=5)
    return (
        html.Div([alert_tile(visit, row, at_meter=True) for row in found], className="tiles")
        if found
        else None
    )


def alert_tile(visit: Visit, row: AlertRow, *, at_meter: bool = False) -> Part:
    """One alert: kind and severity, the sentence, whose meter, since when, its figures. `at_meter`: it stands
    on that meter's own page, which it need not lead to."""
    say, fmt = visit.say, visit.fmt
    alert = row.alert
    who = html.Span(
        [
            link(alert.serial, f"/meters/{alert.serial}"),
            f" · {row.customer_name or row.station or NO_VALUE}",
        ],
        className="alert-who",
    )
    seen = (
        say("alerts.since", at=fmt.instant(alert.since))
        + " · "
        + say("alerts.seen", at=fmt.instant(row.seen_at))
    )
    evidence = [
        (say.term("evidence", key), evidence_value(visit, key, alert.evidence[key]))
        for key in say.in_order("evidence", alert.evidence)
    ]
    return html.Article(
        [
            html.Div(
                [
                    severity_badge(visit, alert.severity),
                    html.H2(say(f"alert.{alert.kind}")),
                    _state(visit, row, not at_meter),
                ],
                className="alert-top",
            ),
            html.P(
                wording.alert(alert.kind, alert.evidence, visit.lang, since=alert.since),
                className="alert-text",
            ),
            html.Div(
                [None if at_meter else who, html.Span(seen, className="muted small")],
                className="alert-meta",
            ),
            html.Details([html.Summary(say("alerts.evidence")), facts(evidence)]) if evidence else None,
        ],
        className=f"card alert alert-{int(alert.severity)}",
    )


def evidence_value(visit: Visit, key: str, value: str | int | float | None) -> str:
    """A figure an alert went by, as people write it; the unit stands with its name."""
    if value is None:
        return NO_VALUE
    if key in YES_OR_NO:
        return visit.say("evidence.yes" if value else "evidence.no")
    if isinstance(value, str):
        if key in INSTANTS:
            return visit.fmt.instant(datetime.fromisoformat(value))
        if key in DAYS:
            return visit.fmt.day(date.fromisoformat(value))
        if key == "event":
            return visit.say.term("event", value)
        return visit.fmt.month(date.fromisoformat(f"{value}-01")) if key in MONTHS else value
    return visit.fmt.figure(value)


def _state(visit: Visit, row: AlertRow, button: bool) -> Part:
    if button and row.state == "open" and visit.viewer.role is UserRole.ENGINEER:
        return html.Button(
            visit.say("alerts.acknowledge"),
            id={"acknowledge": row.id},
            n_clicks=0,
            type="button",
            className="button",
        )
    return badge(visit.say(f"state.{row.state}"), "info" if row.state == "acknowledged" else "plain")


def acknowledge(conn: Connection[Any], visit: Visit, clicks: object, shown: object) -> Part:
    """An engineer has taken an alert on: it is marked, and the list shown anew."""
    if not isinstance(clicks, list) or not any(clicks) or not isinstance(ctx.triggered_id, dict):
        return no_update
    if not isinstance(shown, dict):
        raise Refused("alerts", ascii(shown)[:100])
    number = given.number("alert", ctx.triggered_id.get("acknowledge"))
    if alerts.acknowledge(conn, visit.viewer, number, visit.now):
        people.audit(conn, visit.now, visit.viewer.login, "acknowledged", f"alert {number}", {})
    kind = str(shown.get("kind", ""))
    return _list(conn, visit, str(shown.get("state", "open")), kind if kind in set(AlertKind) else "")


def connect(guarded: Guarded) -> None:
    guarded.reads(
        Output("alerts-list", "children"),
        Input({"acknowledge": ALL}, "n_clicks"),
        State("alerts-shown", "data"),
        roles=frozenset({UserRole.ENGINEER}),
        prevent_initial_call=True,
    )(acknowledge)


PAGE = Page("alerts", "/alerts", STAFF, show, nav="alerts")
