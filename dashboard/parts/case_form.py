"""What somebody may decide about a case: one reason, and a button for each way."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from dash import dcc, html

from dashboard.parts.elements import Part, card
from dashboard.visit import Visit
from operations.cases import clock
from operations.edits import Way
from storage.case_sheet import CaseRow

WAYS = (*(way.value for way in Way), "said", "figures")


def form(visit: Visit, row: CaseRow, days: Sequence[date]) -> Part:
    """The form of a case; what was judged may be edited still."""
    say = visit.say
    waits, mine = row.state.waits, row.assigned_to == visit.viewer.login
    chosen = [
        _act(visit, "accept", main=True) if waits else None,
        _act(visit, "reread") if waits and row.state != "reread" else None,
        None if mine else _act(visit, "mine"),
    ]
    first = row.detail.get("first_slot")
    count = row.detail.get("slots")
    start, end = (first, first + count) if isinstance(first, int) and isinstance(count, int) else (0, 48)
    options = [{"label": visit.fmt.day(day), "value": day.isoformat()} for day in days]
    ways = [{"label": say(f"case_way.{way}"), "value": way} for way in WAYS]
    edit = html.Details(
        [
            html.Summary(say("cases.edit_slots")),
            _field(visit, "day", _choice("case-day", options, days[-1].isoformat())),
            html.Div(
                [_field(visit, name, _box(f"case-{name}", clock(slot, 48)))
                 for name, slot in (("from", start), ("to", min(48, end)))],
                className="pair",
            ),
            _field(visit, "way", _choice("case-way", ways, WAYS[0])),
            _field(visit, "wh", _box("case-wh", "", say("cases.wh_pattern"))),
            _act(visit, "edit"),
        ]
    )  # fmt: skip
    reason = _field(visit, "reason", _box("case-reason", "", say("cases.reason_pattern")))
    return card(say("cases.judge"), [reason, html.Div(chosen, className="acts"), edit], kind="w6 case-form")


def _act(visit: Visit, what: str, *, main: bool = False) -> Part:
    kind = "button button-main" if main else "button"
    return html.Button(
        visit.say(f"cases.{what}"), id={"act": what}, n_clicks=0, type="button", className=kind
    )


def _field(visit: Visit, name: str, box: Any) -> Part:
    return html.Div([html.Label(visit.say(f"cases.{name}"), htmlFor=f"case-{name}"), box], className="field")


def _choice(name: str, options: list[dict[str, str]], chosen: str) -> Part:
    return dcc.RadioItems(options, chosen, id=name, className="choices")


def _box(name: str, value: str, pattern: str = "") -> Part:
    return dcc.Input(
        id=name, type="text", value=value, placeholder=pattern, autoComplete="off", maxLength=400
    )
