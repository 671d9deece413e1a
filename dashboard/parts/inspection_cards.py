"""What an inspection rests on and what happened to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from dash import html

from dashboard.charts.inspection import beside_peers, day_bars, day_curves, unexplained
from dashboard.charts.packing import Figure, chart
from dashboard.parts.elements import Part, card, empty, facts
from dashboard.parts.inspection_tile import stake
from dashboard.parts.story import story
from dashboard.visit import Visit
from operations.inspections import reasons
from storage.inspection_sheet import InspectionDeed, InspectionRow, InspectionSheet


def reasons_card(visit: Visit, sheet: InspectionSheet, state: Part) -> Part:
    """Every reason in a sentence, what else would explain it, and what is at stake."""
    say, row = visit.say, sheet.row
    told = [html.Li(reasons.clue(one, visit.lang)) for one in row.clues]
    benign = (
        html.P([html.Strong(say("inspection.else") + " "), reasons.benign(row.benign, visit.lang)])
        if row.benign
        else None
    )
    body = [html.Ul(told, className="reasons"), benign, _stake(visit, row, sheet.evidence)]
    return card(say("inspection.reasons"), body, beside=state)


def _stake(visit: Visit, row: InspectionRow, evidence: Mapping[str, Any]) -> Part:
    say, fmt = visit.say, visit.fmt
    given = evidence.get("stake") or {}
    price = given.get("dong_a_kwh")
    by = given.get("by")
    return facts(
        [
            (say("inspection.since_head"), fmt.day(row.since)),
            (
                say("inspection.missing"),
                f"{fmt.figure(row.kwh_a_day)} kWh" if row.kwh_a_day is not None else "",
            ),
            (
                say("inspection.price"),
                f"{fmt.number(price)} ₫/kWh · {say(f'inspection.price_{by}')}"
                if price is not None and by
                else "",
            ),
            (
                say("inspection.at_stake"),
                stake(visit, row) if row.stake is not None else say("inspection.no_price"),
            ),
        ]
    )


def evidence_cards(visit: Visit, sheet: InspectionSheet) -> list[Part]:
    """The usual day and the accused, the days, the neighbours, the station, events: as on the night of it."""
    evidence = sheet.evidence
    days, curve = evidence.get("days") or {}, evidence.get("curve") or {}
    balance = evidence.get("balance") or {}
    bars = peers = course = rest = None
    if days and _some(days["kwh"]):
        first, since = date.fromisoformat(days["first"]), date.fromisoformat(days["since"])
        bars = day_bars(visit, first, since, days["kwh"])
        peers = beside_peers(visit, first, since, days["kwh"], days.get("peers") or [])
        if _some(balance.get("unexplained_kwh")):
            rest = unexplained(visit, first, since, balance["delivered_kwh"], balance["unexplained_kwh"])
    if curve and _some([*curve["usual"], *curve["accused"]]):
        course = day_curves(visit, curve["usual"], curve["accused"])
    return [
        _drawn(visit, "days", bars),
        _drawn(visit, "beside", peers, ("own", "peers")),
        _drawn(visit, "curve", course, ("accused", "usual")),
        _drawn(visit, "balance", rest, foot=_rests_on(visit, balance)),
        _events(visit, evidence.get("events") or []),
    ]


def _some(told: Sequence[float | None] | None) -> bool:
    """Whether anything of it is known."""
    return any(one is not None for one in told or ())


def _rests_on(visit: Visit, balance: Mapping[str, Any]) -> str:
    """What the balance takes off, and who is not told of in it."""
    said = [visit.say("inspection.technical" if balance.get("technical") else "inspection.whole_loss")]
    if share := balance.get("stood_in"):
        said.append(visit.say("inspection.stood_in", share=visit.fmt.percent(share)))
    if many := balance.get("silent"):
        said.append(visit.say("inspection.silent", n=many))
    return " ".join(said)


def _drawn(
    visit: Visit, name: str, figure: Figure | None, legend: tuple[str, ...] = (), foot: str = ""
) -> Part:
    say = visit.say
    title = say(f"inspection.title_{name}")
    if figure is None:
        return card(title, [empty(say(f"inspection.no_{name}"))], kind="w6")
    kinds = [html.Span([html.I(className=f"l-{each}"), say(f"inspection.{each}")]) for each in legend]
    return card(
        title,
        [chart(figure, title, f"inspection-{name}", "middle")],
        beside=html.Div(kinds, className="legend") if kinds else None,
        foot=foot or None,
        kind="w6",
    )


def _events(visit: Visit, events: list[Mapping[str, str]]) -> Part:
    rows = [
        html.Div(
            [
                html.Div(_event(visit, one["code"]), className="row-main row-name"),
                html.Div(visit.fmt.day(date.fromisoformat(one["day"])), className="row-end row-under"),
            ],
            className="row",
        )
        for one in reversed(events)
    ]
    body = [html.Div(rows, className="rows scrolls")] if rows else [empty(visit.say("inspection.no_events"))]
    return card(visit.say("meter.events"), body, kind="w6")


def _event(visit: Visit, code: str) -> str:
    """What the meter logged, or what a rule told of it."""
    named = visit.say.term("event", code)
    return visit.say.term("alert", code) if named == code else named


def _step(visit: Visit, deed: InspectionDeed) -> str:
    said = visit.say(f"inspection_step.{deed.step.value}", to=deed.detail.get("to", ""))
    since = deed.detail.get("since")
    if not since:
        return said
    return f"{said}, {visit.say('inspection.since', day=visit.fmt.day(date.fromisoformat(since)))}"


def story_card(visit: Visit, sheet: InspectionSheet) -> Part:
    """What happened to the inspection, the latest first."""
    return story(visit, visit.say("inspection.story"), sheet.steps, lambda one: _step(visit, one), "w6")
