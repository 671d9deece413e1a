"""What a case rests on and what happened to it."""

from __future__ import annotations

from collections.abc import Sequence

from dash import html

from dashboard.parts.elements import Part, badge, card
from dashboard.parts.moments import severity_badge
from dashboard.parts.story import story
from dashboard.visit import Visit
from operations import wording
from operations.cases import times
from storage.case_sheet import CaseDay, CaseSheet, CaseStep
from storage.edits import Edit, in_force

_TONES = {"waits": "warn", "judged": "ok", "cured": "plain"}
MOST = 60


def figures_card(visit: Visit, sheet: CaseSheet, state: Part) -> Part:
    """Day by day what validation noticed."""
    days = sorted(sheet.days, key=lambda one: (one.state != "waits", one.day))[:MOST]
    rows = [_figures(visit, one) for one in days]
    return card(
        visit.say("cases.figures"), [html.Div(rows, className="rows scrolls")], beside=state, kind="w6"
    )


def _figures(visit: Visit, one: CaseDay) -> Part:
    said = wording.finding(one.kind, one.detail, visit.lang)
    return html.Div(
        [
            html.Div(
                [
                    html.Div(visit.fmt.day(one.day), className="row-name"),
                    html.Div(said, className="row-under"),
                ],
                className="row-main",
            ),
            html.Div(
                [
                    severity_badge(visit, one.severity),
                    badge(visit.say(f"case_day.{one.state}"), _TONES[one.state]),
                ],
                className="badges",
            ),
        ],
        className="row",
    )


def edits_card(visit: Visit, versions: Sequence[Edit]) -> Part:
    """The versions that were made for the case; those that count may be taken back."""
    say, fmt = visit.say, visit.fmt
    by_day: dict[object, list[Edit]] = {}
    for one in versions:
        by_day.setdefault(one.key, []).append(one)
    counting = {id(one) for several in by_day.values() for one in in_force(several)}
    rows = []
    for one in reversed(versions):
        decision = one.decision
        what = say(f"edit_kind.{decision.kind.value}", n=decision.undoes or "")
        span = "–".join(times(decision))
        back = html.Button(
            say("cases.undo"),
            id={"undo": one.version, "day": one.day.isoformat(), "channel": int(one.channel)},
            n_clicks=0,
            type="button",
            className="button",
        )
        before, after = fmt.number(sum(decision.before_energy)), fmt.number(sum(one.after_energy))
        lines = [
            html.Div(f"{fmt.day(one.day)} {span}: {before} → {after} Wh", className="row-name"),
            html.Div(say("cases.version", n=one.version, what=what), className="row-under"),
            html.Div(f"{one.login} · {fmt.instant(one.at)} · {one.reason}", className="row-under"),
        ]
        end = html.Div(back if id(one) in counting else None, className="row-end")
        rows.append(html.Div([html.Div(lines, className="row-main"), end], className="row"))
    return card(say("cases.edits"), [html.Div(rows, className="rows scrolls edits")])


def story_card(visit: Visit, sheet: CaseSheet) -> Part:
    """What happened to the case, the latest first."""
    return story(visit, visit.say("cases.story"), sheet.steps, lambda one: _step(visit, one))


def _step(visit: Visit, deed: CaseStep) -> str:
    to, step = deed.detail.get("to", ""), deed.step.value
    if step == "assigned" and not to:
        step = "unassigned"
    return visit.say(f"case_step.{step}", to=to, order=deed.detail.get("order", ""))
