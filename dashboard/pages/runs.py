"""The billing runs, the latest first: whose they are and how far they have come."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from dash import html
from psycopg import Connection

from dashboard.addresses import STAFF, Page
from dashboard.parts.elements import Part, badge, card, empty, heading, link, table
from dashboard.visit import Visit
from model.period import LOCAL
from storage import billing_runs
from storage.billing_runs import Run, RunState

MOST = 60
TONES = {
    RunState.DRAFT: "plain",
    RunState.CHECKED: "warn",
    RunState.APPROVED: "info",
    RunState.ISSUED: "ok",
    RunState.WITHDRAWN: "plain",
}


def show(conn: Connection[Any], visit: Visit, names: Mapping[str, str]) -> Part:
    found = billing_runs.runs(conn, limit=MOST)
    say = visit.say
    top = heading(say("runs.title"), [say("runs.about")], back=(say("bills.title"), "/bills"))
    if not found:
        return html.Div([top, html.Div(empty(say("runs.none"), say("runs.none_more")), className="card")])
    heads = [say("runs.run"), say("runs.period"), say("runs.book"), say("runs.state"), say("runs.drafted")]
    return html.Div([top, card("", [table(heads, [_row(visit, run) for run in found])])])


def _row(visit: Visit, run: Run) -> list[Part]:
    return [
        link(visit.say("runs.number", n=run.id), f"/runs/{run.id}", "link row-name whole"),
        span(visit, run),
        run.book or visit.say("runs.all_books"),
        state(visit, run),
        who(visit, run.drafted_by, visit.fmt.instant(run.drafted_at)),
    ]


def span(visit: Visit, run: Run) -> str:
    """The days of a run."""
    first, end = (at.astimezone(LOCAL).date() for at in (run.from_at, run.to_at))
    return visit.fmt.span(first, max(end, first + timedelta(days=1)))


def state(visit: Visit, run: Run) -> Part:
    """How far a run has come, in a word with a colour."""
    return badge(visit.say(f"run_state.{run.state.value}"), TONES[run.state])


def who(visit: Visit, login: str | None, at: str) -> str:
    """Somebody, or the program by itself, and when."""
    return f"{login or visit.say('runs.at_once')} · {at}"


PAGE = Page("runs", "/runs", STAFF, show)
