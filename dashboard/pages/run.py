"""One billing run: what it comes to beside the month before, who is held back and why; a second person
approves it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from dash import Input, Output, State, dcc, html, no_update
from psycopg import Connection

from dashboard import given
from dashboard.addresses import STAFF, Page
from dashboard.callbacks import Guarded
from dashboard.errors import Refused
from dashboard.pages.runs import span, state, who
from dashboard.parts.elements import Part, badge, card, facts, figure, heading, link, table
from dashboard.parts.held import task
from dashboard.visit import Visit
from model.viewer import UserRole
from operations import bill_words, wording
from operations.errors import RunRefused
from operations.runs import stages
from storage import billing_runs, run_totals
from storage.billing_runs import Item, Run, RunState
from storage.errors import Unknown
from storage.run_totals import By, Sums, Total

MOST = 500


def show(conn: Connection[Any], visit: Visit, names: Mapping[str, str]) -> Part:
    run = _found(conn, names["id"])
    say = visit.say
    return html.Div(
        [
            heading(say("runs.number", n=run.id), [span(visit, run)], back=(say("runs.title"), "/runs")),
            dcc.Store(id="run-shown", data=run.id),
            html.Div(_body(conn, visit, run), id="run-body"),
        ]
    )


def _found(conn: Connection[Any], text: str) -> Run:
    try:
        return billing_runs.find(conn, given.numbered("billing run", text))
    except Unknown:
        raise Refused("billing run", text) from None


def owned(conn: Connection[Any], visit: Visit, names: Mapping[str, str]) -> bool:
    """Whether there is such a run."""
    try:
        return bool(_found(conn, names["id"]).id)
    except Refused:
        return False


def _body(conn: Connection[Any], visit: Visit, run: Run, said: str = "") -> list[Part]:
    sums = run_totals.sums(conn, run.id)
    held = billing_runs.items(conn, run.id, outcomes=("held", "conflict"), limit=MOST)
    totals = [_totals(visit, by, run_totals.totals(conn, run.id, by)) for by in By]
    notes = [
        wording.noticed(one.kind, one.object, one.said, one.facts, visit.lang)
        for one in billing_runs.findings(conn, run.id, MOST)
        if not one.holds
    ]
    cards = [
        _steps(visit, run, sums, said),
        *totals,
        _held(visit, held, sums) if held else None,
        _notes(visit, notes) if notes else None,
    ]
    return [_sums(visit, sums), html.Div(cards, className="grid")]


def _sums(visit: Visit, sums: Sums) -> Part:
    say, fmt = visit.say, visit.fmt
    return html.Div(
        [
            html.Section(figure(say("bills.sum_bills"), fmt.number(sums.bills)), className="card w4"),
            html.Section(figure(say("bills.sum_kwh"), fmt.number(sums.kwh), "kWh"), className="card w4"),
            html.Section(figure(say("bills.sum_money"), fmt.number(sums.total), "₫"), className="card w4"),
        ],
        className="grid thirds",
    )


def _steps(visit: Visit, run: Run, sums: Sums, said: str) -> Part:
    say = visit.say

    def step(login: str | None, at: datetime | None) -> str:
        return who(visit, login, visit.fmt.instant(at)) if at else ""

    pairs = [
        (say("runs.book"), run.book or say("runs.all_books")),
        (say("runs.invoice_date"), visit.fmt.day(run.invoice_date)),
        (say("runs.drafted"), step(run.drafted_by, run.drafted_at)),
        (say("runs.checked"), step(run.checked_by, run.checked_at)),
        (say("runs.approved"), step(run.approved_by, run.approved_at)),
        (say("runs.issued"), step(run.issued_by, run.issued_at)),
        (say("runs.withdrawn"), step(run.withdrawn_by, run.withdrawn_at)),
        (say("runs.why"), run.reason),
        (say("runs.reactive"), visit.fmt.money(sums.reactive) if sums.reactive else ""),
        (say("runs.standing"), visit.fmt.number(sums.standing) if sums.standing else ""),
        (say("runs.indices"), html.Code((run.indices_sha256 or b"").hex()) if run.indices_sha256 else None),
    ]
    told = html.P(said, role="alert", className="task") if said else None
    return card(say("runs.steps"), [facts(pairs), told, _approve(visit, run)], beside=state(visit, run))


def _approve(visit: Visit, run: Run) -> Part:
    """The button, for a second person of the billing office; to whoever drafted it, why there is none."""
    if run.state is not RunState.CHECKED or visit.viewer.role is not UserRole.BILLING:
        return None
    if run.drafted_by == visit.viewer.login:
        return html.P(visit.say("runs.second_person"), className="muted")
    return html.Button(
        visit.say("runs.approve"), id="run-approve", n_clicks=0, type="button", className="button button-main"
    )


def _totals(visit: Visit, by: By, found: Sequence[Total]) -> Part:
    say, fmt = visit.say, visit.fmt
    heads = [say(f"runs.by_{by.value}"), say("bills.sum_bills"), "kWh", say("bills.total")]
    heads += [say("runs.bills_before"), say("runs.kwh_before"), say("runs.total_before")]
    rows = [
        [
            bill_words.plan(one.key, visit.lang) if by is By.PLAN else one.key,
            *(fmt.number(n) for n in (one.bills, one.kwh, one.total)),
            *(fmt.number(n) for n in (one.bills_before, one.kwh_before, one.total_before)),
        ]
        for one in found
    ]
    return card("", [table(heads, rows, numeric=(1, 2, 3, 4, 5, 6))])


def _held(visit: Visit, held: Sequence[Item], sums: Sums) -> Part:
    rows = []
    for one in held:
        named = one.serial or one.point
        meter = link(one.serial, f"/meters/{one.serial}") if one.serial else named
        rows.append(
            html.Div(
                html.Div(
                    [
                        html.Div([meter, f" · {one.customer}"], className="row-name"),
                        *task(visit, one.kind, named, one.reason),
                    ],
                    className="row-main",
                ),
                className="row",
            )
        )
    beside = badge(visit.say("bills.held_note", n=sums.held), "warn")
    return card(visit.say("bills.held"), [html.Div(rows, className="rows")], beside=beside)


def _notes(visit: Visit, notes: Sequence[str]) -> Part:
    return card(visit.say("runs.noticed"), [html.Ul([html.Li(said) for said in notes])])


def approve(conn: Connection[Any], visit: Visit, clicks: object, shown: object) -> Part:
    """A second person agrees: the run is approved, and shown anew."""
    if not clicks:
        return no_update
    number = given.number("billing run", shown)
    said = ""
    try:
        stages.agree(conn, visit.viewer.login, number, visit.now)
    except RunRefused as refused:
        said = refused.sentence
    return html.Div(_body(conn, visit, _found(conn, str(number)), said))


def connect(guarded: Guarded) -> None:
    guarded.reads(
        Output("run-body", "children"),
        Input("run-approve", "n_clicks"),
        State("run-shown", "data"),
        roles=frozenset({UserRole.BILLING}),
        prevent_initial_call=True,
    )(approve)


PAGE = Page("run", "/runs/{id}", STAFF, show, owned=owned)
