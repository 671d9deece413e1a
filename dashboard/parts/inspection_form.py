"""What may be done with an inspection next, by whoever may: give it, visit, say what was found."""

from __future__ import annotations

from collections.abc import Sequence

from dash import dcc, html

from dashboard.parts.elements import Part, card, empty
from dashboard.visit import Visit
from operations.inspections.judging import may_judge
from storage.inspection_sheet import InspectionRow
from storage.inspections import InspectionState


def form(
    visit: Visit, row: InspectionRow, engineers: Sequence[str], *, said: str = "", typed: Sequence[str] = ()
) -> Part:
    """Buttons for the next steps alone; a sentence where there are none for the viewer. `said`: why what was
    pressed was not done; what was `typed` (note, day) stays where it was."""
    say = visit.say
    note, day = (*typed, "", "")[:2]
    refused = html.P(said, role="alert", className="error") if said else None
    if not row.state.is_open:
        return card(say("inspection.next"), [refused, empty(say("inspection.closed"))], kind="w6 no-print")
    if not may_judge(visit.viewer):
        return card(say("inspection.next"), [empty(say("inspection.engineers_alone"))], kind="w6 no-print")
    parts: list[Part]
    if row.state is InspectionState.INSPECTED:
        parts = [
            _reason(visit, "inspection.found_pattern", note),
            _since(visit, day or f"{row.since:%d/%m/%Y}"),
            refused,
            _acts(visit, "confirm", "dismiss"),
        ]
    elif row.state is InspectionState.ASSIGNED:
        parts = [
            _reason(visit, "inspection.visit_pattern", note),
            refused,
            _acts(visit, "visit", "back"),
            _others(visit, row, engineers),
        ]
    else:
        parts = [
            _reason(visit, "inspection.assign_pattern", note),
            refused,
            _acts(visit, "mine"),
            _others(visit, row, engineers),
        ]
    return card(say("inspection.next"), parts, kind="w6 case-form no-print")


def _acts(visit: Visit, main: str, *others: str) -> Part:
    return html.Div([act(visit, main, main=True), *(act(visit, other) for other in others)], className="acts")


def act(visit: Visit, what: str, *, main: bool = False) -> Part:
    """A button that does it."""
    return html.Button(
        visit.say(f"inspection.do_{what}"),
        id={"inspection": what},
        n_clicks=0,
        type="button",
        className="button button-main" if main else "button",
    )


def _reason(visit: Visit, pattern: str, typed: str) -> Part:
    return _field(visit, "reason", typed, visit.say(pattern))


def _since(visit: Visit, day: str) -> Part:
    return _field(visit, "since", day, visit.say("range.pattern"))


def _field(visit: Visit, name: str, value: str, pattern: str) -> Part:
    box = dcc.Input(
        id={"field": name}, type="text", value=value, placeholder=pattern, autoComplete="off", maxLength=400
    )
    return html.Div(
        [html.Label([html.Span(visit.say(f"inspection.{'since_day' if name == 'since' else name}")), box])],
        className="field",
    )


def _others(visit: Visit, row: InspectionRow, engineers: Sequence[str]) -> Part:
    """A button for each other engineer."""
    others = [login for login in engineers if login not in (row.assigned_to, visit.viewer.login)]
    if not others:
        return None
    buttons = [
        html.Button(login, id={"inspection": f"to {login}"}, n_clicks=0, type="button", className="button")
        for login in others
    ]
    return html.Details([html.Summary(visit.say("inspection.give")), html.Div(buttons, className="acts")])
